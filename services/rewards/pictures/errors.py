"""Errors of pictures."""

from services.rewards.sentences import mall
from shared.errors import Conflict, InvalidRequest, NotFound


class PictureNotFound(NotFound):
    code = "PICTURE_NOT_FOUND"
    says = mall.PICTURE_NOT_FOUND


class PictureTypeInvalid(InvalidRequest):
    code = "PICTURE_TYPE_INVALID"
    says = mall.PICTURE_TYPE_INVALID


class PictureHashMismatch(InvalidRequest):
    code = "PICTURE_HASH_MISMATCH"
    says = mall.PICTURE_HASH_MISMATCH


class TooManyPictures(Conflict):
    code = "TOO_MANY_PICTURES"
    says = mall.TOO_MANY_PICTURES

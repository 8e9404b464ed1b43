"""Refusals of uploads. For errors inside a file see reasons.py."""

from typing import ClassVar

from services.ingest.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound, PayloadTooLarge, TooManyRequests, Unavailable


class ImportNotFound(NotFound):
    code = "IMPORT_NOT_FOUND"
    says = refusals.IMPORT_NOT_FOUND


class TooManyImports(TooManyRequests):
    code = "TOO_MANY_IMPORTS"
    says = refusals.TOO_MANY_IMPORTS


class SpoolFull(Unavailable):
    code = "IMPORT_SPOOL_FULL"
    says = refusals.IMPORT_SPOOL_FULL


class FileTooLarge(PayloadTooLarge):
    code = "FILE_TOO_LARGE"
    says = refusals.FILE_TOO_LARGE


class FileEmpty(InvalidRequest):
    code = "FILE_EMPTY"
    says = refusals.FILE_EMPTY


class PartUnexpected(InvalidRequest):
    code = "PART_UNEXPECTED"
    says = refusals.PART_UNEXPECTED


class PartDiffers(Conflict):
    code = "PART_DIFFERS"
    says = refusals.PART_DIFFERS


class PartsMissing(Conflict):
    code = "PARTS_MISSING"
    members: ClassVar = {"missing": list[int]}
    says = refusals.PARTS_MISSING


class UploadClosed(Conflict):
    code = "UPLOAD_CLOSED"
    says = refusals.UPLOAD_CLOSED


class DayNeeded(InvalidRequest):
    code = "DAY_NEEDED"
    says = refusals.DAY_NEEDED

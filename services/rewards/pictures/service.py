"""Use cases of pictures: store, serve."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from services.rewards.audit.service import log
from services.rewards.pictures import repository
from services.rewards.pictures.domain import MediaType, media_type_of
from services.rewards.pictures.errors import (
    PictureHashMismatch,
    PictureNotFound,
    PictureTypeInvalid,
    TooManyPictures,
)
from shared.db import Session

# Two for each of some ten thousand items. Pictures are kept for good, because old pages name them.
PICTURES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Picture:
    sha256: str
    media_type: MediaType
    content: bytes


async def store(
    session: Session, *, content: bytes, declared_type: str, declared_sha256: str, operator: str
) -> tuple[Picture, bool]:
    """Store a picture. The same content again is the same picture; then the second value is False.

    Raises PictureTypeInvalid, PictureHashMismatch, TooManyPictures.
    """
    media_type = media_type_of(content)
    if media_type is None or media_type != declared_type:
        raise PictureTypeInvalid
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != declared_sha256:
        raise PictureHashMismatch
    stored = Picture(sha256, media_type, content)
    if await repository.known(session, [sha256]):
        return stored, False
    if await repository.count(session) >= PICTURES_MAX:
        raise TooManyPictures(most=PICTURES_MAX)
    if not await repository.insert_new(session, sha256=sha256, media_type=media_type, content=content):
        return stored, False
    await log.record(
        session,
        subject=operator,
        action="picture.store",
        about=sha256,
        reason="上传商品图片 picture of an item",
        after={"media_type": media_type, "size_bytes": len(content)},
    )
    return stored, True


async def get_picture(session: Session, *, sha256: str) -> Picture:
    """Raises PictureNotFound."""
    row = await repository.find(session, sha256)
    if row is None:
        raise PictureNotFound
    return Picture(row.sha256, row.media_type, row.content)


async def require(session: Session, *, hashes: Collection[str]) -> None:
    """Raises PictureNotFound unless all of them are stored."""
    if set(hashes) - await repository.known(session, hashes):
        raise PictureNotFound

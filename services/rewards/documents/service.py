"""Use cases of documents: give out a file, or ask the worker for it.

A row is named by the hash of its content. So a document has one row and one file, however often it is asked for, and
content that changed is another document.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from services.rewards.documents import repository
from services.rewards.documents.domain import Content, Form, content_hash
from services.rewards.documents.errors import DocumentsBusy
from shared import clock
from shared.db import Session

WAITING_MAX: Final = 2_000
RETRY_AFTER_S: Final = 2
KEPT: Final = timedelta(days=30)
LATE: Final = timedelta(minutes=2)
_DELETED_MAX: Final = 500

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose document: of the holder of a certificate, or of a person with a statement. With them it is erased."""

    certificate_no: str | None = None
    user_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class File:
    form: Form
    content: bytes
    sha256: str


async def get_or_request(session: Session, *, content: Content, form: Form, owner: Owner) -> File | None:
    """Return the file, or None: the worker makes it, ask again after RETRY_AFTER_S. Raises DocumentsBusy."""
    name = content_hash(content, form)
    row = await repository.find(session, name)
    if row is None:
        if await repository.count_waiting(session, at_most=WAITING_MAX) >= WAITING_MAX:
            raise DocumentsBusy(retry_after_s=60)
        await repository.insert_missing(
            session,
            content_hash=name,
            form=form,
            certificate_no=owner.certificate_no,
            user_id=owner.user_id,
            content=msgspec.to_builtins(content),
        )
        return None
    await repository.note_use(session, name)
    return None if row.file is None else File(form, row.file, row.file_sha256)


async def forget_certificate(session: Session, *, certificate_no: str) -> None:
    """Delete the documents of a certificate whose content has changed."""
    await repository.delete_of_certificate(session, certificate_no)


async def delete_unused(session: Session) -> None:
    """Timed job: delete documents that nobody asked for in a month. They are made again on demand, the same."""
    await repository.delete_unused(session, before=clock.now().date() - KEPT, limit=_DELETED_MAX)


async def report_late(session: Session) -> None:
    """Timed job: say so when a document waits too long."""
    waited = await repository.oldest_wait(session)
    if waited is not None and waited > LATE:
        _log.warning("documents_late", oldest_s=int(waited.total_seconds()))

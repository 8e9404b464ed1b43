"""Use cases of imports: upload a file in signed parts, show its progress and its rejected lines."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.ingest.archive import service as archive
from services.ingest.imports import reasons, repository
from services.ingest.imports.domain import (
    FILE_BYTES_MAX,
    OPEN_PER_PARTNER_MAX,
    PART_BYTES,
    SPOOL_BYTES_MAX,
    Compression,
    FileFormat,
    Mode,
    part_size,
    parts_of,
    receipts_of,
)
from services.ingest.imports.errors import (
    DayNeeded,
    FileEmpty,
    FileTooLarge,
    ImportNotFound,
    PartDiffers,
    PartsMissing,
    PartUnexpected,
    SpoolFull,
    TooManyImports,
    UploadClosed,
)
from services.ingest.imports.text import Charset
from services.ingest.partners.service import Partner
from shared import clock
from shared.db import Session
from shared.ids import new_id

_RETRY_AFTER_S = 60
_MISSING_SHOWN = 50
UPLOAD_TIME = timedelta(days=1)
# As long as the rejections of receipts: time to repair an integration and to prove the errors.
REPORTS_KEPT = timedelta(days=180)
_DELETE_MAX = 20


@dataclass(frozen=True, slots=True)
class NewFile:
    """The file a partner announces. `event_type` is for lines without a type, `day` only for a reconciliation.

    `charset` as stated by the partner, None if not. `zone` is for times without an offset in a CSV file.
    """

    mode: Mode
    format: FileFormat
    compression: Compression
    size_bytes: int
    sha256: bytes
    dry_run: bool = False
    event_type: str | None = None
    file_name: str | None = None
    day: date | None = None
    charset: Charset | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class ImportView:
    """`parts_missing` is filled while uploading, `outcomes` (events by status) once an import is done."""

    row: Mapping[str, Any]
    parts_expected: int
    parts_missing: Sequence[int] = ()
    outcomes: Mapping[str, int] | None = None


async def begin_import(session: Session, partner: Partner, file: NewFile) -> UUID:
    """Create an import that waits for its parts. The same unfinished file again is the same import.

    Raises FileEmpty, FileTooLarge, DayNeeded, TooManyImports, SpoolFull.
    """
    if file.size_bytes == 0:
        raise FileEmpty
    if file.size_bytes > FILE_BYTES_MAX:
        raise FileTooLarge(limit_bytes=FILE_BYTES_MAX)
    if (file.day is None) == (file.mode == "reconcile"):
        raise DayNeeded
    row = {
        "import_id": new_id(),
        "partner_id": partner.partner_id,
        "mode": file.mode,
        "dry_run": file.dry_run or partner.sandbox,
        "day": file.day,
        "file_name": file.file_name,
        "format": file.format,
        "compression": file.compression,
        "event_type": file.event_type,
        "charset": file.charset,
        "zone": file.zone,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "part_bytes": PART_BYTES,
        "status": "uploading",
    }
    await repository.lock_admission(session)
    known = await repository.find_same_open(session, row)
    if known is not None:
        return UUID(str(known["import_id"]))
    count, waiting_bytes = await repository.unfinished_load(session, partner.partner_id)
    if count >= OPEN_PER_PARTNER_MAX:
        raise TooManyImports(limit=OPEN_PER_PARTNER_MAX, retry_after_s=_RETRY_AFTER_S)
    if waiting_bytes + file.size_bytes > SPOOL_BYTES_MAX:
        raise SpoolFull(retry_after_s=_RETRY_AFTER_S)
    await repository.add_job(session, row)
    return UUID(str(row["import_id"]))


async def put_part(session: Session, partner: Partner, import_id: UUID, part_no: int, content: bytes) -> None:
    """Safe to repeat with the same bytes. Raises ImportNotFound, UploadClosed, PartUnexpected, PartDiffers."""
    row = await _own(session, partner, import_id)
    sha256 = hashlib.sha256(content).digest()
    if row["status"] != "uploading":
        raise UploadClosed
    expected = part_size(part_no, row["size_bytes"], row["part_bytes"])
    if len(content) != expected or not content:
        raise PartUnexpected(part_no=part_no, expected=expected, size=len(content))
    kept = await repository.add_part(session, import_id=import_id, part_no=part_no, sha256=sha256, content=content)
    if kept != sha256:
        raise PartDiffers


async def complete_upload(session: Session, partner: Partner, import_id: UUID) -> None:
    """Hand the file to the worker. Safe to repeat. Raises ImportNotFound, PartsMissing."""
    row = await _own(session, partner, import_id, lock=True)
    if row["status"] != "uploading":
        return
    missing = await _missing(session, row)
    if missing:
        shown = missing[:_MISSING_SHOWN]
        raise PartsMissing(missing=", ".join(map(str, shown)), extensions={"missing": shown})
    await repository.change_job(session, import_id, status="queued", completed_at=clock.now())


async def upload_file(session: Session, partner: Partner, file: NewFile, content: bytes) -> UUID:
    """Upload a file of one part. Raises the same as `begin_import`."""
    import_id = await begin_import(session, partner, file)
    row = await _own(session, partner, import_id)
    if row["status"] == "uploading":
        await put_part(session, partner, import_id, 0, content)
        await complete_upload(session, partner, import_id)
    return import_id


async def view_import(session: Session, partner: Partner, import_id: UUID) -> ImportView:
    """Raises ImportNotFound."""
    row = await _own(session, partner, import_id)
    expected = parts_of(row["size_bytes"], row["part_bytes"])
    if row["status"] == "uploading":
        return ImportView(row, expected, (await _missing(session, row))[:_MISSING_SHOWN])
    if row["status"] != "done" or row["mode"] != "import" or row["dry_run"]:
        return ImportView(row, expected)
    first, last = receipts_of(import_id)
    outcomes = await archive.outcome_counts(session, partner_id=partner.partner_id, first=first, last=last)
    return ImportView(row, expected, outcomes=outcomes)


async def list_imports(session: Session, partner: Partner, before: UUID | None, limit: int) -> list[ImportView]:
    rows = await repository.list_jobs(session, partner.partner_id, before, limit)
    return [ImportView(row, parts_of(row["size_bytes"], row["part_bytes"])) for row in rows]


async def list_line_errors(
    session: Session, partner: Partner, import_id: UUID, after: int, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Rejected lines in the order of the file, starting after line `after`. Raises ImportNotFound."""
    await _own(session, partner, import_id)
    return await repository.list_errors(session, import_id, after, limit)


async def clean_up(session: Session) -> None:
    """Timed job. Fails abandoned uploads and deletes old imports, a bounded number per run."""
    now = clock.now()
    for import_id in await repository.fail_abandoned(session, now - UPLOAD_TIME, reasons.UPLOAD_ABANDONED, now):
        await repository.drop_parts(session, import_id)
    await repository.delete_old_jobs(session, now - REPORTS_KEPT, _DELETE_MAX)


async def _own(session: Session, partner: Partner, import_id: UUID, *, lock: bool = False) -> Mapping[str, Any]:
    row = await repository.find_job(session, import_id, lock=lock)
    if row is None or row["partner_id"] != partner.partner_id:
        raise ImportNotFound
    return row


async def _missing(session: Session, row: Mapping[str, Any]) -> list[int]:
    there = set(await repository.part_numbers(session, row["import_id"]))
    return [number for number in range(parts_of(row["size_bytes"], row["part_bytes"])) if number not in there]

"""The part of the worker that imports files: reads a file in blocks, publishes each, and records the progress.

The transaction that records a block commits after the log has acknowledged its events. If the worker is killed in
between, the next one publishes the block again with the same receipts and positions, which has no second effect.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog

from services.ingest.events.service import BatchContext, publish_activities
from services.ingest.imports import reasons, repository
from services.ingest.imports.blocks import Block, read_block
from services.ingest.imports.cells import zone_of
from services.ingest.imports.columns import Table, header_of, is_before_header
from services.ingest.imports.domain import BLOCK_LINES, LINE_ERRORS_KEPT, parts_of, receipt_of_block, receipts_of
from services.ingest.imports.files import LineReader, LoadPart
from services.ingest.imports.reasons import BadFile
from services.ingest.imports.text import Charset, EncodingCheck, without_mark
from services.ingest.outcomes import service as outcomes
from services.ingest.partners.service import Partner, PartnerRegistry
from services.ingest.reconciliation import service as reconciliation
from shared import clock, telemetry
from shared.consumer import RETRYABLE
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Database, Session
from shared.eventlog import EventLog
from shared.ids import new_id

BLOCKS_PER_STEP: Final = 4
# Files that take turns keep their place in memory. Another one is read again from its start, without its events.
OPEN_FILES_MAX: Final = 16
_IDLE_S: Final = 0.3
_FAILURE_PAUSE_S: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`pepper` keys the hashes of account references; `lease_s` is how long a dead worker keeps its file."""

    pepper: str = field(repr=False)
    topic_prefix: str
    time_zone: str
    lease_s: int
    lines_per_s: int


class ImportRunner:
    """Works on a few blocks of one file at a time. Partners and files take turns. Workers take different files."""

    def __init__(self, database: Database, log: EventLog, registry: PartnerRegistry, options: ImportOptions) -> None:
        self._database, self._event_log = database, log
        self._registry, self._options = registry, options
        self._holder = str(new_id())
        self._open: dict[UUID, LineReader] = {}  # the file that was worked on last comes last

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            started = time.monotonic()
            try:
                lines = await self.step()
            except RETRYABLE as exc:
                self._open.clear()
                _log.warning("import_retries", error=repr(exc)[:300])
                await asyncio.sleep(_FAILURE_PAUSE_S)
                continue
            if lines is None:
                await asyncio.sleep(_IDLE_S)
            else:  # a steady pace, so that live events do not wait behind a file
                due = started + lines / self._options.lines_per_s
                await asyncio.sleep(max(due - time.monotonic(), 0))

    async def step(self) -> int | None:
        """Process a few blocks of one file in one transaction. Return the lines read, None if no file is waiting."""
        async with self._database.transaction() as session:
            job = await repository.claim_job(session, self._holder, self._options.lease_s)
            if job is None:
                return None
            try:
                return await self._advance(session, job)
            except BadFile as bad:
                self._open.pop(job["import_id"], None)
                _log.warning("import_failed", import_id=str(job["import_id"]), code=bad.code)
                await _finish(session, job["import_id"], status="failed", failure=str(bad))
                await reconciliation.drop_lines(session, report_id=job["import_id"])
                return 0

    async def _advance(self, session: Session, job: repository.Row) -> int:
        load = _loader(session, job["import_id"])
        if job["status"] == "queued":
            await _check_content(job, load)
            await _check_lines(job, load)
            await repository.change_job(session, job["import_id"], status="running")
            first, last = receipts_of(job["import_id"])
            await outcomes.mark_bulk(session, partner_id=job["partner_id"], first=first, last=last)
        partner = await self._partner(job)
        reader = await self._reader(job, load)
        header, lines_read = job["header"], 0
        charset: Charset = job["charset"] or "utf-8"
        zone = zone_of(job["zone"]) if job["zone"] is not None else None
        accepted, rejected, block_no = job["accepted"], job["rejected"], job["next_block"]
        ended = False
        for _ in range(BLOCKS_PER_STEP):
            at = reader.next_line
            lines = await reader.take(BLOCK_LINES, load)
            lines_read += len(lines)
            if at == 1 and lines:
                lines[0] = without_mark(lines[0], charset)
                if job["format"] == "csv":
                    header = _take_header(lines, job["event_type"], charset)
            if at == 1 and not any(line.strip() for line in lines) and header is None:
                raise BadFile(reasons.EMPTY_FILE)
            table = (
                Table(tuple(header), partner.source, job["event_type"], charset, zone) if header is not None else None
            )
            receipt_id = receipt_of_block(job["import_id"], block_no)
            batch = BatchContext(partner, self._options.pepper, receipt_id, job["completed_at"])
            block = read_block(lines, at, batch, table, charset)
            await self._process(session, job, partner, block)
            accepted, rejected = accepted + len(block.reports), rejected + len(block.errors)
            block_no += 1
            ended = len(lines) < BLOCK_LINES
            if ended:
                break
        await repository.change_job(
            session, job["import_id"], next_line=reader.next_line, next_block=block_no, bytes_read=reader.bytes_read,
            accepted=accepted, rejected=rejected, header=header,
        )  # fmt: skip
        if ended:
            await self._complete(session, job)
        return lines_read

    async def _partner(self, job: repository.Row) -> Partner:
        """The partner as it is registered now. Raises BadFile."""
        known = {partner.partner_id: partner for partner in await self._partners(job["import_id"])}
        found = known.get(job["partner_id"])
        if found is None:
            raise BadFile(reasons.PARTNER_UNKNOWN)
        return found

    async def _partners(self, import_id: UUID) -> Sequence[Partner]:
        if import_id not in self._open:
            await self._registry.refresh()
        return self._registry.partners()

    async def _reader(self, job: repository.Row, load: LoadPart) -> LineReader:
        """The open reader if it is at the recorded line, else a new one moved to it."""
        import_id, line = job["import_id"], job["next_line"]
        reader = self._open.pop(import_id, None)
        if reader is None or reader.next_line != line:
            reader = LineReader(job["compression"])
            await reader.skip_to(line, load)
        while len(self._open) >= OPEN_FILES_MAX:
            self._open.pop(next(iter(self._open)))
        self._open[import_id] = reader
        return reader

    async def _process(self, session: Session, job: repository.Row, partner: Partner, block: Block) -> None:
        import_id = job["import_id"]
        rows = [
            {"line_no": error.line_no, "event_id": error.event_id, "code": error.code, "field": error.field}
            for error in block.errors
        ]
        await repository.add_errors(session, import_id, rows, LINE_ERRORS_KEPT)
        if job["mode"] == "reconcile":
            await reconciliation.add_lines(
                session, report_id=import_id, reports=block.reports, lines=block.lines,
                time_zone=self._options.time_zone,
            )  # fmt: skip
        elif block.reports and not job["dry_run"]:
            await self._publish(partner, job["completed_at"], block.reports)

    async def _publish(self, partner: Partner, received_at: Any, reports: list[ActivityReported]) -> None:
        await publish_activities(
            self._event_log,
            self._options.topic_prefix,
            source=partner.source,
            received_at=received_at,
            reports=reports,
        )
        telemetry.EVENTS_INTAKE.labels(partner.partner_id, "imported").inc(len(reports))

    async def _complete(self, session: Session, job: repository.Row) -> None:
        if job["mode"] == "reconcile":
            await reconciliation.compare_day(
                session,
                report_id=job["import_id"],
                partner_id=job["partner_id"],
                day=job["day"],
                time_zone=self._options.time_zone,
            )
        await _finish(session, job["import_id"], status="done", bytes_read=job["size_bytes"])
        self._open.pop(job["import_id"], None)
        _log.info("import_done", import_id=str(job["import_id"]))


def _loader(session: Session, import_id: UUID) -> Callable[[int], Any]:
    async def load(part_no: int) -> bytes | None:
        return await repository.load_part(session, import_id, part_no)

    return load


async def _check_content(job: repository.Row, load: LoadPart) -> None:
    """Raises BadFile if the content differs from the announced file, before anything is published."""
    digest = hashlib.sha256()
    for part_no in range(parts_of(job["size_bytes"], job["part_bytes"])):
        digest.update(await load(part_no) or b"")
        await asyncio.sleep(0)
    if digest.digest() != job["sha256"]:
        raise BadFile(reasons.SHA256_MISMATCH)


_CHECKED_LINES: Final = 5_000


async def _check_lines(job: repository.Row, load: LoadPart) -> None:
    """Read the whole file once. Raises BadFile for what refuses a file, so that no line of such a file is published."""
    reader, encoding = LineReader(job["compression"]), EncodingCheck(job["charset"])
    while lines := await reader.take(_CHECKED_LINES, load):
        if reader.next_line == len(lines) + 1:
            lines[0] = without_mark(lines[0], job["charset"] or "utf-8")
        encoding.add(lines)
    encoding.finish()


def _take_header(lines: list[bytes], event_type: str | None, charset: Charset) -> list[str] | None:
    """The header of a CSV file, taken out of its first lines. None if there is none. Raises BadFile."""
    for number, line in enumerate(lines):
        lines[number] = b""
        if not is_before_header(line):
            return list(header_of(line.removesuffix(b"\r"), event_type=event_type, charset=charset))
    return None


async def _finish(session: Session, import_id: UUID, **values: object) -> None:
    await repository.drop_parts(session, import_id)
    await repository.change_job(session, import_id, finished_at=clock.now(), holder=None, lease_until=None, **values)

"""Exports: asked for, built by the worker, kept sealed for seven days.

The worker collects the rows that the register of each service names, page by page. No transaction is open meanwhile. A
worker that dies leaves a lease behind, and another one starts over.
"""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from services.accounts.database import SCHEMA
from services.accounts.exports import repository
from services.accounts.exports.archive import build_archive
from services.accounts.exports.client import RowsReader, RowsUnavailable
from services.accounts.exports.errors import ExportFailed, ExportNotFound
from services.accounts.exports.models import DataExport, ExportArchive
from services.accounts.exports.opened import opened_page
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.person_keys import service as person_keys
from services.accounts.personal_data import TABLES
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.identity import person_account_id
from shared.contracts.personal_rows import EVENTS_PER_PAGE_MAX, PersonalDataPage, PersonalRow
from shared.db import Database, Session
from shared.errors import Unauthenticated
from shared.ids import new_id
from shared.personal_rows import PersonalRows, PersonIds
from shared.sealing import SealBroken

EXPORTS_QUOTA: Final = Quota("export", at_most=2, window_s=86_400)
KEPT: Final = timedelta(days=7)
# More rows than the most active citizen of ten years has. An archive of that size is built in memory.
ROWS_MAX: Final = 200_000
ATTEMPTS_MAX: Final = 5
_LEASE: Final = timedelta(minutes=2)
_ROWS: Final = PersonalRows(SCHEMA, TABLES)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExportView:
    """`archive` is there once it is ready."""

    export_id: uuid.UUID
    status: str
    requested_at: datetime
    service: str | None
    row_count: int
    expires_at: datetime | None
    archive: bytes | None = None


class _TooLarge(Exception):
    pass


class _PersonGone(Exception):
    pass


async def request(session: Session, *, user_id: uuid.UUID) -> ExportView:
    """Queue an export. While one is being built, return that one. Raises QuotaExceeded, Unauthenticated."""
    await users.lock_user(session, user_id=user_id)
    existing = await repository.find_open(session, user_id=user_id)
    if existing is not None:
        return _view(existing)
    await quotas.count_use(session, user_id=user_id, quota=EXPORTS_QUOTA)
    row = DataExport(
        export_id=new_id(), user_id=user_id, status="queued", row_count=0, attempts=0, requested_at=clock.now()
    )
    await repository.add(session, row)
    return _view(row)


async def read(session: Session, *, vault: Vault, user_id: uuid.UUID, export_id: uuid.UUID) -> ExportView:
    """Return the progress, and the archive once it is ready. Raises ExportNotFound, ExportFailed."""
    row = await repository.find(session, export_id=export_id, user_id=user_id)
    if row is None or (row.expires_at is not None and row.expires_at <= clock.now()):
        raise ExportNotFound
    if row.status == "failed":
        raise ExportFailed
    if row.status != "ready":
        return _view(row)
    sealed = await repository.find_archive(session, export_id=export_id)
    if sealed is None:
        raise ExportNotFound
    try:
        sealer = await person_keys.read_key(session, vault=vault, user_id=user_id)
        return _view(row, sealer.open_bytes(sealed, f"export:{export_id}"))
    except SealBroken as exc:
        raise ExportNotFound from exc


async def build_next(database: Database, *, settings: Settings, vault: Vault, reader: RowsReader) -> bool:
    """Build the export that waits longest. Return whether there was one. Timed job."""
    async with database.transaction() as session:
        claimed = await repository.claim(session, at=clock.now(), lease=_LEASE)
        if claimed is None:
            return False
        export_id, user_id, attempts = claimed.export_id, claimed.user_id, claimed.attempts
    try:
        collected = await _collect(database, settings, export_id=export_id, user_id=user_id, vault=vault, reader=reader)
    except (RowsUnavailable, _TooLarge) as exc:
        _log.warning("export_failed", export_id=str(export_id), error=repr(exc), attempts=attempts)
        await _give_up(database, export_id, final=attempts >= ATTEMPTS_MAX or isinstance(exc, _TooLarge))
        return True
    except _PersonGone:
        return True
    zone = ZoneInfo(settings.time_zone)
    content = build_archive(collected.tables, collected.titles, at=clock.now().astimezone(zone))
    async with database.transaction() as session:
        await _store(session, zone, vault=vault, export_id=export_id, user_id=user_id, content=content)
    return True


class _Collected:
    """The rows of a person by service and table, each once, with the titles of the tables."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.titles: dict[str, dict[str, str]] = {}
        self.total = 0
        self._seen: set[str] = set()

    def add(self, service: str, page: PersonalDataPage) -> None:
        """Raises _TooLarge."""
        tables = self.tables.setdefault(service, {})
        self.titles.setdefault(service, {}).update(page.titles)
        for one in page.rows:
            name = f"{service} {one.table} {json.dumps(one.row, sort_keys=True)}"
            if name not in self._seen:  # two links may find the same row
                self._seen.add(name)
                tables.setdefault(one.table, []).append(one.row)
                self.total += 1
        if self.total > ROWS_MAX:
            raise _TooLarge(self.total)


async def _collect(
    database: Database,
    settings: Settings,
    *,
    export_id: uuid.UUID,
    user_id: uuid.UUID,
    vault: Vault,
    reader: RowsReader,
) -> _Collected:
    """Raises RowsUnavailable, _TooLarge, _PersonGone."""
    account_id = person_account_id(user_id)
    found = _Collected()

    async def take(service: str, pages: AsyncIterator[PersonalDataPage]) -> None:
        async for page in pages:
            found.add(service, page)
            await _tell(database, export_id, service, found.total)

    await take("accounts", _own_pages(database, settings, vault, user_id, account_id))
    for service in ("accounting", "rewards"):
        await take(service, reader.pages(service, user_id=user_id, account_id=account_id))
    # Only accounting knows which events of the archive were this person's.
    events = [uuid.UUID(row["activity_id"]) for row in found.tables["accounting"].get("activity", [])]
    found.tables.setdefault("ingest", {})
    for start in range(0, len(events), EVENTS_PER_PAGE_MAX):
        portion = events[start : start + EVENTS_PER_PAGE_MAX]
        await take("ingest", reader.pages("ingest", user_id=user_id, account_id=account_id, events=portion))
    return found


async def _own_pages(
    database: Database, settings: Settings, vault: Vault, user_id: uuid.UUID, account_id: uuid.UUID
) -> AsyncIterator[PersonalDataPage]:
    async with database.transaction() as session:
        opened = await opened_page(session, settings=settings, vault=vault, user_id=user_id)
    yield opened
    after: str | None = None
    while True:
        async with database.transaction() as session:
            rows, after = await _ROWS.page(session, PersonIds(user_id=user_id, account_id=account_id), after=after)
        found = [PersonalRow(table=table, row=row) for table, row in rows]
        yield PersonalDataPage(rows=found, titles=_ROWS.titles(rows), after=after)
        if after is None:
            return


async def _tell(database: Database, export_id: uuid.UUID, service: str, row_count: int) -> None:
    async with database.transaction() as session:
        until = clock.now() + _LEASE
        if not await repository.progress(
            session, export_id=export_id, service=service, row_count=row_count, lease_until=until
        ):
            raise _PersonGone


async def _give_up(database: Database, export_id: uuid.UUID, *, final: bool) -> None:
    async with database.transaction() as session:
        row = await repository.lock(session, export_id=export_id)
        if row is not None and final:
            row.status, row.finished_at = "failed", clock.now()


async def _store(
    session: Session, zone: ZoneInfo, *, vault: Vault, export_id: uuid.UUID, user_id: uuid.UUID, content: bytes
) -> None:
    """Keep the archive, sealed with the person's key. An erasure meanwhile leaves nothing to keep."""
    try:
        await users.lock_user(session, user_id=user_id)
    except Unauthenticated:
        return
    row = await repository.lock(session, export_id=export_id)
    if row is None or row.status != "running":
        return
    sealer = await person_keys.open_key(session, vault=vault, user_id=user_id)
    sealed = sealer.seal_bytes(content, f"export:{export_id}")
    await repository.add_archive(session, ExportArchive(export_id=export_id, sealed=sealed))
    now = clock.now()
    row.status, row.finished_at, row.expires_at, row.lease_until = "ready", now, now + KEPT, None
    until = row.expires_at.astimezone(zone).date()
    await messages.queue(
        session, user_id=user_id, kind=MessageKind.EXPORT_READY, key=str(export_id), values={"until": until}
    )


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete expired archives, at most `at_most`."""
    await repository.delete_expired(session, before=clock.now(), at_most=at_most)


def _view(row: DataExport, archive: bytes | None = None) -> ExportView:
    return ExportView(
        export_id=row.export_id,
        status=row.status,
        requested_at=row.requested_at,
        service=row.service,
        row_count=row.row_count,
        expires_at=row.expires_at,
        archive=archive,
    )

"""SQL of the archive. The worker needs a few statements per batch, whatever its size."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, ColumnElement, CursorResult, case, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.archive.domain import COPY_STATUSES
from services.ingest.archive.models import receipt_rejection, reported_event
from shared.db import driver

Row = Mapping[str, Any]

# The columns of the two halves, in the order of the worker's rows.
_IDENTITY = {"receipt_id": "uuid", "item_index": "int", "event_key": "uuid", "partner_id": "text", "event_id": "text"}
_ARCHIVED = _IDENTITY | {
    "received_at": "timestamptz",
    "receipt_accepted": "int",
    "receipt_rejected": "int",
    "operation": "text",
    "kind": "text",
    "original_event_id": "text",
    "reason": "text",
    "act": "jsonb",
    "raw_sha256": "bytea",
    "log_partition": "smallint",
    "log_offset": "bigint",
    "occurred_on": "date",
    "fingerprint": "bytea",
}
_JUDGED = _IDENTITY | {
    "status": "text",
    "reason_code": "text",
    "amount_mg": "bigint",
    "sequence": "int",
    "judged_at": "timestamptz",
}
# Below this number of rows the sample query costs more than it saves.
_FEW = 16


def _arrays(columns: Mapping[str, str]) -> str:
    """Array parameters as rows. unnest stands in the target list: in FROM each array would be materialised."""
    return ", ".join(f"unnest(${number}::{kind}[]) AS {name}" for number, (name, kind) in enumerate(columns.items(), 1))


def _upsert(columns: Mapping[str, str], condition: str) -> str:
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name not in _IDENTITY)
    return (
        f"INSERT INTO ingest.reported_event AS e ({', '.join(columns)}) SELECT {_arrays(columns)}"
        f" ON CONFLICT (receipt_id, item_index) DO UPDATE SET {changed} WHERE {condition}"
    )


# Either half of a row may come first, because the event and its verdict come on two topics.
_ARCHIVE = _upsert(_ARCHIVED, "e.received_at IS NULL")
_JUDGE = _upsert(_JUDGED, "e.sequence < EXCLUDED.sequence") + " RETURNING receipt_id, item_index"
_ANY_THERE = (
    f"SELECT EXISTS (SELECT FROM (SELECT {_arrays({'receipt_id': 'uuid', 'item_index': 'int'})}) v"
    " JOIN ingest.reported_event e USING (receipt_id, item_index))"
)


async def store_events(session: AsyncSession, rows: Sequence[Sequence[object]]) -> None:
    """Store received events. `rows` must be ordered by (receipt_id, item_index)."""
    connection = await driver(session)
    if not await _sample_exists(connection, rows):
        try:
            async with connection.transaction():
                await connection.copy_records_to_table(
                    reported_event.name, schema_name=reported_event.schema, columns=list(_ARCHIVED), records=rows
                )
        except asyncpg.UniqueViolationError:
            pass  # a verdict came first, or the event was delivered again
        else:
            return
    await connection.execute(_ARCHIVE, *zip(*rows, strict=True))


async def _sample_exists(connection: "asyncpg.Connection[Any]", rows: Sequence[Sequence[object]]) -> bool:
    """Whether a sample of the rows exists. Then COPY, at half the cost of an upsert, would probably fail."""
    if len(rows) < _FEW:
        return True
    sample = rows[:: len(rows) // _FEW]
    return bool(await connection.fetchval(_ANY_THERE, [row[0] for row in sample], [row[1] for row in sample]))


async def store_verdicts(session: AsyncSession, rows: Sequence[Sequence[object]]) -> set[tuple[UUID, int]]:
    """Store verdicts unless the same or a later one is stored. Return receipt and index of those that were stored.

    `rows` must be ordered by (receipt_id, item_index).
    """
    connection = await driver(session)
    # Nearly every event is stored already, but an UPDATE with a join might be planned as a scan of whole months.
    stored = await connection.fetch(_JUDGE, *zip(*rows, strict=True))
    return {(row["receipt_id"], row["item_index"]) for row in stored}


async def store_rejections(session: AsyncSession, rows: Sequence[Row]) -> None:
    await session.execute(insert(receipt_rejection).on_conflict_do_nothing(), [dict(row) for row in rows])


async def delete_rejections(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete the rejections of at most `limit` receipts received before that instant. Return how many."""
    oldest = (
        select(receipt_rejection.c.receipt_id)
        .where(receipt_rejection.c.received_at < before)
        .order_by(receipt_rejection.c.received_at)
        .limit(limit)
    )
    result = await session.execute(delete(receipt_rejection).where(receipt_rejection.c.receipt_id.in_(oldest)))
    return result.rowcount if isinstance(result, CursorResult) else 0


async def find_event(session: AsyncSession, event_key: UUID, since: UUID) -> Row | None:
    """The copy that took effect if there is one, else the newest. Searches receipts from `since` on."""
    is_copy = case((reported_event.c.status.in_(COPY_STATUSES), 1), else_=0)
    found = await session.execute(
        select(reported_event)
        .where(reported_event.c.event_key == event_key, reported_event.c.receipt_id >= since)
        .order_by(is_copy, reported_event.c.sequence.desc(), reported_event.c.receipt_id)
        .limit(1)
    )
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def first_fingerprints(session: AsyncSession, event_keys: Collection[UUID], since: UUID) -> dict[UUID, bytes]:
    """The fingerprint of the first copy of each event that was received before."""
    table = reported_event
    found = await session.execute(
        select(table.c.event_key, table.c.fingerprint)
        .where(table.c.event_key.in_(event_keys), table.c.receipt_id >= since, table.c.fingerprint.is_not(None))
        .order_by(table.c.event_key, table.c.receipt_id, table.c.item_index)
        .ext(distinct_on(table.c.event_key))
    )
    return {row.event_key: row.fingerprint for row in found}


async def make_partitions(session: AsyncSession, at: datetime, ahead: int) -> int:
    """Create the partitions of the month of `at` and of `ahead` more. Return how many were missing."""
    return int(await session.scalar(select(func.ingest.make_archive_partitions(at, ahead))) or 0)


async def drop_partitions(session: AsyncSession, before: datetime, most: int) -> int:
    """Drop at most `most` partitions that ended before that instant. Return how many."""
    return int(await session.scalar(select(func.ingest.drop_archive_partitions(before, most))) or 0)


_DELETE_UNDATED = text(
    "DELETE FROM ingest.reported_event_default WHERE (receipt_id, item_index) IN ("
    "SELECT receipt_id, item_index FROM ingest.reported_event_default"
    " WHERE coalesce(received_at, judged_at) < :before LIMIT :most)"
)


async def delete_undated(session: AsyncSession, before: datetime, most: int) -> None:
    """Delete rows of the default partition. Their receipt ids carry no time, so the time of receipt decides."""
    await session.execute(_DELETE_UNDATED, {"before": before, "most": most})


async def list_receipt_events(session: AsyncSession, receipt_id: UUID, partner_id: str) -> Sequence[Row]:
    found = await session.execute(
        select(reported_event)
        .where(reported_event.c.receipt_id == receipt_id, reported_event.c.partner_id == partner_id)
        .order_by(reported_event.c.item_index)
    )
    return [dict(row) for row in found.mappings()]


async def find_rejections(session: AsyncSession, receipt_id: UUID, partner_id: str) -> Row | None:
    found = await session.execute(
        select(receipt_rejection).where(
            receipt_rejection.c.receipt_id == receipt_id, receipt_rejection.c.partner_id == partner_id
        )
    )
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def count_accepted(session: AsyncSession, start: datetime, end: datetime) -> Sequence[tuple[str, str, int]]:
    """(partner, status, events received in the interval)."""
    table = reported_event
    found = await session.execute(
        select(table.c.partner_id, table.c.status, func.count())
        .where(table.c.received_at >= start, table.c.received_at < end)
        .group_by(table.c.partner_id, table.c.status)
    )
    return [(partner_id, status, count) for partner_id, status, count in found]


async def count_rejected(session: AsyncSession, start: datetime, end: datetime) -> Mapping[str, int]:
    """Events rejected at the intake, by partner."""
    table = receipt_rejection
    found = await session.execute(
        select(table.c.partner_id, func.sum(table.c.rejected))
        .where(table.c.received_at >= start, table.c.received_at < end)
        .group_by(table.c.partner_id)
    )
    return {partner_id: int(count) for partner_id, count in found}


async def count_by_status(session: AsyncSession, partner_id: str, first: UUID, last: UUID) -> Sequence[tuple[str, int]]:
    table = reported_event
    found = await session.execute(
        select(table.c.status, func.count())
        .where(table.c.receipt_id.between(first, last), table.c.partner_id == partner_id)
        .group_by(table.c.status)
    )
    return [(status, count) for status, count in found]


def _sum(name: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(cast(reported_event.c.act[name].astext, BigInteger)), 0).cast(BigInteger)


async def sum_acts_of_day(session: AsyncSession, day: date, since: UUID, partner_id: str | None) -> Sequence[Row]:
    table = reported_event
    query = (
        select(
            table.c.partner_id,
            table.c.kind,
            table.c.status,
            func.count().label("events"),
            _sum("distance_m").label("distance_m"),
            _sum("weight_g").label("weight_g"),
            _sum("energy_wh").label("energy_wh"),
            _sum("count").label("pieces"),
            func.sum(table.c.amount_mg).cast(BigInteger).label("amount_mg"),
        )
        .where(
            table.c.receipt_id >= since,
            table.c.occurred_on == day,
            table.c.status.not_in(COPY_STATUSES),
        )
        .group_by(table.c.partner_id, table.c.kind, table.c.status)
        .order_by(table.c.partner_id, table.c.kind, table.c.status)
    )
    if partner_id is not None:
        query = query.where(table.c.partner_id == partner_id)
    return [dict(row) for row in (await session.execute(query)).mappings()]

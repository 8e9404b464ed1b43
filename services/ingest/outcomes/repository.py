"""SQL of the feed of verdicts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.outcomes.models import bulk_receipts, outcome_block, outcome_feed
from shared.db import driver

Row = Mapping[str, Any]

# The row lock lasts until the commit, so positions become visible in their order and a reader misses none. The rows
# come in one order, so that two polls cannot deadlock.
_ADVANCE = (
    "INSERT INTO ingest.outcome_feed AS f (partner_id, last_position)"
    " SELECT unnest($1::text[]), unnest($2::bigint[])"
    " ON CONFLICT (partner_id) DO UPDATE SET last_position = f.last_position + EXCLUDED.last_position"
    " RETURNING partner_id, last_position"
)
_ADD_BLOCKS = (
    "INSERT INTO ingest.outcome_block (partner_id, last_position, verdicts, items)"
    " SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::int[]), unnest($4::bytea[])"
)


async def advance(session: AsyncSession, counts: Mapping[str, int]) -> dict[str, int]:
    """Give positions to this many verdicts of each partner. Return each partner's last position from now on."""
    names = sorted(counts)
    rows = await (await driver(session)).fetch(_ADVANCE, names, [counts[name] for name in names])
    return {row["partner_id"]: row["last_position"] for row in rows}


async def add_blocks(session: AsyncSession, rows: Sequence[tuple[str, int, int, bytes]]) -> None:
    """`rows`: partner, last position, number of verdicts, packed verdicts."""
    await (await driver(session)).execute(_ADD_BLOCKS, *zip(*rows, strict=True))


async def list_blocks(session: AsyncSession, partner_id: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
    """(last position, packed verdicts) of the first blocks with a verdict after this position."""
    block = outcome_block.c
    found = await session.execute(
        select(block.last_position, block["items"])
        .where(block.partner_id == partner_id, block.last_position > after)
        .order_by(block.last_position)
        .limit(limit)
    )
    return [(last, items) for last, items in found]


async def find_feed(session: AsyncSession, partner_id: str) -> Row | None:
    found = await session.execute(select(outcome_feed).where(outcome_feed.c.partner_id == partner_id))
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def feeds_of(session: AsyncSession, partner_ids: Collection[str]) -> dict[str, Row]:
    found = await session.execute(select(outcome_feed).where(outcome_feed.c.partner_id.in_(partner_ids)))
    return {row["partner_id"]: dict(row) for row in found.mappings()}


async def lock_feed(session: AsyncSession, partner_id: str) -> Row:
    """Create the row if it is missing. The lock keeps verdicts of this partner out until the commit."""
    await session.execute(insert(outcome_feed).values(partner_id=partner_id).on_conflict_do_nothing())
    found = await session.execute(select(outcome_feed).where(outcome_feed.c.partner_id == partner_id).with_for_update())
    return dict(found.mappings().one())


async def change_feed(session: AsyncSession, partner_id: str, **values: object) -> None:
    await session.execute(update(outcome_feed).where(outcome_feed.c.partner_id == partner_id).values(**values))


async def list_catching_up(session: AsyncSession) -> Sequence[Row]:
    found = await session.execute(
        select(outcome_feed)
        .where(outcome_feed.c.webhook_through.is_not(None))
        .order_by(outcome_feed.c.partner_id)
        .with_for_update(skip_locked=True)
    )
    return [dict(row) for row in found.mappings()]


async def add_bulk(session: AsyncSession, partner_id: str, first: UUID, last: UUID) -> None:
    values = {"partner_id": partner_id, "first_receipt": first, "last_receipt": last}
    await session.execute(insert(bulk_receipts).values(**values).on_conflict_do_nothing())


async def list_bulk(session: AsyncSession, partner_ids: Collection[str]) -> Sequence[tuple[str, UUID, UUID]]:
    rows = await (await driver(session)).fetch(
        "SELECT partner_id, first_receipt, last_receipt FROM ingest.bulk_receipts WHERE partner_id = ANY($1::text[])",
        list(partner_ids),
    )
    return [(row["partner_id"], row["first_receipt"], row["last_receipt"]) for row in rows]


async def delete_old_bulk(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(bulk_receipts).where(bulk_receipts.c.created_at < before))


_DELETE_OLD = text("""
WITH gone AS (
  DELETE FROM ingest.outcome_block WHERE (partner_id, last_position) IN (
    SELECT partner_id, last_position FROM ingest.outcome_block
    WHERE created_at < :before ORDER BY created_at LIMIT :most)
  RETURNING partner_id, last_position
), ended AS (SELECT partner_id, max(last_position) AS through FROM gone GROUP BY partner_id)
UPDATE ingest.outcome_feed f SET deleted_through = greatest(f.deleted_through, ended.through)
FROM ended WHERE f.partner_id = ended.partner_id
""")


async def delete_old_blocks(session: AsyncSession, before: datetime, most: int) -> int:
    """Delete at most `most` blocks. Return the number of partners that lost some."""
    done = await session.execute(_DELETE_OLD, {"before": before, "most": most})
    return done.rowcount if isinstance(done, CursorResult) else 0

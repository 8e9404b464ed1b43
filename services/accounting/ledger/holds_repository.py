"""SQL of holds."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.ledger.domain import HoldStatus
from services.accounting.ledger.models import hold
from shared.db import UNPLANNED_IDS, Connection


class EndedHold(NamedTuple):
    """A row in the order of the columns of `insert_ended`. The id is unique, so rows sort by it."""

    hold_id: uuid.UUID
    account_id: uuid.UUID | None
    amount_mg: int
    purpose: str | None
    status: HoldStatus
    expires_at: datetime | None
    captured_to: str | None
    title_zh: str | None
    title_en: str | None
    refusal: str | None


async def insert_hold(session: AsyncSession, **values: Any) -> bool:
    """Insert a hold. Return False if its id exists. Waits for a transaction that is inserting it."""
    result = await session.execute(insert(hold).values(**values).on_conflict_do_nothing().returning(hold.c.hold_id))
    return result.first() is not None


async def hold_of(session: AsyncSession, hold_id: uuid.UUID, *, lock: bool = False) -> Any | None:
    query = select(hold, (hold.c.expires_at <= func.clock_timestamp()).label("overdue")).where(
        hold.c.hold_id == hold_id
    )
    return (await session.execute(query.with_for_update() if lock else query)).first()


async def settle_hold(
    session: AsyncSession, hold_id: uuid.UUID, status: HoldStatus, *, captured_to: str | None = None
) -> None:
    await session.execute(
        update(hold)
        .where(hold.c.hold_id == hold_id, hold.c.status == HoldStatus.HELD)
        .values(status=status, captured_to=captured_to, settled_at=func.clock_timestamp())
    )


async def refund_hold(session: AsyncSession, hold_id: uuid.UUID) -> None:
    await session.execute(
        update(hold)
        .where(hold.c.hold_id == hold_id, hold.c.status == HoldStatus.CAPTURED)
        .values(status=HoldStatus.REFUNDED, settled_at=func.clock_timestamp())
    )


async def holds_of(connection: Connection, hold_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    rows = await connection.fetch(f"SELECT * FROM accounting.hold WHERE hold_id = ANY({UNPLANNED_IDS})", hold_ids)
    return {row["hold_id"]: row for row in rows}


async def insert_ended(connection: Connection, rows: Sequence[EndedHold]) -> set[uuid.UUID]:
    """Insert holds that end as they begin. Return the ids that did not exist. Waits for a transaction that adds one."""
    ordered = sorted(rows)
    inserted = await connection.fetch(
        "INSERT INTO accounting.hold (hold_id, account_id, amount_mg, purpose, status, expires_at, captured_to,"
        " title_zh, title_en, refusal, settled_at)"
        " SELECT v.*, clock_timestamp() FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[],"
        " $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[]) AS v ON CONFLICT DO NOTHING"
        " RETURNING hold_id",
        *(list(column) for column in zip(*ordered, strict=True)),
    )
    return {row[0] for row in inserted}


async def due_holds(session: AsyncSession, limit: int) -> Sequence[Any]:
    """Return overdue holds by the clock of the database, locked. Rows that other workers have locked are skipped."""
    rows = await session.execute(
        select(hold)
        .where(hold.c.status == HoldStatus.HELD, hold.c.expires_at <= func.clock_timestamp())
        .order_by(hold.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return rows.all()


async def posted_holds(connection: Connection, after: uuid.UUID, limit: int) -> list[dict[str, Any]]:
    """Return holds after the id `after`, with the amount that left the account of each and where it went."""
    rows = await connection.fetch(
        "SELECT h.hold_id, h.account_id, h.amount_mg, h.purpose, h.status, h.expires_at, h.captured_to, h.created_at,"
        " h.settled_at, coalesce(p.mg, 0) AS posted_mg, p.receiver AS posted_to"
        " FROM (SELECT * FROM accounting.hold WHERE hold_id > $1 ORDER BY hold_id LIMIT $2) h"
        # OFFSET 0: one descent of the index per hold, whatever the planner believes of the tables.
        " LEFT JOIN LATERAL (SELECT sum(p.amount_mg)::bigint AS mg,"
        "  string_agg(coalesce(a.code, a.account_id::text), ' ') AS receiver"
        "  FROM accounting.posting p JOIN accounting.ledger_account a ON a.account_id = p.credit_account_id"
        "  WHERE p.debit_account_id = h.hold_id AND p.kind <> 'credit' OFFSET 0) p ON true ORDER BY h.hold_id",
        after,
        limit,
    )
    return [dict(row) for row in rows]

"""SQL of holds."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.ledger.domain import HoldStatus
from services.accounting.ledger.models import hold
from shared.db import Connection


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

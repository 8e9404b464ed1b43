"""SQL of the inbox of corrections. Corrections are rare, so each is settled by its own statement."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import column, func, null, select, table, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.corrections.models import correction

# A table of posting. This room reads and locks it, and never writes it.
_activity = table("activity", column("activity_id"), schema="accounting")


class CorrectionRow(NamedTuple):
    event_key: uuid.UUID
    fingerprint: bytes
    partner_id: str
    original_id: uuid.UUID
    report: dict[str, Any]
    received_at: Any


async def insert_waiting(session: AsyncSession, rows: Sequence[CorrectionRow]) -> None:
    await session.execute(
        correction.insert(),
        [{**row._asdict(), "status": "waiting", "reason_code": "ORIGINAL_UNKNOWN"} for row in rows],
    )


async def applicable(session: AsyncSession, limit: int) -> Sequence[Any]:
    """Return waiting corrections whose original exists, oldest first. Both rows are locked.

    Rows that another worker has locked are skipped.
    """
    query = (
        select(correction.c.event_key, correction.c.report, correction.c.original_id)
        .join(_activity, _activity.c.activity_id == correction.c.original_id)
        .where(correction.c.status == "waiting")
        .order_by(correction.c.received_at, correction.c.event_key)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


async def overdue(session: AsyncSession, life_s: int, limit: int) -> Sequence[Any]:
    query = (
        select(correction.c.event_key, correction.c.report)
        .where(
            correction.c.status == "waiting",
            correction.c.received_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, life_s),
        )
        .order_by(correction.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


async def settle(session: AsyncSession, event_key: uuid.UUID, status: str, reason_code: str) -> None:
    await session.execute(
        update(correction)
        .where(correction.c.event_key == event_key)
        .values(status=status, reason_code=reason_code, report=null())
    )

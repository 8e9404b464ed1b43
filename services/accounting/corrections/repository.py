"""SQL of the inbox of corrections. Corrections are rare, so each is settled by its own statement.

It reads and locks the activity that a correction names, and never writes it.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, column, exists, func, null, or_, select, table, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.corrections.models import correction

# A table of posting. This room reads and locks it, and never writes it.
_activity = table(
    "activity",
    *(column(name) for name in ("activity_id", "status", "methodology_code", "methodology_version")),
    schema="accounting",
)
_original = correction.alias("original")
_WITH_GRAMS = ("credited", "pending")


class CorrectionRow(NamedTuple):
    event_key: uuid.UUID
    fingerprint: bytes
    partner_id: str
    original_id: uuid.UUID
    report: dict[str, Any]
    received_at: Any
    receipt_id: uuid.UUID
    receipt_index: int


async def insert_waiting(session: AsyncSession, rows: Sequence[CorrectionRow]) -> None:
    await session.execute(
        correction.insert(),
        [{**row._asdict(), "status": "waiting", "reason_code": "ORIGINAL_UNKNOWN"} for row in rows],
    )


async def applicable(session: AsyncSession, held: Collection[tuple[str, int]], limit: int) -> Sequence[Any]:
    """Return waiting corrections whose original is decided, oldest first. Both rows are locked.

    Of one request, those of credited originals come first: they free the seats, hours and caps that others need.
    A parked original is not decided, but it can be cancelled. So can one whose methodology is `held`: its correction
    could not be judged now. Rows that another worker has locked are skipped.
    """
    is_cancellation = correction.c.report["operation"].astext == "cancel"
    is_held = tuple_(_activity.c.methodology_code, _activity.c.methodology_version).in_(sorted(held))
    query = (
        select(correction.c.event_key, correction.c.report, correction.c.original_id, correction.c.sequence)
        .join(_activity, _activity.c.activity_id == correction.c.original_id)
        .where(
            correction.c.status == "waiting",
            or_(is_cancellation, and_(_activity.c.status != "parked", is_held.is_not(True))),
        )
        .order_by(
            correction.c.received_at,
            ~_activity.c.status.in_(_WITH_GRAMS),
            correction.c.receipt_index,
            correction.c.event_key,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


async def without_content(session: AsyncSession, limit: int) -> Sequence[Any]:
    """Return waiting corrections whose original is a cancellation or a refused correction, locked."""
    query = (
        select(correction.c.event_key, correction.c.report, correction.c.sequence)
        .join(_original, _original.c.event_key == correction.c.original_id)
        .where(correction.c.status == "waiting", _original.c.status != "waiting", ~_original_exists())
        .order_by(correction.c.received_at, correction.c.event_key)
        .limit(limit)
        .with_for_update(skip_locked=True, of=correction)
    )
    return (await session.execute(query)).all()


async def overdue(session: AsyncSession, life_s: int, limit: int) -> Sequence[Any]:
    """Return corrections that have waited for `life_s` while their original did not arrive, locked."""
    query = (
        select(correction.c.event_key, correction.c.report, correction.c.sequence)
        .where(
            correction.c.status == "waiting",
            correction.c.received_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, life_s),
            ~_original_exists(),
        )
        .order_by(correction.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


def _original_exists() -> Any:
    return exists().where(_activity.c.activity_id == correction.c.original_id)


async def settle(session: AsyncSession, event_key: uuid.UUID, status: str, reason_code: str) -> int:
    """End the waiting of a correction. Return the sequence of its verdict."""
    sequence: int = await session.scalar(
        update(correction)
        .where(correction.c.event_key == event_key)
        .values(status=status, reason_code=reason_code, report=null(), sequence=correction.c.sequence + 1)
        .returning(correction.c.sequence)
    )
    return sequence

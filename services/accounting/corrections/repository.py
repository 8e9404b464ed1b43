"""SQL of the inbox of corrections. Corrections are rare, so each is settled by its own statement.

It reads and locks the activity that a correction names, and never writes it. It reads activities beside the bindings
that they were credited through, to find those outside.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, column, exists, func, null, or_, select, table, text, tuple_, update
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


_OUTSIDE = """
SELECT a.activity_id, a.account_id, b.account_key, b.binding_id,
       b.ended_at IS NOT NULL AND a.occurred_at >= b.ended_at AS is_after
FROM accounting.binding b
JOIN accounting.activity a ON a.account_id = b.account_id AND a.partner_id = b.partner_id
 AND a.occurred_at >= CASE WHEN b.consent_withdrawn_at IS NULL THEN b.ended_at ELSE b.counts_from END
WHERE b.binding_id = ANY(CAST(:ids AS uuid[])) AND a.status IN ('credited', 'pending')
 AND (b.ended_at IS NOT NULL AND a.occurred_at >= b.ended_at
      OR a.received_at >= b.consent_withdrawn_at AND b.ended_at IS DISTINCT FROM b.consent_withdrawn_at)
 AND NOT EXISTS (
    SELECT 1 FROM accounting.binding o
    WHERE o.account_id = b.account_id AND o.partner_id = b.partner_id AND o.binding_id <> b.binding_id
     AND o.status <> 'pending' AND o.counts_from <= a.occurred_at
     AND (o.ended_at IS NULL OR a.occurred_at < o.ended_at)
     AND (o.consent_withdrawn_at IS NULL OR o.ended_at = o.consent_withdrawn_at
          OR a.received_at < o.consent_withdrawn_at))
ORDER BY a.occurred_at, a.activity_id LIMIT :n
"""


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


async def outside_of(session: AsyncSession, binding_ids: Sequence[uuid.UUID], limit: int) -> Sequence[Any]:
    """Return acts that were credited through these bindings and lie outside them, oldest first.

    Another binding of the same person at the same partner that contains the act keeps it.
    """
    rows = await session.execute(text(_OUTSIDE), {"ids": list(binding_ids), "n": limit})
    return rows.all()


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

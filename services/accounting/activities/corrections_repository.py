"""SQL of corrections and cancellations: rare, so one at a time, under the locks of correction, original and person."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.activities.domain import CapKey, CapUsed
from services.accounting.activities.models import activity, cap_usage, correction
from shared.ids import new_id

# What a stored judgement is read from.
JUDGED = (
    "activity_id", "account_id", "amount_mg", "methodology_code", "methodology_version", "scene", "judgement",
)  # fmt: skip


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
    """Waiting corrections whose original is there, oldest first, both locked; another worker's rows are left to it."""
    query = (
        select(
            correction.c.event_key,
            correction.c.report,
            correction.c.original_id,
            *(activity.c[name] for name in JUDGED),
        )
        .join(activity, activity.c.activity_id == correction.c.original_id)
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


async def original(session: AsyncSession, activity_id: uuid.UUID) -> Any:
    """The original as it is now: an earlier correction of the same run may have changed it."""
    return (await session.execute(select(activity).where(activity.c.activity_id == activity_id))).mappings().one()


async def locked_activity(session: AsyncSession, activity_id: uuid.UUID) -> Any | None:
    query = select(activity).where(activity.c.activity_id == activity_id).with_for_update()
    return (await session.execute(query)).mappings().first()


async def mark(session: AsyncSession, activity_id: uuid.UUID, status: str, reason_code: str) -> None:
    """New status of an original. A parked one loses what was kept for its judgement."""
    values: dict[str, Any] = {"status": status, "reason_code": reason_code, "sequence": activity.c.sequence + 1}
    if status == "refused":
        values |= {"account_key": None, "act": null(), "judgement": null()}
    await session.execute(update(activity).where(activity.c.activity_id == activity_id).values(**values))


async def give_back_caps(session: AsyncSession, used: Mapping[CapKey, CapUsed]) -> None:
    for (account_id, cap_id, start), (acts, amount_mg) in sorted(used.items()):
        await session.execute(
            update(cap_usage)
            .where(
                cap_usage.c.account_id == account_id,
                cap_usage.c.cap_id == cap_id,
                cap_usage.c.period_start == start,
            )
            .values(acts=cap_usage.c.acts - acts, amount_mg=cap_usage.c.amount_mg - amount_mg)
        )


_REVERSE = """
WITH original AS (
    SELECT posting_id, debit_account_id AS issuance_id, amount_mg
    FROM accounting.posting WHERE activity_id = :activity_id AND kind = 'credit'
), parts AS (
    SELECT least(o.amount_mg, a.balance_mg) AS from_holder_mg, o.amount_mg - least(o.amount_mg, a.balance_mg) AS debt_mg
    FROM original o JOIN accounting.ledger_account a ON a.account_id = :holder_id
), debt_account AS (
    INSERT INTO accounting.ledger_account AS d (account_id, kind, owner_id, balance_mg)
    SELECT :debt_id, 'debt', :person_id, -debt_mg FROM parts WHERE debt_mg > 0
    ON CONFLICT (account_id) DO UPDATE SET balance_mg = d.balance_mg + EXCLUDED.balance_mg
), reversing AS (
    INSERT INTO accounting.posting (posting_id, kind, debit_account_id, credit_account_id, amount_mg, activity_id,
        reverses_posting_id, requested_by)
    SELECT v.id, 'reversal', v.account_id, o.issuance_id, v.mg, :activity_id, o.posting_id, :requested_by
    FROM original o CROSS JOIN parts p CROSS JOIN LATERAL (VALUES
        (CAST(:first_id AS uuid), CAST(:holder_id AS uuid), p.from_holder_mg),
        (CAST(:second_id AS uuid), CAST(:debt_id AS uuid), p.debt_mg)) AS v(id, account_id, mg)
    WHERE v.mg > 0
)
UPDATE accounting.ledger_account a
SET balance_mg = a.balance_mg - CASE WHEN a.account_id = :holder_id THEN p.from_holder_mg ELSE 0 END,
    lifetime_mg = a.lifetime_mg - CASE WHEN a.account_id = :person_id THEN o.amount_mg ELSE 0 END
FROM original o CROSS JOIN parts p WHERE a.account_id IN (:holder_id, :person_id)"""


async def reverse_credit(
    session: AsyncSession,
    *,
    activity_id: uuid.UUID,
    person_id: uuid.UUID,
    holder_id: uuid.UUID,
    debt_id: uuid.UUID,
    requested_by: str,
) -> None:
    """Takes a credit back: from its holder (the person, or the pending account) as far as there are grams, the rest
    becomes debt. What the issuance account gets back is the caller's to write, last of all.

    The person is locked. The unique key over the reversed posting refuses a second reversal.
    """
    await session.execute(
        text(_REVERSE),
        {
            "activity_id": activity_id,
            "person_id": person_id,
            "holder_id": holder_id,
            "debt_id": debt_id,
            "first_id": new_id(),
            "second_id": new_id(),
            "requested_by": requested_by,
        },
    )

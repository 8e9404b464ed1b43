"""SQL of standing orders."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Text, Uuid, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.standing_orders.domain import EndReason, OrderStatus, RunStatus
from services.rewards.standing_orders.models import standing_order, standing_run

# Longer than the slowest attempt: no other worker takes the run before its end.
_CLAIM: Final = timedelta(seconds=30)
_LIVE = standing_order.c.status != OrderStatus.ENDED


async def add(session: AsyncSession, **values: Any) -> Any | None:
    """Return the new order, None if the user has a live one for this campaign."""
    new = insert(standing_order).values(**values).on_conflict_do_nothing().returning(standing_order)
    return (await session.execute(new)).one_or_none()


async def live_of(session: AsyncSession, user_id: uuid.UUID) -> Sequence[Any]:
    query = select(standing_order).where(standing_order.c.user_id == user_id, _LIVE)
    return (await session.execute(query)).all()


async def lock_user(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Let the user's requests for new orders come one after another."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"standing_order:{user_id}", 0))))


async def page(session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    query = (
        select(standing_order)
        .where(standing_order.c.user_id == user_id)
        .order_by(standing_order.c.standing_order_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(standing_order.c.standing_order_id < before)
    return (await session.execute(query)).all()


async def owned(session: AsyncSession, standing_order_id: uuid.UUID, user_id: uuid.UUID, *, lock: bool) -> Any | None:
    query = select(standing_order).where(
        standing_order.c.standing_order_id == standing_order_id, standing_order.c.user_id == user_id
    )
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def runs_of(session: AsyncSession, order_ids: Collection[uuid.UUID], *, since: date) -> Sequence[Any]:
    """Return the months of orders since a month, newest first."""
    among = standing_run.c.standing_order_id == any_(literal(list(order_ids), ARRAY(Uuid)))
    query = select(standing_run).where(among, standing_run.c.month >= since).order_by(standing_run.c.month.desc())
    return (await session.execute(query)).all()


async def change(session: AsyncSession, standing_order_id: uuid.UUID, **values: Any) -> None:
    of_id = standing_order.c.standing_order_id == standing_order_id
    await session.execute(update(standing_order).where(of_id).values(**values))


async def end(session: AsyncSession, order_ids: Collection[uuid.UUID], reason: EndReason) -> None:
    among = standing_order.c.standing_order_id == any_(literal(sorted(order_ids), ARRAY(Uuid)))
    await session.execute(
        update(standing_order)
        .where(among, _LIVE)
        .values(status=OrderStatus.ENDED, end_reason=reason, ended_at=func.clock_timestamp())
    )


async def end_of_user(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Waits for a worker that claims an order of the user."""
    await session.execute(
        update(standing_order)
        .where(standing_order.c.user_id == user_id, _LIVE)
        .values(status=OrderStatus.ENDED, end_reason=EndReason.CANCELLED, ended_at=func.clock_timestamp())
    )


async def has_running(session: AsyncSession, user_id: uuid.UUID) -> bool:
    query = (
        select(standing_run.c.month)
        .join(standing_order, standing_order.c.standing_order_id == standing_run.c.standing_order_id)
        .where(standing_order.c.user_id == user_id, standing_run.c.status == RunStatus.RUNNING)
        .limit(1)
    )
    return (await session.execute(query)).first() is not None


async def campaigns_of_live(session: AsyncSession) -> Sequence[str]:
    return (await session.scalars(select(standing_order.c.campaign_id).where(_LIVE).distinct())).all()


async def end_of_campaigns(session: AsyncSession, campaign_ids: Collection[str], *, limit: int) -> None:
    among = standing_order.c.campaign_id == any_(literal(sorted(campaign_ids), ARRAY(Text)))
    found = (
        select(standing_order.c.standing_order_id)
        .where(among, _LIVE)
        .order_by(standing_order.c.standing_order_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    await end(session, (await session.scalars(found)).all(), EndReason.CAMPAIGN_OVER)


async def claim_due(session: AsyncSession, today: date, *, limit: int) -> Sequence[Any]:
    """Lock active orders that are due, the earliest first. Several workers may call it at once."""
    query = (
        select(standing_order)
        .where(standing_order.c.status == OrderStatus.ACTIVE, standing_order.c.next_on <= today)
        .order_by(standing_order.c.next_on, standing_order.c.standing_order_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


async def begin_run(session: AsyncSession, standing_order_id: uuid.UUID, due_on: date) -> bool:
    """False if the month has a run already."""
    new = insert(standing_run).values(standing_order_id=standing_order_id, month=due_on.replace(day=1), due_on=due_on)
    begun = await session.execute(new.on_conflict_do_nothing().returning(standing_run.c.month))
    return begun.first() is not None


async def skip_month(session: AsyncSession, standing_order_id: uuid.UUID, due_on: date, reason_code: str) -> None:
    new = insert(standing_run).values(
        standing_order_id=standing_order_id,
        month=due_on.replace(day=1),
        due_on=due_on,
        status=RunStatus.SKIPPED,
        reason_code=reason_code,
        done_at=func.clock_timestamp(),
    )
    await session.execute(new.on_conflict_do_nothing())


async def claim_running(session: AsyncSession, *, limit: int) -> Sequence[Any]:
    """Claim runs that no worker works on. Return them with their orders."""
    due = (
        select(standing_run.c.standing_order_id, standing_run.c.month)
        .where(standing_run.c.status == RunStatus.RUNNING, standing_run.c.next_attempt_at <= func.clock_timestamp())
        .order_by(standing_run.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = (
        update(standing_run)
        .where(
            standing_run.c.standing_order_id == due.c.standing_order_id,
            standing_run.c.month == due.c.month,
            standing_order.c.standing_order_id == due.c.standing_order_id,
        )
        .values(next_attempt_at=func.clock_timestamp() + _CLAIM)
        .returning(
            standing_run.c.standing_order_id,
            standing_run.c.month,
            standing_order.c.user_id,
            standing_order.c.account_id,
            standing_order.c.campaign_id,
            standing_order.c.amount_mg,
            standing_order.c.language,
        )
    )
    return (await session.execute(claimed)).all()


async def finish_run(
    session: AsyncSession,
    standing_order_id: uuid.UUID,
    month: date,
    *,
    status: RunStatus,
    donation_id: uuid.UUID | None = None,
    reason_code: str | None = None,
) -> bool:
    """False if another worker finished it."""
    changed = (
        update(standing_run)
        .where(
            standing_run.c.standing_order_id == standing_order_id,
            standing_run.c.month == month,
            standing_run.c.status == RunStatus.RUNNING,
        )
        .values(status=status, donation_id=donation_id, reason_code=reason_code, done_at=func.clock_timestamp())
        .returning(standing_run.c.month)
    )
    return (await session.execute(changed)).first() is not None

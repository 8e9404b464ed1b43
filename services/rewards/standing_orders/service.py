"""Use cases of standing orders: begin, pause, resume and cancel one, begin the runs of a day. `running` gives.

An order that is due gets the row of its month, and its next due day, in one transaction. The unique key of the month
and the idempotency key of its donation make one donation of it, whatever crashes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.errors import AmountOutOfRange, CampaignClosed
from services.rewards.campaigns.service import Campaign
from services.rewards.standing_orders import repository
from services.rewards.standing_orders.domain import (
    LIVE_MAX,
    MISSED,
    EndReason,
    OrderStatus,
    RunStatus,
    due_after,
    first_due,
)
from services.rewards.standing_orders.errors import (
    StandingOrderEnded,
    StandingOrderExists,
    StandingOrderNotFound,
    TooManyStandingOrders,
)
from shared import clock
from shared.amounts import grams
from shared.db import Session
from shared.ids import new_id
from shared.language import Language, Text

_CLAIM_MAX: Final = 200
_END_MAX: Final = 1_000
# Two years: what a citizen looks back to.
_RUNS_SHOWN: Final = 24


@dataclass(frozen=True, slots=True)
class Run:
    """One month of a standing order. `reason_code`: why nothing was given."""

    month: date
    due_on: date
    status: RunStatus
    reason_code: str | None
    donation_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class StandingOrder:
    standing_order_id: uuid.UUID
    campaign_id: str
    campaign_title: Text
    amount_mg: int
    day: int
    months_left: int | None
    status: OrderStatus
    end_reason: EndReason | None
    next_on: date | None
    created_at: datetime
    ended_at: datetime | None
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a citizen wants to give. `months`: how often, None until the campaign is over."""

    campaign_id: str
    amount_mg: int
    day: int
    months: int | None


async def begin(
    session: Session, *, user_id: uuid.UUID, account_id: uuid.UUID, plan: Plan, language: Language, time_zone: str
) -> StandingOrder:
    """Raises CampaignNotFound, CampaignClosed, AmountOutOfRange, StandingOrderExists, TooManyStandingOrders."""
    campaign = await campaigns.get_campaign(session, campaign_id=plan.campaign_id)
    now = clock.now()
    if is_over(campaign, now):
        raise CampaignClosed
    if not campaign.terms.accepts(plan.amount_mg):
        terms = campaign.terms
        raise AmountOutOfRange(
            least=grams(terms.min_mg),
            most=grams(terms.max_mg),
            extensions={"min_mg": terms.min_mg, "max_mg": terms.max_mg},
        )
    await repository.lock_user(session, user_id)
    live = await repository.live_of(session, user_id)
    for row in live:
        if row.campaign_id == plan.campaign_id:
            raise StandingOrderExists(extensions={"standing_order_id": str(row.standing_order_id)})
    if len(live) >= LIVE_MAX:
        raise TooManyStandingOrders(most=LIVE_MAX)
    starts_on = max(clock.local_date(now, time_zone), clock.local_date(campaign.terms.starts_at, time_zone))
    row = await repository.add(
        session,
        standing_order_id=new_id(),
        user_id=user_id,
        account_id=account_id,
        campaign_id=plan.campaign_id,
        amount_mg=plan.amount_mg,
        day=plan.day,
        months_left=plan.months,
        next_on=first_due(starts_on, plan.day),
        language=language,
    )
    assert row is not None  # the lock of the user is held
    return (await _with_details(session, [row]))[0]


def is_over(campaign: Campaign, instant: datetime) -> bool:
    """Whether the campaign takes no donation any more. One that an operator may still raise counts as over."""
    ended = campaign.closed_at is not None or campaign.completed_at is not None
    return ended or campaign.terms.ends_at <= instant


async def list_orders(
    session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[StandingOrder]:
    return await _with_details(session, await repository.page(session, user_id=user_id, before=before, limit=limit))


async def get_order(session: Session, *, user_id: uuid.UUID, standing_order_id: uuid.UUID) -> StandingOrder:
    """Raises StandingOrderNotFound."""
    return (await _with_details(session, [await _owned(session, user_id, standing_order_id)]))[0]


async def pause(session: Session, *, user_id: uuid.UUID, standing_order_id: uuid.UUID) -> StandingOrder:
    """Give nothing until it is resumed. Repeatable. Raises StandingOrderNotFound, StandingOrderEnded."""
    await _lock_live(session, user_id, standing_order_id)
    await repository.change(session, standing_order_id, status=OrderStatus.PAUSED)
    return await get_order(session, user_id=user_id, standing_order_id=standing_order_id)


async def resume(
    session: Session, *, user_id: uuid.UUID, standing_order_id: uuid.UUID, time_zone: str
) -> StandingOrder:
    """Give again from the next due day on. The months in between are not made up for. Repeatable.

    Raises StandingOrderNotFound, StandingOrderEnded.
    """
    row = await _lock_live(session, user_id, standing_order_id)
    if row.status == OrderStatus.PAUSED:
        today = clock.local_date(clock.now(), time_zone)
        next_on = max(row.next_on, first_due(today, row.day))
        await repository.change(session, standing_order_id, status=OrderStatus.ACTIVE, next_on=next_on)
    return await get_order(session, user_id=user_id, standing_order_id=standing_order_id)


async def cancel(session: Session, *, user_id: uuid.UUID, standing_order_id: uuid.UUID) -> StandingOrder:
    """End it. A donation under way goes on. Repeatable. Raises StandingOrderNotFound."""
    await _owned(session, user_id, standing_order_id)
    await repository.end(session, [standing_order_id], EndReason.CANCELLED)
    return await get_order(session, user_id=user_id, standing_order_id=standing_order_id)


async def end_for_erasure(session: Session, *, user_id: uuid.UUID) -> bool:
    """End the orders of a person. False while a month of theirs is under way: it ends first."""
    await repository.end_of_user(session, user_id)
    return not await repository.has_running(session, user_id)


async def begin_runs(session: Session, *, time_zone: str) -> int:
    """Begin the runs that are due. Return how many orders were due.

    An order that was due in several months, because no worker ran, gives once: the earlier months are skipped.
    """
    today = clock.local_date(clock.now(), time_zone)
    rows = await repository.claim_due(session, today, limit=_CLAIM_MAX)
    for row in rows:
        due, left = row.next_on, row.months_left
        while (following := due_after(due, row.day)) <= today and left != 1:
            await repository.skip_month(session, row.standing_order_id, due, MISSED)
            due, left = following, None if left is None else left - 1
        await repository.begin_run(session, row.standing_order_id, due)
        left = None if left is None else left - 1
        await repository.change(session, row.standing_order_id, next_on=due_after(due, row.day), months_left=left)
        if left == 0:
            await repository.end(session, [row.standing_order_id], EndReason.MONTHS_OVER)
    return len(rows)


async def end_with_campaigns(session: Session) -> None:
    """End the orders whose campaign is over."""
    now = clock.now()
    found = await campaigns.get_campaigns(session, campaign_ids=await repository.campaigns_of_live(session))
    over = [campaign_id for campaign_id, campaign in found.items() if is_over(campaign, now)]
    if over:
        await repository.end_of_campaigns(session, over, limit=_END_MAX)


async def _owned(session: Session, user_id: uuid.UUID, standing_order_id: uuid.UUID, *, lock: bool = False) -> Any:
    row = await repository.owned(session, standing_order_id, user_id, lock=lock)
    if row is None:
        raise StandingOrderNotFound
    return row


async def _lock_live(session: Session, user_id: uuid.UUID, standing_order_id: uuid.UUID) -> Any:
    row = await _owned(session, user_id, standing_order_id, lock=True)
    if row.status == OrderStatus.ENDED:
        raise StandingOrderEnded
    return row


async def _with_details(session: Session, rows: Sequence[Any]) -> list[StandingOrder]:
    if not rows:
        return []
    found = await campaigns.get_campaigns(session, campaign_ids={row.campaign_id for row in rows})
    since = _months_back(clock.now().date())
    runs: dict[uuid.UUID, list[Run]] = {}
    for one in await repository.runs_of(session, [row.standing_order_id for row in rows], since=since):
        run = Run(one.month, one.due_on, RunStatus(one.status), one.reason_code, one.donation_id)
        runs.setdefault(one.standing_order_id, []).append(run)
    return [
        StandingOrder(
            standing_order_id=row.standing_order_id,
            campaign_id=row.campaign_id,
            campaign_title=found[row.campaign_id].title,
            amount_mg=row.amount_mg,
            day=row.day,
            months_left=row.months_left,
            status=OrderStatus(row.status),
            end_reason=None if row.end_reason is None else EndReason(row.end_reason),
            next_on=row.next_on if row.status == OrderStatus.ACTIVE else None,
            created_at=row.created_at,
            ended_at=row.ended_at,
            runs=tuple(runs.get(row.standing_order_id, ())),
        )
        for row in rows
    ]


def _months_back(today: date) -> date:
    years, month = divmod(today.year * 12 + today.month - 1 - _RUNS_SHOWN, 12)
    return date(years, month + 1, 1)

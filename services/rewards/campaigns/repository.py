"""SQL of campaigns and donations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.campaigns.models import campaign, campaign_donor, donation
from services.rewards.settlement.domain import Status


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(campaign).values(**values).on_conflict_do_nothing())


async def listed(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Any]:
    query = select(campaign).order_by(campaign.c.campaign_id).limit(limit)
    if after is not None:
        query = query.where(campaign.c.campaign_id > after)
    return (await session.execute(query)).all()


async def by_id(session: AsyncSession, campaign_id: str) -> Any | None:
    return (await session.execute(select(campaign).where(campaign.c.campaign_id == campaign_id))).one_or_none()


async def by_ids(session: AsyncSession, campaign_ids: Sequence[str]) -> Sequence[Any]:
    return (await session.execute(select(campaign).where(campaign.c.campaign_id.in_(campaign_ids)))).all()


async def donation_by_key(session: AsyncSession, user_id: uuid.UUID, idempotency_key: str) -> Any:
    query = select(donation).where(donation.c.user_id == user_id, donation.c.idempotency_key == idempotency_key)
    return (await session.execute(query)).one()


async def donation_by_id(session: AsyncSession, donation_id: uuid.UUID) -> Any:
    return (await session.execute(select(donation).where(donation.c.donation_id == donation_id))).one()


async def owned(session: AsyncSession, donation_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(donation).where(donation.c.donation_id == donation_id, donation.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(donation).where(donation.c.user_id == user_id).order_by(donation.c.donation_id.desc()).limit(limit)
    if before is not None:
        query = query.where(donation.c.donation_id < before)
    return (await session.execute(query)).all()


async def add_donated(session: AsyncSession, *, campaign_id: str, user_id: uuid.UUID, amount_mg: int) -> None:
    """Add to the totals of the donor and of the campaign. A first donation also counts a donor."""
    donor = insert(campaign_donor).values(campaign_id=campaign_id, user_id=user_id, donated_mg=amount_mg)
    first = await session.scalar(
        donor.on_conflict_do_update(
            index_elements=[campaign_donor.c.campaign_id, campaign_donor.c.user_id],
            set_={"donated_mg": campaign_donor.c.donated_mg + donor.excluded.donated_mg},
        ).returning(literal_column("xmax = 0"))  # 0 only in a row this statement inserted
    )
    await session.execute(
        update(campaign)
        .where(campaign.c.campaign_id == campaign_id)
        .values(donated_mg=campaign.c.donated_mg + amount_mg, donors=campaign.c.donors + (1 if first else 0))
    )


async def count_wrong_totals(session: AsyncSession) -> int:
    """Count campaigns whose totals differ from their confirmed donations."""
    given = (
        select(
            donation.c.campaign_id,
            func.sum(donation.c.amount_mg).label("donated_mg"),
            func.count(donation.c.user_id.distinct()).label("donors"),
        )
        .where(donation.c.status == Status.CONFIRMED)
        .group_by(donation.c.campaign_id)
        .subquery()
    )
    query = (
        select(func.count())
        .select_from(campaign.outerjoin(given, given.c.campaign_id == campaign.c.campaign_id))
        .where(
            (campaign.c.donated_mg != func.coalesce(given.c.donated_mg, 0))
            | (campaign.c.donors != func.coalesce(given.c.donors, 0))
        )
    )
    return int(await session.scalar(query) or 0)

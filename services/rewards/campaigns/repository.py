"""SQL of campaigns and donations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, Uuid, any_, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.campaigns.models import campaign, donation
from services.rewards.database import REFUSED
from services.rewards.settlement.domain import Status

_REAL = text(f"NOT ({REFUSED})")


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
    among = campaign.c.campaign_id == any_(literal(list(campaign_ids), ARRAY(Text)))
    return (await session.execute(select(campaign).where(among))).all()


async def by_keys(session: AsyncSession, keys: Sequence[tuple[uuid.UUID, str]]) -> dict[tuple[uuid.UUID, str], Any]:
    """Return the donations of (user, idempotency key)."""
    users, values = [key[0] for key in keys], [key[1] for key in keys]
    arrays = literal(users, ARRAY(Uuid)), literal(values, ARRAY(Text))
    given = func.unnest(*arrays).table_valued("user_id", "value").render_derived(name="given")
    same = (donation.c.user_id == given.c.user_id) & (donation.c.idempotency_key == given.c.value)
    rows = await session.execute(select(donation).join(given, same))
    return {(row.user_id, row.idempotency_key): row for row in rows}


async def total_donated_mg(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.coalesce(func.sum(campaign.c.donated_mg), 0))) or 0)


async def donations_by_ids(session: AsyncSession, donation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    query = select(donation).where(donation.c.donation_id == any_(literal(list(donation_ids), ARRAY(Uuid))))
    return {row.donation_id: row for row in await session.execute(query)}


async def owned(session: AsyncSession, donation_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(donation).where(donation.c.donation_id == donation_id, donation.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = (
        select(donation)
        .where(donation.c.user_id == user_id, _REAL)
        .order_by(donation.c.donation_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(donation.c.donation_id < before)
    return (await session.execute(query)).all()


_ADD_TO_DONORS = text("""
    INSERT INTO rewards.campaign_donor AS d (campaign_id, user_id, donated_mg)
    SELECT campaign_id, user_id, sum(mg) FROM unnest(CAST(:campaigns AS text[]), CAST(:users AS uuid[]),
        CAST(:amounts AS bigint[])) AS v(campaign_id, user_id, mg) GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (campaign_id, user_id) DO UPDATE SET donated_mg = d.donated_mg + excluded.donated_mg
    RETURNING campaign_id, xmax = 0 AS first""")  # xmax is 0 only in a row that this statement inserted


async def add_donated(session: AsyncSession, gifts: Sequence[tuple[str, uuid.UUID, int]]) -> None:
    """Add (campaign, user, milligrams) to the totals of donors and campaigns. A first donation also counts a donor."""
    values = {"campaigns": [gift[0] for gift in gifts], "users": [gift[1] for gift in gifts]}
    donors = (await session.execute(_ADD_TO_DONORS, {**values, "amounts": [gift[2] for gift in gifts]})).all()
    for campaign_id in sorted({gift[0] for gift in gifts}):
        given_mg = sum(gift[2] for gift in gifts if gift[0] == campaign_id)
        new = sum(1 for donor in donors if donor.campaign_id == campaign_id and donor.first)
        await session.execute(
            update(campaign)
            .where(campaign.c.campaign_id == campaign_id)
            .values(donated_mg=campaign.c.donated_mg + given_mg, donors=campaign.c.donors + new)
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

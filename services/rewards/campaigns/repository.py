"""SQL of campaigns and donations."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, Uuid, any_, case, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.campaigns.domain import Donor
from services.rewards.campaigns.models import campaign, campaign_donor, donation
from services.rewards.database import OPEN, REFUSED
from services.rewards.settlement.domain import Status

_DONOR_ID = func.coalesce(donation.c.enterprise_id, donation.c.user_id)
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


async def locked(session: AsyncSession, campaign_ids: Sequence[str]) -> Sequence[Any]:
    """Lock campaigns by id until the transaction ends."""
    among = campaign.c.campaign_id == any_(literal(sorted(campaign_ids), ARRAY(Text)))
    query = select(campaign).where(among).order_by(campaign.c.campaign_id).with_for_update()
    return (await session.execute(query)).all()


async def count_campaigns(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(campaign)) or 0)


async def change(session: AsyncSession, campaign_id: str, columns: Mapping[str, Any]) -> None:
    target_mg = columns.get("target_mg", campaign.c.target_mg)
    completed_at = case((campaign.c.donated_mg >= target_mg, func.coalesce(campaign.c.completed_at, func.now())))
    await session.execute(
        update(campaign)
        .where(campaign.c.campaign_id == campaign_id)
        .values(version=campaign.c.version + 1, completed_at=completed_at, **columns)
    )


async def close(session: AsyncSession, campaign_id: str) -> None:
    changed = update(campaign).where(campaign.c.campaign_id == campaign_id)
    await session.execute(changed.values(closed_at=func.clock_timestamp(), version=campaign.c.version + 1))


async def reserve(session: AsyncSession, amounts_mg: Mapping[str, int]) -> None:
    """Reserve milligrams of campaigns, one after another by id. The CHECK of the table holds the target."""
    for campaign_id in sorted(amounts_mg):
        await session.execute(
            update(campaign)
            .where(campaign.c.campaign_id == campaign_id)
            .values(reserved_mg=campaign.c.reserved_mg + amounts_mg[campaign_id])
        )


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


def _given_by(donor: Donor) -> ColumnElement[bool]:
    if donor.enterprise_id is not None:
        return donation.c.enterprise_id == donor.enterprise_id
    return (donation.c.user_id == donor.user_id) & donation.c.enterprise_id.is_(None)


async def settled_page(
    session: AsyncSession, donor: Donor, *, since: datetime, before: datetime, after: uuid.UUID, limit: int
) -> Sequence[Any]:
    """Return donations that were made or given back in [since, before), and may have been made earlier, by id."""
    is_settled = (donation.c.status == Status.CONFIRMED) | (donation.c.status == Status.RETURNING)
    is_given_back = (donation.c.status == Status.CANCELLED) & _REAL
    query = (
        select(donation)
        .where(
            _given_by(donor),
            is_settled | is_given_back,
            donation.c.created_at < before,
            func.coalesce(donation.c.settled_at, before) >= since,
            donation.c.donation_id > after,
        )
        .order_by(donation.c.donation_id)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def donors_page(
    session: AsyncSession, campaign_id: str, *, after: tuple[int, uuid.UUID] | None, limit: int
) -> Sequence[Any]:
    """Return the donors of a campaign, those who gave the most first."""
    given, donor_id = campaign_donor.c.donated_mg, campaign_donor.c.donor_id
    query = (
        select(campaign_donor)
        .where(campaign_donor.c.campaign_id == campaign_id)
        .order_by(given.desc(), donor_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where((given < after[0]) | ((given == after[0]) & (donor_id > after[1])))
    return (await session.execute(query)).all()


async def donor_of(session: AsyncSession, campaign_id: str, donor_id: uuid.UUID) -> Any | None:
    query = select(campaign_donor).where(
        campaign_donor.c.campaign_id == campaign_id, campaign_donor.c.donor_id == donor_id
    )
    return (await session.execute(query)).one_or_none()


async def team_sums(session: AsyncSession) -> dict[uuid.UUID, int]:
    """Return what was given in the name of each team."""
    query = (
        select(donation.c.team_id, func.sum(donation.c.amount_mg))
        .where(donation.c.status == Status.CONFIRMED, donation.c.team_id.is_not(None))
        .group_by(donation.c.team_id)
    )
    return {team_id: int(mg) for team_id, mg in (await session.execute(query)).all()}


async def confirmed_after(session: AsyncSession, *, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    query = select(donation.c.donation_id).where(donation.c.donation_id > after, donation.c.status == Status.CONFIRMED)
    return (await session.scalars(query.order_by(donation.c.donation_id).limit(limit))).all()


async def owned(session: AsyncSession, donation_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(donation).where(donation.c.donation_id == donation_id, donation.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(session: AsyncSession, *, donor: Donor, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Return the donations of a person or of an enterprise. What a person gives for an enterprise is not theirs."""
    query = select(donation).where(_given_by(donor), _REAL).order_by(donation.c.donation_id.desc()).limit(limit)
    if before is not None:
        query = query.where(donation.c.donation_id < before)
    return (await session.execute(query)).all()


_ADD_TO_DONORS = text("""
    INSERT INTO rewards.campaign_donor AS d (campaign_id, donor_id, is_enterprise, donated_mg)
    SELECT campaign_id, donor_id, is_enterprise, sum(mg) FROM unnest(CAST(:campaigns AS text[]),
        CAST(:donors AS uuid[]), CAST(:enterprises AS boolean[]), CAST(:amounts AS bigint[]))
        AS v(campaign_id, donor_id, is_enterprise, mg) GROUP BY 1, 2, 3 ORDER BY 1, 2
    ON CONFLICT (campaign_id, donor_id) DO UPDATE SET donated_mg = d.donated_mg + excluded.donated_mg
    RETURNING campaign_id, xmax = 0 AS first""")  # xmax is 0 only in a row that this statement inserted


async def add_donors(session: AsyncSession, gifts: Sequence[Any]) -> dict[str, int]:
    """Add rows of donations to the totals of their donors. Return how many donors are new, by campaign."""
    if not gifts:
        return {}
    values = {
        "campaigns": [gift.campaign_id for gift in gifts],
        "donors": [gift.enterprise_id or gift.user_id for gift in gifts],
        "enterprises": [gift.enterprise_id is not None for gift in gifts],
        "amounts": [gift.amount_mg for gift in gifts],
    }
    donors = (await session.execute(_ADD_TO_DONORS, values)).all()
    return Counter(donor.campaign_id for donor in donors if donor.first)


async def count(session: AsyncSession, campaign_id: str, *, donated_mg: int, released_mg: int, donors: int) -> None:
    """Count what ended: donations made, and those given up. Neither is under way any more."""
    total = campaign.c.donated_mg + donated_mg
    await session.execute(
        update(campaign)
        .where(campaign.c.campaign_id == campaign_id)
        .values(
            donated_mg=total,
            reserved_mg=campaign.c.reserved_mg - donated_mg - released_mg,
            donors=campaign.c.donors + donors,
            completed_at=case((total >= campaign.c.target_mg, func.coalesce(campaign.c.completed_at, func.now()))),
        )
    )


async def count_wrong_totals(session: AsyncSession) -> int:
    """Count campaigns whose totals differ from their confirmed donations, or from those under way."""
    is_made = donation.c.status == Status.CONFIRMED
    given = (
        select(
            donation.c.campaign_id,
            func.coalesce(func.sum(donation.c.amount_mg).filter(is_made), 0).label("donated_mg"),
            func.coalesce(func.sum(donation.c.amount_mg).filter(text(OPEN)), 0).label("reserved_mg"),
            func.count(_DONOR_ID.distinct()).filter(is_made).label("donors"),
        )
        .group_by(donation.c.campaign_id)
        .subquery()
    )
    query = (
        select(func.count())
        .select_from(campaign.outerjoin(given, given.c.campaign_id == campaign.c.campaign_id))
        .where(
            (campaign.c.donated_mg != func.coalesce(given.c.donated_mg, 0))
            | (campaign.c.reserved_mg != func.coalesce(given.c.reserved_mg, 0))
            | (campaign.c.donors != func.coalesce(given.c.donors, 0))
        )
    )
    return int(await session.scalar(query) or 0)

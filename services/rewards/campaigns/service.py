"""Use cases of campaigns: give grams to one, count exactly, show.

Locks are always taken in this order: the donation, the donor's row, the campaign's.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.rewards.campaigns import repository
from services.rewards.campaigns.domain import Terms
from services.rewards.campaigns.errors import AmountOutOfRange, CampaignClosed, CampaignNotFound, DonationNotFound
from services.rewards.campaigns.models import donation
from services.rewards.certificates import service as certificates
from services.rewards.certificates.service import Certificate
from services.rewards.database import SCHEMA
from services.rewards.settlement import service as settlements
from services.rewards.settlement.domain import Settlement, Status
from services.rewards.settlement.service import Origin, Placed
from shared import clock, outbox
from shared.amounts import display
from shared.contracts.rewards_v1 import DonationMade
from shared.db import Session
from shared.errors import IdempotencyKeyReused
from shared.eventlog import Record
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Campaign:
    """`donated_mg` and `donors` are exact at every moment; donors are people, not donations."""

    campaign_id: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    target_mg: int
    donated_mg: int
    donors: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Donation:
    """A donation as its giver sees it. The certificate is there only once it is confirmed."""

    donation_id: uuid.UUID
    status: Status
    reason_code: str | None
    campaign_id: str
    campaign_zh: str
    campaign_en: str
    amount_mg: int
    certificate: Certificate | None
    created_at: datetime


def _campaign(row: Any) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        title_zh=row.title_zh,
        title_en=row.title_en,
        description_zh=row.description_zh,
        description_en=row.description_en,
        target_mg=row.target_mg,
        donated_mg=row.donated_mg,
        donors=row.donors,
        terms=Terms(row.starts_at, row.ends_at, row.min_mg, row.max_mg),
    )


async def campaigns(session: Session, *, after: str | None, limit: int) -> list[Campaign]:
    return [_campaign(row) for row in await repository.listed(session, after=after, limit=limit)]


async def campaign(session: Session, *, campaign_id: str) -> Campaign:
    """Raises CampaignNotFound."""
    row = await repository.by_id(session, campaign_id)
    if row is None:
        raise CampaignNotFound
    return _campaign(row)


async def announce(
    session: Session,
    *,
    campaign_id: str,
    title_zh: str,
    title_en: str,
    description_zh: str,
    description_en: str,
    target_mg: int,
    terms: Terms,
) -> None:
    """Opens a campaign; one that exists stays as it is."""
    await repository.insert_missing(
        session,
        campaign_id=campaign_id,
        title_zh=title_zh,
        title_en=title_en,
        description_zh=description_zh,
        description_en=description_en,
        target_mg=target_mg,
        min_mg=terms.min_mg,
        max_mg=terms.max_mg,
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
    )


async def place(session: Session, *, origin: Origin, campaign_id: str, amount_mg: int) -> Placed:
    """Raises CampaignNotFound, CampaignClosed, AmountOutOfRange."""
    found = await campaign(session, campaign_id=campaign_id)
    donation_id = new_id()
    fresh = await settlements.open_new(
        session,
        donation,
        origin=origin,
        amount_mg=amount_mg,
        capture_to=f"donated:{campaign_id}",
        donation_id=donation_id,
        campaign_id=campaign_id,
    )
    if not fresh:
        row = await repository.donation_by_key(session, origin.user_id, origin.idempotency_key)
        if (row.campaign_id, row.amount_mg) != (campaign_id, amount_mg):
            raise IdempotencyKeyReused
        return Placed(row.donation_id, repeated=True)
    if not found.terms.takes(amount_mg):
        language = origin.language
        raise AmountOutOfRange(
            least=display(found.terms.min_mg, language),
            most=display(found.terms.max_mg, language),
            extensions={"min_mg": found.terms.min_mg, "max_mg": found.terms.max_mg},
        )
    if not found.terms.open_at(clock.now()):
        raise CampaignClosed
    return Placed(donation_id)


async def accept(session: Session, *, settlement: Settlement, time_zone: str, topic: str) -> None:
    """The grams are given: totals, certificate and the published fact, together."""
    row = await repository.donation_by_id(session, settlement.settlement_id)
    found = await campaign(session, campaign_id=row.campaign_id)
    await repository.add_donated(session, campaign_id=row.campaign_id, user_id=row.user_id, amount_mg=row.amount_mg)
    number = await certificates.issue(
        session,
        donation_id=row.donation_id,
        campaign_id=row.campaign_id,
        campaign_zh=found.title_zh,
        campaign_en=found.title_en,
        amount_mg=row.amount_mg,
        issued_at=row.settled_at,
        time_zone=time_zone,
    )
    event = DonationMade(
        event_id=new_id(),
        donation_id=row.donation_id,
        account_id=row.account_id,
        campaign_id=row.campaign_id,
        amount_mg=row.amount_mg,
        certificate_no=number,
        made_at=row.settled_at,
    )
    record = Record(key=str(row.account_id).encode(), value=msgspec.json.encode(event))
    await outbox.add(session, SCHEMA, topic, [record])


async def _with_details(session: Session, rows: Sequence[Any]) -> list[Donation]:
    found = await repository.by_ids(session, sorted({row.campaign_id for row in rows}))
    titles = {row.campaign_id: row for row in found}
    issued = await certificates.of_donations(session, donation_ids=[row.donation_id for row in rows])
    return [
        Donation(
            donation_id=row.donation_id,
            status=Status(row.status),
            reason_code=row.reason_code,
            campaign_id=row.campaign_id,
            campaign_zh=titles[row.campaign_id].title_zh,
            campaign_en=titles[row.campaign_id].title_en,
            amount_mg=row.amount_mg,
            certificate=issued.get(row.donation_id),
            created_at=row.created_at,
        )
        for row in rows
    ]


async def donation_of(session: Session, *, settlement: Settlement) -> Donation:
    return (await _with_details(session, [await repository.donation_by_id(session, settlement.settlement_id)]))[0]


async def owned(session: Session, *, donation_id: uuid.UUID, user_id: uuid.UUID) -> Donation:
    """Raises DonationNotFound, also for someone else's donation."""
    row = await repository.owned(session, donation_id, user_id)
    if row is None:
        raise DonationNotFound
    return (await _with_details(session, [row]))[0]


async def owned_page(session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> list[Donation]:
    """Newest first."""
    return await _with_details(
        session, await repository.owned_page(session, user_id=user_id, before=before, limit=limit)
    )


async def campaigns_differing(session: Session) -> int:
    return await repository.campaigns_differing(session)

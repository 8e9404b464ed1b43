"""Use cases of campaigns: show them, place donations, confirm them with exact totals.

Locks are always taken in this order: donations, the rows of donors by campaign and user, campaigns by id.
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
from services.rewards.settlement.service import Asked, Placement
from shared import clock, outbox
from shared.amounts import grams
from shared.contracts.envelope import event_headers
from shared.contracts.rewards_v1 import DONATION_MADE_TYPE, EVENT_SOURCE, DonationMade
from shared.db import Session
from shared.errors import AppError, IdempotencyKeyInProgress, IdempotencyKeyReused
from shared.eventlog import Record
from shared.ids import new_id
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Campaign:
    """`donated_mg` and `donors` are always exact. Donors are people, not donations."""

    campaign_id: str
    title: Text
    description: Text
    target_mg: int
    donated_mg: int
    donors: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Donation:
    """A donation as its donor sees it. A confirmed one has a certificate."""

    donation_id: uuid.UUID
    status: Status
    reason_code: str | None
    campaign_id: str
    campaign_title: Text
    amount_mg: int
    certificate: Certificate | None
    created_at: datetime


def _campaign(row: Any) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        title=Text(row.title_zh, row.title_en),
        description=Text(row.description_zh, row.description_en),
        target_mg=row.target_mg,
        donated_mg=row.donated_mg,
        donors=row.donors,
        terms=Terms(row.starts_at, row.ends_at, row.min_mg, row.max_mg),
    )


async def list_campaigns(session: Session, *, after: str | None, limit: int) -> list[Campaign]:
    """Return the campaigns after the id `after`, by id."""
    return [_campaign(row) for row in await repository.listed(session, after=after, limit=limit)]


async def get_campaign(session: Session, *, campaign_id: str) -> Campaign:
    """Raises CampaignNotFound."""
    row = await repository.by_id(session, campaign_id)
    if row is None:
        raise CampaignNotFound
    return _campaign(row)


async def open_campaign(
    session: Session,
    *,
    campaign_id: str,
    title: Text,
    description: Text,
    target_mg: int,
    terms: Terms,
) -> None:
    """Open a campaign. An existing one is not changed."""
    await repository.insert_missing(
        session,
        campaign_id=campaign_id,
        title_zh=title.zh,
        title_en=title.en,
        description_zh=description.zh,
        description_en=description.en,
        target_mg=target_mg,
        min_mg=terms.min_mg,
        max_mg=terms.max_mg,
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request donates."""

    campaign_id: str
    amount_mg: int


async def place_donations(session: Session, *, asked: Sequence[Asked]) -> list[Placement | AppError]:
    """Open the settlements of donations.

    Errors: CampaignNotFound, CampaignClosed, AmountOutOfRange, IdempotencyKeyReused.
    """
    rows = await repository.by_ids(session, sorted({one.wanted.campaign_id for one in asked}))
    campaigns = {row.campaign_id: _campaign(row) for row in rows}
    earlier = await repository.by_keys(session, [(one.origin.user_id, one.origin.idempotency_key) for one in asked])
    found: dict[int, Placement | AppError] = {}
    new: dict[int, dict[str, Any]] = {}
    for place, one in enumerate(asked):
        campaign = campaigns.get(one.wanted.campaign_id)
        row = earlier.get((one.origin.user_id, one.origin.idempotency_key))
        if campaign is None:
            found[place] = CampaignNotFound()
        elif row is not None:
            found[place] = await _existing(session, one, row)
        elif refusal := _screened(one, campaign):
            found[place] = refusal
        else:
            new[place] = _new_row(one, campaign)
    if new:
        opened = await settlements.open_many(
            session, donation, [(asked[place].origin, row) for place, row in new.items()]
        )
        for place, row in new.items():
            settlement = opened.get(row["donation_id"])
            # None: another process has placed a donation with this key a moment ago.
            found[place] = IdempotencyKeyInProgress() if settlement is None else Placement(settlement)
    return [found[place] for place in range(len(asked))]


async def _existing(session: Session, asked: Asked, row: Any) -> Placement | AppError:
    asked_for = (asked.wanted.campaign_id, asked.wanted.amount_mg, asked.origin.account_id)
    if (row.campaign_id, row.amount_mg, row.account_id) != asked_for:
        return IdempotencyKeyReused()
    return Placement(await settlements.get(session, donation, settlement_id=row.donation_id), repeated=True)


def _screened(asked: Asked, campaign: Campaign) -> AppError | None:
    terms = campaign.terms
    if not terms.accepts(asked.wanted.amount_mg):
        return AmountOutOfRange(
            least=grams(terms.min_mg),
            most=grams(terms.max_mg),
            extensions={"min_mg": terms.min_mg, "max_mg": terms.max_mg},
        )
    return None if terms.open_at(clock.now()) else CampaignClosed()


def _new_row(asked: Asked, campaign: Campaign) -> dict[str, Any]:
    return {
        "donation_id": new_id(),
        "amount_mg": asked.wanted.amount_mg,
        "capture_to": f"donated:{campaign.campaign_id}",
        "title_zh": campaign.title.zh,
        "title_en": campaign.title.en,
        "campaign_id": campaign.campaign_id,
    }


async def deliver(session: Session, *, confirmed: Sequence[Settlement], time_zone: str, topic: str) -> None:
    """The grams are captured: issue the certificates, publish the events."""
    if not confirmed:
        return
    donations = list((await repository.donations_by_ids(session, [one.settlement_id for one in confirmed])).values())
    rows = await repository.by_ids(session, sorted({row.campaign_id for row in donations}))
    titles = {row.campaign_id: Text(row.title_zh, row.title_en) for row in rows}
    records = []
    for row in donations:
        number = await certificates.issue_certificate(
            session,
            donation_id=row.donation_id,
            campaign_id=row.campaign_id,
            campaign_title=titles[row.campaign_id],
            amount_mg=row.amount_mg,
            issued_at=row.settled_at,
            time_zone=time_zone,
        )
        records.append(_made(row, number))
    await outbox.add(session, SCHEMA, topic, records)


async def count(session: Session, *, confirmed: Sequence[Settlement]) -> None:
    """Add to the totals of donors and campaigns."""
    if confirmed:
        rows = await repository.donations_by_ids(session, [one.settlement_id for one in confirmed])
        await repository.add_donated(session, [(row.campaign_id, row.user_id, row.amount_mg) for row in rows.values()])


def _made(row: Any, certificate_no: str) -> Record:
    event = DonationMade(
        event_id=new_id(),
        donation_id=row.donation_id,
        account_id=row.account_id,
        campaign_id=row.campaign_id,
        amount_mg=row.amount_mg,
        certificate_no=certificate_no,
        made_at=row.settled_at,
    )
    headers = event_headers(str(event.event_id), source=EVENT_SOURCE, event_type=DONATION_MADE_TYPE, at=event.made_at)
    return Record(key=str(row.account_id).encode(), value=msgspec.json.encode(event), headers=headers)


async def _with_details(session: Session, rows: Sequence[Any]) -> list[Donation]:
    found = await repository.by_ids(session, sorted({row.campaign_id for row in rows}))
    titles = {row.campaign_id: Text(row.title_zh, row.title_en) for row in found}
    issued = await certificates.certificates_of(session, donation_ids=[row.donation_id for row in rows])
    return [
        Donation(
            donation_id=row.donation_id,
            status=Status(row.status),
            reason_code=row.reason_code,
            campaign_id=row.campaign_id,
            campaign_title=titles[row.campaign_id],
            amount_mg=row.amount_mg,
            certificate=issued.get(row.donation_id),
            created_at=row.created_at,
        )
        for row in rows
    ]


async def get_settled_donations(session: Session, *, settled: Sequence[Settlement]) -> list[Donation]:
    """Return donations in the sequence of their settlements."""
    rows = await repository.donations_by_ids(session, [one.settlement_id for one in settled])
    return await _with_details(session, [rows[one.settlement_id] for one in settled])


async def get_own_donation(session: Session, *, donation_id: uuid.UUID, user_id: uuid.UUID) -> Donation:
    """Return a donation of the user. Raises DonationNotFound, also for a donation of another person."""
    row = await repository.owned(session, donation_id, user_id)
    if row is None:
        raise DonationNotFound
    return (await _with_details(session, [row]))[0]


async def list_own_donations(
    session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[Donation]:
    """Return the donations of the user before the id `before`, newest first. Refused ones are no donations."""
    return await _with_details(
        session, await repository.owned_page(session, user_id=user_id, before=before, limit=limit)
    )


async def count_wrong_totals(session: Session) -> int:
    """Count campaigns whose totals differ from their confirmed donations."""
    return await repository.count_wrong_totals(session)


async def total_donated_mg(session: Session) -> int:
    """Return the grams donated to all campaigns."""
    return await repository.total_donated_mg(session)

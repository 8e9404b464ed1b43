"""Use cases of campaigns: show them, confirm donations with exact totals. `placing` opens donations.

Locks are always taken in this order: donations, the rows of donors by campaign and donor, teams by id, campaigns by id.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from services.rewards.campaigns import repository
from services.rewards.campaigns.domain import CampaignKind, Donor, Obstacle, Terms, obstacle
from services.rewards.campaigns.errors import CampaignNotFound, DonationNotFound
from services.rewards.certificates import service as certificates
from services.rewards.certificates.service import Certificate
from services.rewards.database import SCHEMA
from services.rewards.donor_names import service as donor_names
from services.rewards.enterprises import service as enterprises
from services.rewards.enterprises.service import EnterpriseActor
from services.rewards.settlement.domain import Settlement, Status
from services.rewards.teams import service as teams
from shared import outbox
from shared.contracts.enterprises_v1 import EnterpriseRole
from shared.contracts.envelope import event_headers
from shared.contracts.rewards_v1 import DONATION_MADE_TYPE, EVENT_SOURCE, DonationMade
from shared.db import Session
from shared.eventlog import Record
from shared.ids import new_id
from shared.language import Text

# On the certificate of an enterprise whose name accounts has not published yet.
_UNNAMED: Final = "一家企业 An enterprise"


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
    kind: CampaignKind
    thanks: Text
    images: tuple[str, ...]
    reserved_mg: int
    version: int
    completed_at: datetime | None
    closed_at: datetime | None

    @property
    def rest_mg(self) -> int:
        """What new donations can still give."""
        return self.target_mg - self.donated_mg - self.reserved_mg

    def open_at(self, instant: datetime) -> bool:
        return self.closed_at is None and self.completed_at is None and self.terms.open_at(instant)

    def obstacle(self, amount_mg: int, *, rest_mg: int, instant: datetime) -> Obstacle | None:
        return obstacle(
            self.terms,
            rest_mg=rest_mg,
            is_closed=self.closed_at is not None,
            amount_mg=amount_mg,
            instant=instant,
        )


@dataclass(frozen=True, slots=True)
class DonorName:
    """How a donor is named to others. `name`: an enterprise's, or a person's who agreed to be named; else None."""

    name: str | None
    pseudonym: str
    is_enterprise: bool
    donor_id: uuid.UUID
    donated_mg: int


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
    settled_at: datetime | None
    enterprise_id: uuid.UUID | None
    team_id: uuid.UUID | None
    thanks: Text


def _campaign(row: Any) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        title=Text(row.title_zh, row.title_en),
        description=Text(row.description_zh, row.description_en),
        target_mg=row.target_mg,
        donated_mg=row.donated_mg,
        donors=row.donors,
        terms=Terms(row.starts_at, row.ends_at, row.min_mg, row.max_mg),
        kind=CampaignKind(row.kind),
        thanks=Text(row.thanks_zh, row.thanks_en),
        images=tuple(row.images),
        reserved_mg=row.reserved_mg,
        version=row.version,
        completed_at=row.completed_at,
        closed_at=row.closed_at,
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


async def get_campaigns(session: Session, *, campaign_ids: Collection[str]) -> dict[str, Campaign]:
    """Return those that exist, by id."""
    return {row.campaign_id: _campaign(row) for row in await repository.by_ids(session, sorted(campaign_ids))}


async def lock_campaigns(session: Session, *, campaign_ids: Collection[str]) -> dict[str, Campaign]:
    """Lock campaigns by id until the transaction ends. Return those that exist."""
    return {row.campaign_id: _campaign(row) for row in await repository.locked(session, sorted(campaign_ids))}


async def lock_row(session: Session, *, campaign_id: str) -> Any:
    """Lock a campaign until the transaction ends. Return its columns. Raises CampaignNotFound."""
    rows = await repository.locked(session, [campaign_id])
    if not rows:
        raise CampaignNotFound
    return rows[0]


async def count_campaigns(session: Session) -> int:
    return await repository.count_campaigns(session)


async def add_campaign(session: Session, *, campaign_id: str, columns: Mapping[str, Any]) -> None:
    """Open a campaign with these columns."""
    await repository.insert_missing(session, campaign_id=campaign_id, **columns)


async def change_campaign(session: Session, *, campaign_id: str, columns: Mapping[str, Any]) -> None:
    """Change columns of a locked campaign, and raise its version. The target was compared with what is given."""
    await repository.change(session, campaign_id, columns)


async def close_campaign(session: Session, *, campaign_id: str) -> None:
    await repository.close(session, campaign_id)


async def open_campaign(
    session: Session,
    *,
    campaign_id: str,
    title: Text,
    description: Text,
    target_mg: int,
    terms: Terms,
    kind: CampaignKind = CampaignKind.CHARITY,
) -> None:
    """Open a campaign. An existing one is not changed."""
    await repository.insert_missing(
        session,
        campaign_id=campaign_id,
        kind=kind,
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
    """What one request donates: a person's or an enterprise's grams, or a person's in the name of a team."""

    campaign_id: str
    amount_mg: int
    enterprise_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None


async def acting_for(
    session: Session, *, enterprise_id: uuid.UUID | None, account_id: uuid.UUID | None, person_id: uuid.UUID
) -> EnterpriseActor | None:
    """Return the enterprise whose grams are to be given, named by its id or by its account; None for people's grams.

    `account_id`: the account that was asked for, None for the person's own. Accounting decides again when it spends.
    Raises EnterpriseNotFound, EnterpriseRoleRequired (one of its makers gives), EnterpriseSuspended, EnterpriseClosed.
    """
    if enterprise_id is None and account_id is not None:
        enterprise_id = await enterprises.id_of_account(session, account_id=account_id)
    if enterprise_id is None:
        return None
    roles: tuple[EnterpriseRole, ...] = ("maker",)
    return await enterprises.require_role(
        session, enterprise_id=enterprise_id, person_id=person_id, roles=roles, acting=True
    )


async def deliver(session: Session, *, confirmed: Sequence[Settlement], time_zone: str, topic: str) -> None:
    """The grams are captured: issue the certificates, publish the events."""
    if not confirmed:
        return
    donations = list((await repository.donations_by_ids(session, [one.settlement_id for one in confirmed])).values())
    rows = await repository.by_ids(session, sorted({row.campaign_id for row in donations}))
    titles = {row.campaign_id: Text(row.title_zh, row.title_en) for row in rows}
    firms = {row.enterprise_id for row in donations if row.enterprise_id is not None}
    names = await enterprises.names_of(session, enterprise_ids=firms)
    records = []
    for row in donations:
        is_firm = row.enterprise_id is not None
        number = await certificates.issue_certificate(
            session,
            donation_id=row.donation_id,
            user_id=None if is_firm else row.user_id,
            donor=(names.get(row.enterprise_id) or _UNNAMED) if is_firm else None,
            campaign_id=row.campaign_id,
            campaign_title=titles[row.campaign_id],
            amount_mg=row.amount_mg,
            issued_at=row.settled_at,
            time_zone=time_zone,
        )
        records.append(_made(row, number))
    await outbox.add(session, SCHEMA, topic, records)


async def count(session: Session, *, confirmed: Sequence[Settlement], released: Sequence[Settlement]) -> None:
    """Add donations made to the totals of donors and campaigns. What was reserved for them and for others is free."""
    made, given_up = [one.settlement_id for one in confirmed], [one.settlement_id for one in released]
    if not made and not given_up:
        return
    rows = await repository.donations_by_ids(session, [*made, *given_up])
    gifts = [rows[one] for one in made]
    new = await repository.add_donors(session, gifts)
    of_teams: dict[uuid.UUID, int] = {}
    for row in gifts:
        if row.team_id is not None:
            of_teams[row.team_id] = of_teams.get(row.team_id, 0) + row.amount_mg
    await teams.add_donated(session, amounts_mg=of_teams)
    for campaign_id in sorted({row.campaign_id for row in rows.values()}):
        await repository.count(
            session,
            campaign_id,
            donated_mg=sum(row.amount_mg for row in gifts if row.campaign_id == campaign_id),
            released_mg=sum(rows[one].amount_mg for one in given_up if rows[one].campaign_id == campaign_id),
            donors=new.get(campaign_id, 0),
        )


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
    campaigns = {row.campaign_id: _campaign(row) for row in found}
    issued = await certificates.certificates_of(session, donation_ids=[row.donation_id for row in rows])
    return [
        Donation(
            donation_id=row.donation_id,
            status=Status(row.status),
            reason_code=row.reason_code,
            campaign_id=row.campaign_id,
            campaign_title=campaigns[row.campaign_id].title,
            amount_mg=row.amount_mg,
            certificate=issued.get(row.donation_id),
            created_at=row.created_at,
            settled_at=row.settled_at,
            enterprise_id=row.enterprise_id,
            team_id=row.team_id,
            thanks=campaigns[row.campaign_id].thanks,
        )
        for row in rows
    ]


async def _named(session: Session, donors: Sequence[Any]) -> dict[tuple[str, uuid.UUID], DonorName]:
    """Return the names of rows of donors, by campaign and donor. One look for all people, one for all enterprises."""
    people = await donor_names.names_of(session, user_ids=[row.donor_id for row in donors if not row.is_enterprise])
    firms = await enterprises.names_of(session, enterprise_ids=[row.donor_id for row in donors if row.is_enterprise])
    return {
        (row.campaign_id, row.donor_id): DonorName(
            name=(firms if row.is_enterprise else people).get(row.donor_id),
            pseudonym=row.pseudonym,
            is_enterprise=row.is_enterprise,
            donor_id=row.donor_id,
            donated_mg=row.donated_mg,
        )
        for row in donors
    }


async def get_thanks(session: Session, *, donation_id: uuid.UUID, user_id: uuid.UUID) -> tuple[Campaign, DonorName]:
    """Return the campaign of a donation, and how its donor is named. Raises DonationNotFound, also for an open one."""
    row = await repository.owned(session, donation_id, user_id)
    found = None
    if row is not None and row.status == Status.CONFIRMED:
        found = await repository.donor_of(session, row.campaign_id, row.enterprise_id or row.user_id)
    if row is None or found is None:
        raise DonationNotFound
    [name] = (await _named(session, [found])).values()
    return await get_campaign(session, campaign_id=row.campaign_id), name


async def list_donors(
    session: Session, *, campaign_id: str, after: tuple[int, uuid.UUID] | None, limit: int
) -> list[DonorName]:
    """Return the donors of a campaign, those who gave the most first. Raises CampaignNotFound."""
    await get_campaign(session, campaign_id=campaign_id)
    rows = await repository.donors_page(session, campaign_id, after=after, limit=limit)
    return list((await _named(session, rows)).values())


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


async def list_donations(session: Session, *, donor: Donor, before: uuid.UUID | None, limit: int) -> list[Donation]:
    """Return the donations of a donor before the id `before`, newest first. Refused ones are no donations."""
    return await _with_details(session, await repository.owned_page(session, donor=donor, before=before, limit=limit))


async def settled_donations(
    session: Session, *, donor: Donor, since: datetime, before: datetime, after: uuid.UUID, limit: int
) -> list[Donation]:
    """Return donations that were made or given back in [since, before), and some made earlier, after an id."""
    rows = await repository.settled_page(session, donor, since=since, before=before, after=after, limit=limit)
    return await _with_details(session, rows)


async def count_wrong_totals(session: Session) -> int:
    """Count campaigns and teams whose totals differ from their confirmed donations."""
    given, counted = await repository.team_sums(session), await teams.sums(session)
    wrong_teams = sum(given.get(team_id) != counted.get(team_id) for team_id in given.keys() | counted.keys())
    return await repository.count_wrong_totals(session) + wrong_teams


async def total_donated_mg(session: Session) -> int:
    """Return the grams donated to all campaigns."""
    return await repository.total_donated_mg(session)

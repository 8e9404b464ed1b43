"""Use cases of families: propose and agree upon a spend of a household, show what was spent.

A member who joined later sees only what was proposed and spent since then.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.accounting.families import repository
from services.accounting.families.domain import AGREEMENT_LIFE, OPEN_AGREEMENTS_MAX, Agreement
from services.accounting.families.errors import AgreementClosed, AgreementNotFound, TooManyAgreements
from services.accounting.households import service as households
from services.accounting.households.errors import HouseholdNotFound
from services.accounting.households.service import SharedHome
from services.accounting.ledger import holds
from services.accounting.ledger.holds import HoldEnd
from shared import clock
from shared.db import Session, driver
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement as a member sees it. Members are named by the ids of their stays."""

    agreement: Agreement
    status: str
    proposed_by: uuid.UUID | None
    agreed: tuple[uuid.UUID, ...]
    missing: tuple[uuid.UUID, ...]
    is_mine: bool


@dataclass(frozen=True, slots=True)
class SpendView:
    """What a member spent. `spent_by`: the id of the stay, None if the person has moved out."""

    row: Any
    end: HoldEnd
    spent_by: uuid.UUID | None
    is_mine: bool


async def propose(
    session: Session, *, account_id: uuid.UUID, household_id: uuid.UUID, about: str, amount_mg: int
) -> AgreementView:
    """Propose a spend to the other members. The proposer agrees. It expires after AGREEMENT_LIFE.

    Raises HouseholdNotFound, TooManyAgreements.
    """
    home = await _home(session, account_id, household_id)
    await households.lock_subjects(await driver(session), [home.account_id])
    now = clock.now()
    if await repository.count_open(session, household_id, now) >= OPEN_AGREEMENTS_MAX:
        raise TooManyAgreements(limit=OPEN_AGREEMENTS_MAX)
    agreement_id = new_id()
    await repository.add_agreement(
        session,
        agreement_id=agreement_id,
        household_id=household_id,
        proposed_by=account_id,
        about=about,
        amount_mg=amount_mg,
        created_at=now,
        expires_at=now + AGREEMENT_LIFE,
    )
    await repository.add_agreed(session, agreement_id, account_id, now)
    found = await repository.locked_agreements(session, [agreement_id])
    return _view(found[agreement_id], home, account_id, now)


async def agree(
    session: Session, *, account_id: uuid.UUID, household_id: uuid.UUID, agreement_id: uuid.UUID
) -> AgreementView:
    """Agree upon a proposal. Repeatable. Raises HouseholdNotFound, AgreementNotFound, AgreementClosed."""
    home, found = await _open(session, account_id, household_id, agreement_id)
    await repository.add_agreed(session, agreement_id, account_id, clock.now())
    found = (await repository.locked_agreements(session, [agreement_id]))[found.agreement_id]
    return _view(found, home, account_id, clock.now())


async def refuse(
    session: Session, *, account_id: uuid.UUID, household_id: uuid.UUID, agreement_id: uuid.UUID
) -> AgreementView:
    """Refuse another's proposal, or withdraw the own one. One refusal ends it.

    Raises HouseholdNotFound, AgreementNotFound, AgreementClosed.
    """
    home, found = await _open(session, account_id, household_id, agreement_id)
    status = "withdrawn" if found.proposed_by == account_id else "refused"
    await repository.end_agreements(session, [agreement_id], status, clock.now())
    found = (await repository.locked_agreements(session, [agreement_id]))[agreement_id]
    return _view(found, home, account_id, clock.now())


async def list_agreements(
    session: Session, *, account_id: uuid.UUID, household_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[AgreementView]:
    """Raises HouseholdNotFound."""
    home = await _home(session, account_id, household_id)
    since = await _joined_at(session, account_id)
    rows = await repository.page_of_agreements(session, household_id, before=before, since=since, limit=limit)
    return [_view(row, home, account_id, clock.now()) for row in rows]


async def list_spends(
    session: Session, *, account_id: uuid.UUID, household_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[SpendView]:
    """Raises HouseholdNotFound."""
    home = await _home(session, account_id, household_id)
    since = await _joined_at(session, account_id)
    rows = await repository.page_of_spends(session, home.account_id, before=before, since=since, limit=limit)
    stays = {person: membership for membership, person in home.members.items()}
    ends = await holds.ends_of(session, hold_ids=[row.hold_id for row in rows])
    return [
        SpendView(row, ends[row.hold_id], stays.get(row.spender_account_id), row.spender_account_id == account_id)
        for row in rows
    ]


async def _home(session: Session, account_id: uuid.UUID, household_id: uuid.UUID) -> SharedHome:
    home = (await households.shared_homes(session, account_ids=[account_id])).get(account_id)
    if home is None or home.household_id != household_id:
        raise HouseholdNotFound
    return home


async def _joined_at(session: Session, account_id: uuid.UUID) -> datetime:
    moment = await households.joined_at(session, account_id=account_id)
    assert moment is not None  # the person lives there
    return moment


async def _open(
    session: Session, account_id: uuid.UUID, household_id: uuid.UUID, agreement_id: uuid.UUID
) -> tuple[SharedHome, Agreement]:
    home = await _home(session, account_id, household_id)
    found = (await repository.locked_agreements(session, [agreement_id])).get(agreement_id)
    if found is None or found.household_id != household_id:
        raise AgreementNotFound
    if found.status_at(clock.now()) != "open":
        raise AgreementClosed
    return home, found


def _view(found: Agreement, home: SharedHome, account_id: uuid.UUID, now: datetime) -> AgreementView:
    stays = {person: membership for membership, person in home.members.items()}
    return AgreementView(
        agreement=found,
        status=found.status_at(now),
        proposed_by=stays.get(found.proposed_by),
        agreed=tuple(stays[person] for person in home.members.values() if person in found.agreed),
        missing=tuple(stays[person] for person in home.members.values() if person not in found.agreed),
        is_mine=found.proposed_by == account_id,
    )

"""A household as one of its members sees it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.household_rules import service as rules
from services.accounts.household_rules.service import RuleState
from services.accounts.households import repository
from services.accounts.households.models import Household, HouseholdMember
from services.accounts.meters import service as meters
from services.accounts.vault import DataKind, Vault
from shared import clock
from shared.db import Session


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as the others see them. `member_id` names the stay. The nickname is None if the member set none."""

    member_id: uuid.UUID
    nickname: str | None
    is_me: bool
    is_owner: bool


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """A household as one of its members sees it."""

    household_id: uuid.UUID
    account_id: uuid.UUID
    account_no: str
    opened_at: datetime
    joined_at: datetime
    members: int
    meter_since: datetime | None
    meter_pending_until: datetime | None
    name: str | None
    member_id: uuid.UUID
    is_owner: bool
    people: tuple[MemberView, ...]
    offered_to: uuid.UUID | None
    rule: RuleState


async def to_view(session: Session, vault: Vault, household: Household, membership: HouseholdMember) -> HouseholdView:
    household_id = household.household_id
    account = await carbon_accounts.get_household_account(session, household_id=household_id)
    meter = await meters.read_state(session, household_id=household_id)
    live = await repository.live_members(session, household_id=household_id)
    offer = await repository.find_handover(session, household_id=household_id)
    people = tuple(
        MemberView(
            member_id=row.membership_id,
            nickname=unseal(vault, "nickname", row.membership_id, row.nickname_sealed),
            is_me=row.membership_id == membership.membership_id,
            is_owner=row.user_id == household.owner_id,
        )
        for row in live
    )
    return HouseholdView(
        household_id=household_id,
        account_id=account.account_id,
        account_no=account.account_no,
        opened_at=household.opened_at,
        joined_at=membership.joined_at,
        members=len(live),
        meter_since=meter.since,
        meter_pending_until=meter.pending_until,
        name=unseal(vault, "household_name", household_id, household.name_sealed),
        member_id=membership.membership_id,
        is_owner=household.owner_id == membership.user_id,
        people=people,
        offered_to=offer.membership_id if offer is not None and offer.expires_at > clock.now() else None,
        rule=await rules.read_state(session, household_id=household_id, members=[row.membership_id for row in live]),
    )


def unseal(vault: Vault, kind: DataKind, place: uuid.UUID, sealed: bytes | None) -> str | None:
    return vault.unseal(kind, place, sealed) if sealed is not None else None

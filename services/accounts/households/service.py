"""Households: open, invite, join, leave, register a meter. Each change is published in the same transaction.

Lock order: the caller's own user row, the invitation, the household. No use case locks another person's user row. Two
members of one household therefore queue for it.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.households import repository
from services.accounts.households.domain import MOVE_WAIT, earliest_move
from services.accounts.households.errors import (
    AlreadyInHousehold,
    HouseholdFull,
    HouseholdMoveTooSoon,
    HouseholdNotFound,
    InvitationInvalid,
    MeterTaken,
)
from services.accounts.households.models import Household, HouseholdInvitation, HouseholdMember
from services.accounts.households.publishing import publish_change, publish_forgotten
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.contracts.identity import meter_key
from shared.db import Session
from shared.ids import new_id
from shared.instants import next_minute, next_second, stamp

# The largest household that the methodologies consider.
MEMBERS_MAX = 10
INVITATION_LIFE = timedelta(minutes=15)
INVITATIONS_QUOTA = Quota("household_invitation", at_most=20, window_s=86_400)
# Every membership and meter stays in the table as history and on the compacted topic.
MOVES_QUOTA = Quota("household_move", at_most=10, window_s=86_400)
METERS_QUOTA = Quota("household_meter", at_most=5, window_s=86_400)
_TOKEN_PREFIX = "chi_"
# For this long a used invitation still answers the same person's repeated request.
_INVITATION_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """A household as its members see it: the number of members, not who they are."""

    household_id: uuid.UUID
    account_id: uuid.UUID
    account_no: str
    opened_at: datetime
    joined_at: datetime
    members: int
    meter_since: datetime | None


@dataclass(frozen=True, slots=True)
class HouseholdResult:
    """`is_new` is False when the person was a member before."""

    household: HouseholdView
    is_new: bool


async def open_household(
    session: Session, *, settings: Settings, user_id: uuid.UUID, meter_ref: str | None
) -> HouseholdResult:
    """Open a household with the caller as its member. A repeated call returns the one the caller opened and lives in.

    Raises CarbonAccountNotOpened, ConsentRequired, AlreadyInHousehold, HouseholdMoveTooSoon, MeterTaken,
    QuotaExceeded, Unauthenticated.
    """
    account = await _require_account_and_consent(session, user_id)
    current = await repository.find_membership(session, user_id=user_id)
    if current is not None:
        household = await _lock_household(session, current.household_id)
        if household.opened_by != user_id:
            raise AlreadyInHousehold
        return HouseholdResult(await _to_view(session, household, current), is_new=False)
    await _require_move_allowed(session, user_id, None)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    household = Household(household_id=new_id(), opened_by=user_id, opened_at=clock.now())
    await repository.add_household(session, household)
    await carbon_accounts.open_household_account(
        session, household_id=household.household_id, prefix=settings.account_no_prefix
    )
    membership = await _add_member(session, settings, household, user_id, account.account_id)
    if meter_ref is not None:
        await _set_meter(session, settings, household, meter_ref)
    return HouseholdResult(await _to_view(session, household, membership), is_new=True)


async def invite_member(session: Session, *, user_id: uuid.UUID, household_id: uuid.UUID) -> ShownCode:
    """Issue a code with which one person can join within INVITATION_LIFE.

    Raises HouseholdNotFound, HouseholdFull, QuotaExceeded, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    await _require_member(session, user_id, household_id)
    if await repository.count_members(session, household_id=household_id) >= MEMBERS_MAX:
        raise HouseholdFull(limit=MEMBERS_MAX)
    await quotas.count_use(session, user_id=user_id, quota=INVITATIONS_QUOTA)
    token = draw_token(_TOKEN_PREFIX)
    now = clock.now()
    row = HouseholdInvitation(
        token_sha256=digest_token(token),
        household_id=household_id,
        invited_by=user_id,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    await repository.add_invitation(session, row)
    return show_code(token, row.expires_at)


async def join_household(session: Session, *, settings: Settings, user_id: uuid.UUID, token: str) -> HouseholdResult:
    """Join by invitation. A repeated call with the same code returns the same membership.

    Raises CarbonAccountNotOpened, ConsentRequired, InvitationInvalid, AlreadyInHousehold, HouseholdMoveTooSoon,
    HouseholdFull, QuotaExceeded, Unauthenticated.
    """
    account = await _require_account_and_consent(session, user_id)
    invitation = await repository.lock_invitation(session, token_sha256=digest_token(token))
    if invitation is None:
        raise InvitationInvalid
    household = await _lock_household(session, invitation.household_id)
    current = await repository.find_membership(session, user_id=user_id)
    if invitation.membership_id is not None:
        if current is None or current.membership_id != invitation.membership_id:
            raise InvitationInvalid
        return HouseholdResult(await _to_view(session, household, current), is_new=False)
    inviter = await repository.find_membership(session, user_id=invitation.invited_by)
    if invitation.expires_at <= clock.now() or inviter is None or inviter.household_id != household.household_id:
        raise InvitationInvalid
    if current is not None:
        raise AlreadyInHousehold
    await _require_move_allowed(session, user_id, household.household_id)
    if await repository.count_members(session, household_id=household.household_id) >= MEMBERS_MAX:
        raise HouseholdFull(limit=MEMBERS_MAX)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    membership = await _add_member(session, settings, household, user_id, account.account_id)
    invitation.membership_id = membership.membership_id
    return HouseholdResult(await _to_view(session, household, membership), is_new=True)


async def leave_household(session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID) -> None:
    """End the caller's membership from now on. The last member to leave closes the household and frees its meter.

    Raises HouseholdNotFound, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    membership = await _require_member(session, user_id, household_id)
    household = await _lock_household(session, household_id)
    now = max(clock.now(), membership.joined_at)
    membership.left_at, membership.version, membership.changed_at = now, membership.version + 1, now
    await publish_change(session, settings=settings, changed=membership)
    await repository.flush_changes(session)
    if await repository.count_members(session, household_id=household_id) == 0:
        household.closed_at = now
        await _release_meter(session, settings, household_id)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Let a person leave, then tell readers of the topic to forget all stays of this person.

    The rows are deleted by the caller, who holds the user's lock. The household itself stays for its other members.
    """
    membership = await repository.find_membership(session, user_id=user_id)
    if membership is not None:
        await leave_household(session, settings=settings, user_id=user_id, household_id=membership.household_id)
    stays = await repository.memberships_of(session, user_id=user_id)
    await publish_forgotten(session, settings=settings, membership_ids=stays)


async def register_meter(
    session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID, meter_ref: str
) -> HouseholdView:
    """Replace the household's meter from now on. The same meter again changes nothing.

    Raises HouseholdNotFound, MeterTaken, QuotaExceeded, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    membership = await _require_member(session, user_id, household_id)
    household = await _lock_household(session, household_id)
    await quotas.count_use(session, user_id=user_id, quota=METERS_QUOTA)
    await _set_meter(session, settings, household, meter_ref)
    return await _to_view(session, household, membership)


async def find_household(session: Session, *, user_id: uuid.UUID) -> HouseholdView | None:
    """Return the household that a person is a member of now."""
    membership = await repository.find_membership(session, user_id=user_id)
    if membership is None:
        return None
    household = await repository.find_household(session, household_id=membership.household_id)
    assert household is not None  # held by a foreign key
    return await _to_view(session, household, membership)


async def count_members(session: Session, *, household_id: uuid.UUID) -> int:
    return await repository.count_members(session, household_id=household_id)


async def purge_invitations(session: Session, *, at_most: int) -> None:
    """Delete invitations that can no longer be used, at most `at_most`."""
    await repository.delete_invitations(session, before=clock.now() - _INVITATION_KEPT, at_most=at_most)


async def _require_account_and_consent(session: Session, user_id: uuid.UUID) -> carbon_accounts.Account:
    """Lock the user and require account and consent. Without them nothing of this person counts."""
    await users.lock_user(session, user_id=user_id)
    account = await carbon_accounts.require_personal(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    return account


async def _lock_household(session: Session, household_id: uuid.UUID) -> Household:
    household = await repository.lock_household(session, household_id=household_id)
    if household is None:
        raise HouseholdNotFound
    return household


async def _require_member(session: Session, user_id: uuid.UUID, household_id: uuid.UUID) -> HouseholdMember:
    membership = await repository.find_membership(session, user_id=user_id)
    if membership is None or membership.household_id != household_id:
        raise HouseholdNotFound
    return membership


async def _require_move_allowed(session: Session, user_id: uuid.UUID, household_id: uuid.UUID | None) -> None:
    earliest = earliest_move(await repository.find_last_left(session, user_id=user_id), household_id, clock.now())
    if earliest is not None:
        raise HouseholdMoveTooSoon(
            days=MOVE_WAIT.days,
            earliest=next_minute(earliest),
            extensions={"earliest": stamp(next_second(earliest))},
        )


async def _add_member(
    session: Session, settings: Settings, household: Household, user_id: uuid.UUID, account_id: uuid.UUID
) -> HouseholdMember:
    now = clock.now()
    membership = HouseholdMember(
        membership_id=new_id(),
        household_id=household.household_id,
        user_id=user_id,
        account_id=account_id,
        version=1,
        joined_at=now,
        changed_at=now,
    )
    await repository.add_member(session, membership)
    await publish_change(session, settings=settings, changed=membership)
    return membership


async def _set_meter(session: Session, settings: Settings, household: Household, meter_ref: str) -> None:
    key = meter_key(settings.account_ref_pepper.get_secret_value(), meter_ref)
    current = await repository.find_meter(session, household_id=household.household_id)
    if current is not None and current.meter_key == key:
        return
    await _release_meter(session, settings, household.household_id)
    now = clock.now()
    row = await repository.try_add_meter(
        session,
        {
            "registration_id": new_id(),
            "household_id": household.household_id,
            "meter_key": key,
            "version": 1,
            "since": now,
            "changed_at": now,
        },
    )
    if row is None:
        raise MeterTaken
    await publish_change(session, settings=settings, changed=row)


async def _release_meter(session: Session, settings: Settings, household_id: uuid.UUID) -> None:
    row = await repository.find_meter(session, household_id=household_id)
    if row is None:
        return
    now = max(clock.now(), row.since)
    row.ended_at, row.version, row.changed_at = now, row.version + 1, now
    await publish_change(session, settings=settings, changed=row)
    await repository.flush_changes(session)


async def _to_view(session: Session, household: Household, membership: HouseholdMember) -> HouseholdView:
    account = await carbon_accounts.get_household_account(session, household_id=household.household_id)
    meter = await repository.find_meter(session, household_id=household.household_id)
    return HouseholdView(
        household_id=household.household_id,
        account_id=account.account_id,
        account_no=account.account_no,
        opened_at=household.opened_at,
        joined_at=membership.joined_at,
        members=await repository.count_members(session, household_id=household.household_id),
        meter_since=meter.since if meter else None,
    )

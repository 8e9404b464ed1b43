"""Households: opened, entered by invitation, left, and their meter. Every change is published with it.

Locks in this order: the caller's own user row, the invitation, the household. Nobody takes another person's lock, so
two members of one household wait for each other in line.
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
from services.accounts.households.models import Household, HouseholdInvitation, HouseholdMember, HouseholdMeter
from services.accounts.households.publishing import publish_change
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.contracts.identity import meter_key
from shared.db import Session
from shared.ids import new_id

# The largest home the methodologies know of; a longer list is not a family but a club.
MEMBERS_MAX = 10
INVITATION_LIFE = timedelta(minutes=15)
INVITATIONS_QUOTA = Quota("household_invitation", at_most=20, window_s=86_400)
# Every stay and every registration stays as history and on the compacted topic.
MOVES_QUOTA = Quota("household_move", at_most=10, window_s=86_400)
METERS_QUOTA = Quota("household_meter", at_most=5, window_s=86_400)
_TOKEN_PREFIX = "chi_"
# A used invitation still answers the same person's repeated request for this long.
_INVITATION_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """A household as its members see it: how many they are, not who."""

    household_id: uuid.UUID
    account_id: uuid.UUID
    account_no: str
    opened_at: datetime
    joined_at: datetime
    members: int
    meter_since: datetime | None


@dataclass(frozen=True, slots=True)
class HouseholdResult:
    household: HouseholdView
    is_new: bool


async def open_household(
    session: Session, *, settings: Settings, user_id: uuid.UUID, meter_ref: str | None
) -> HouseholdResult:
    """A household with the caller in it; again gives the one they opened and still live in.

    Raises CarbonAccountNotOpened, ConsentRequired, AlreadyInHousehold, HouseholdMoveTooSoon, MeterTaken,
    QuotaExceeded, Unauthenticated.
    """
    account = await _require_account_and_consent(session, user_id)
    present = await repository.find_membership(session, user_id=user_id)
    if present is not None:
        household = await _lock_household(session, present.household_id)
        if household.opened_by != user_id:
            raise AlreadyInHousehold
        return HouseholdResult(await _to_view(session, household, present), is_new=False)
    await _require_move_allowed(session, user_id, None)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    household = Household(household_id=new_id(), opened_by=user_id, opened_at=clock.now())
    await repository.add_household(session, household)
    await carbon_accounts.open_household_account(
        session, household_id=household.household_id, prefix=settings.account_no_prefix
    )
    stay = await _add_member(session, settings, household, user_id, account.account_id)
    if meter_ref is not None:
        await _set_meter(session, settings, household, meter_ref)
    return HouseholdResult(await _to_view(session, household, stay), is_new=True)


async def invite_member(session: Session, *, user_id: uuid.UUID, household_id: uuid.UUID) -> ShownCode:
    """A code for one person to enter within INVITATION_LIFE. Raises HouseholdNotFound, HouseholdFull, QuotaExceeded."""
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
    """Enters by invitation; repeated after success it gives the same stay.

    Raises CarbonAccountNotOpened, ConsentRequired, InvitationInvalid, AlreadyInHousehold, HouseholdMoveTooSoon,
    HouseholdFull, QuotaExceeded, Unauthenticated.
    """
    account = await _require_account_and_consent(session, user_id)
    invitation = await repository.lock_invitation(session, token_sha256=digest_token(token))
    if invitation is None:
        raise InvitationInvalid
    household = await _lock_household(session, invitation.household_id)
    present = await repository.find_membership(session, user_id=user_id)
    if invitation.membership_id is not None:
        if present is None or present.membership_id != invitation.membership_id:
            raise InvitationInvalid
        return HouseholdResult(await _to_view(session, household, present), is_new=False)
    inviter = await repository.find_membership(session, user_id=invitation.invited_by)
    if invitation.expires_at <= clock.now() or inviter is None or inviter.household_id != household.household_id:
        raise InvitationInvalid
    if present is not None:
        raise AlreadyInHousehold
    await _require_move_allowed(session, user_id, household.household_id)
    if await repository.count_members(session, household_id=household.household_id) >= MEMBERS_MAX:
        raise HouseholdFull(limit=MEMBERS_MAX)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    stay = await _add_member(session, settings, household, user_id, account.account_id)
    invitation.membership_id = stay.membership_id
    return HouseholdResult(await _to_view(session, household, stay), is_new=True)


async def leave_household(session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID) -> None:
    """Acts from now on are no longer the household's. The last one to leave closes it and frees its meter.

    Raises HouseholdNotFound, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    stay = await _require_member(session, user_id, household_id)
    household = await _lock_household(session, household_id)
    now = max(clock.now(), stay.joined_at)
    stay.left_at, stay.version, stay.changed_at = now, stay.version + 1, now
    await publish_change(session, settings=settings, changed=stay)
    await repository.flush(session)
    if await repository.count_members(session, household_id=household_id) == 0:
        household.closed_at = now
        await _release_meter(session, settings, household_id)


async def register_meter(
    session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID, meter_ref: str
) -> HouseholdView:
    """The household's meter from now on, in place of the one before; the same again changes nothing.

    Raises HouseholdNotFound, MeterTaken, QuotaExceeded, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    stay = await _require_member(session, user_id, household_id)
    household = await _lock_household(session, household_id)
    await quotas.count_use(session, user_id=user_id, quota=METERS_QUOTA)
    await _set_meter(session, settings, household, meter_ref)
    return await _to_view(session, household, stay)


async def find_household(session: Session, *, user_id: uuid.UUID) -> HouseholdView | None:
    """The household a person lives in now."""
    stay = await repository.find_membership(session, user_id=user_id)
    if stay is None:
        return None
    household = await repository.find_household(session, household_id=stay.household_id)
    assert household is not None  # a foreign key says so
    return await _to_view(session, household, stay)


async def count_members(session: Session, *, household_id: uuid.UUID) -> int:
    return await repository.count_members(session, household_id=household_id)


async def purge_invitations(session: Session, *, at_most: int) -> None:
    """Removes invitations nobody can use any more."""
    await repository.delete_invitations(session, before=clock.now() - _INVITATION_KEPT, at_most=at_most)


async def _require_account_and_consent(session: Session, user_id: uuid.UUID) -> carbon_accounts.Account:
    """Under the person's lock: an open account and consent, without which nothing of theirs is counted anyway."""
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
    stay = await repository.find_membership(session, user_id=user_id)
    if stay is None or stay.household_id != household_id:
        raise HouseholdNotFound
    return stay


async def _require_move_allowed(session: Session, user_id: uuid.UUID, household_id: uuid.UUID | None) -> None:
    earliest = earliest_move(await repository.find_last_left(session, user_id=user_id), household_id, clock.now())
    if earliest is not None:
        moment = earliest.isoformat()
        raise HouseholdMoveTooSoon(days=MOVE_WAIT.days, earliest=moment, extensions={"earliest": moment})


async def _add_member(
    session: Session, settings: Settings, household: Household, user_id: uuid.UUID, account_id: uuid.UUID
) -> HouseholdMember:
    now = clock.now()
    stay = HouseholdMember(
        membership_id=new_id(),
        household_id=household.household_id,
        user_id=user_id,
        account_id=account_id,
        version=1,
        joined_at=now,
        changed_at=now,
    )
    await repository.add_member(session, stay)
    await publish_change(session, settings=settings, changed=stay)
    return stay


async def _set_meter(session: Session, settings: Settings, household: Household, meter_ref: str) -> None:
    key = meter_key(settings.account_ref_pepper.get_secret_value(), meter_ref)
    present = await repository.find_meter(session, household_id=household.household_id)
    if present is not None and present.meter_key == key:
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
    row: HouseholdMeter | None = await repository.find_meter(session, household_id=household_id)
    if row is None:
        return
    now = max(clock.now(), row.since)
    row.ended_at, row.version, row.changed_at = now, row.version + 1, now
    await publish_change(session, settings=settings, changed=row)
    await repository.flush(session)


async def _to_view(session: Session, household: Household, stay: HouseholdMember) -> HouseholdView:
    account = await carbon_accounts.get_household_account(session, household_id=household.household_id)
    meter = await repository.find_meter(session, household_id=household.household_id)
    return HouseholdView(
        household_id=household.household_id,
        account_id=account.account_id,
        account_no=account.account_no,
        opened_at=household.opened_at,
        joined_at=stay.joined_at,
        members=await repository.count_members(session, household_id=household.household_id),
        meter_since=meter.since if meter else None,
    )

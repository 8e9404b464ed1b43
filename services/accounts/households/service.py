"""Households: open, invite, join, leave, show. Each change is published in the same transaction.

Lock order: the caller's own user row, the invitation, the household. No use case locks another person's user row. Two
members of one household therefore queue for it. `affairs` has what members decide once they live there.
"""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.household_rules import service as rules
from services.accounts.households import repository
from services.accounts.households.domain import MOVE_WAIT, earliest_move
from services.accounts.households.errors import (
    AlreadyInHousehold,
    HouseholdFull,
    HouseholdMoveTooSoon,
    HouseholdNotFound,
    InvitationInvalid,
)
from services.accounts.households.models import Household, HouseholdInvitation, HouseholdMember
from services.accounts.households.publishing import publish_change, publish_forgotten
from services.accounts.households.views import HouseholdView, to_view, unseal
from services.accounts.meters import service as meters
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session
from shared.ids import new_id
from shared.instants import next_minute, next_second, stamp

# The largest household that the methodologies consider.
MEMBERS_MAX = 10
INVITATION_LIFE = timedelta(minutes=15)
INVITATIONS_QUOTA = Quota("household_invitation", at_most=20, window_s=86_400)
# Every membership and meter stays in the table as history and on the compacted topic.
MOVES_QUOTA = Quota("household_move", at_most=10, window_s=86_400)
_TOKEN_PREFIX = "chi_"
# A move a month for decades.
_STAYS_MAX = 1_000
# For this long a member who was asked to leave is told so.
NOTICE_LIFE = timedelta(days=30)
# For this long a used invitation still answers the same person's repeated request.
_INVITATION_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay of a person in a household, [joined_at, left_at). `ended_by`: member or owner."""

    member_id: uuid.UUID
    household_id: uuid.UUID
    joined_at: datetime
    left_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class HouseholdResult:
    """`is_new` is False when the person was a member before."""

    household: HouseholdView
    is_new: bool


async def open_household(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    meter_ref: str | None,
    name: str | None = None,
    nickname: str | None = None,
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
        return HouseholdResult(await to_view(session, vault, household, current), is_new=False)
    await _require_move_allowed(session, user_id, None)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    household = Household(household_id=new_id(), opened_by=user_id, owner_id=user_id, opened_at=clock.now())
    if name is not None:
        household.name_sealed = vault.seal("household_name", household.household_id, name)
    await repository.add_household(session, household)
    await carbon_accounts.open_household_account(
        session, household_id=household.household_id, prefix=settings.account_no_prefix
    )
    membership = await _add_member(session, settings, vault, household, user_id, account.account_id, nickname)
    if meter_ref is not None:
        await meters.register(session, settings=settings, household_id=household.household_id, meter_ref=meter_ref)
    return HouseholdResult(await to_view(session, vault, household, membership), is_new=True)


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


async def join_household(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    token: str,
    nickname: str | None = None,
) -> HouseholdResult:
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
        return HouseholdResult(await to_view(session, vault, household, current), is_new=False)
    inviter = await repository.find_membership(session, user_id=invitation.invited_by)
    if invitation.expires_at <= clock.now() or inviter is None or inviter.household_id != household.household_id:
        raise InvitationInvalid
    if current is not None:
        raise AlreadyInHousehold
    await _require_move_allowed(session, user_id, household.household_id)
    if await repository.count_members(session, household_id=household.household_id) >= MEMBERS_MAX:
        raise HouseholdFull(limit=MEMBERS_MAX)
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    membership = await _add_member(session, settings, vault, household, user_id, account.account_id, nickname)
    invitation.membership_id = membership.membership_id
    return HouseholdResult(await to_view(session, vault, household, membership), is_new=True)


async def leave_household(session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID) -> None:
    """End the caller's membership from now on.

    An owner who leaves passes the household to its longest-standing member. The last member to leave closes it and
    frees its meter. Raises HouseholdNotFound, Unauthenticated.
    """
    household, membership = await enter(session, user_id=user_id, household_id=household_id)
    await end_stay(session, settings=settings, household=household, membership=membership, ended_by="member")


async def enter(session: Session, *, user_id: uuid.UUID, household_id: uuid.UUID) -> tuple[Household, HouseholdMember]:
    """Lock the caller and the household, and return it with the caller's membership.

    Raises HouseholdNotFound, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    await _require_member(session, user_id, household_id)
    household = await _lock_household(session, household_id)
    return household, await _require_member(session, user_id, household_id)  # again: it may have ended meanwhile


async def end_stay(
    session: Session, *, settings: Settings, household: Household, membership: HouseholdMember, ended_by: str
) -> None:
    """End a membership, and decide what follows from it for the household. The caller holds its lock."""
    now = max(clock.now(), membership.joined_at)
    membership.left_at, membership.version, membership.changed_at = now, membership.version + 1, now
    membership.ended_by = ended_by
    await publish_change(session, settings=settings, changed=membership)
    await repository.flush_changes(session)
    household_id = household.household_id
    left = await repository.live_members(session, household_id=household_id)
    if not left:
        household.closed_at, household.owner_id = now, None
        await repository.delete_handover(session, household_id=household_id)
        await meters.release(session, settings=settings, household_id=household_id)
        return
    offer = await repository.find_handover(session, household_id=household_id)
    is_owner = household.owner_id == membership.user_id
    if is_owner:
        household.owner_id = left[0].user_id
        await repository.flush_changes(session)
    if offer is not None and (is_owner or offer.membership_id == membership.membership_id):
        await repository.delete_handover(session, household_id=household_id)
    await rules.settle(
        session, settings=settings, household_id=household_id, members=[row.membership_id for row in left]
    )


async def find_household(session: Session, *, vault: Vault, user_id: uuid.UUID) -> HouseholdView | None:
    """Return the household that a person is a member of now."""
    membership = await repository.find_membership(session, user_id=user_id)
    if membership is None:
        return None
    household = await repository.find_household(session, household_id=membership.household_id)
    assert household is not None  # held by a foreign key
    return await to_view(session, vault, household, membership)


async def find_removal(session: Session, *, user_id: uuid.UUID) -> Stay | None:
    """Return the stay that an owner has ended, for NOTICE_LIFE or until the person joins a household."""
    row = await repository.find_last_stay(session, user_id=user_id)
    if row is None or row.left_at is None or row.ended_by != "owner" or clock.now() >= row.left_at + NOTICE_LIFE:
        return None
    return _stay(row)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Let a person leave, forget the nicknames, and tell readers of the topic to forget all stays of this person.

    An owner passes the household on. It stays for its other members. The caller holds the user's lock and deletes the
    rows.
    """
    membership = await repository.find_membership(session, user_id=user_id)
    if membership is not None:
        await leave_household(session, settings=settings, user_id=user_id, household_id=membership.household_id)
    await repository.clear_nicknames(session, user_id=user_id)
    stays = await repository.memberships_of(session, user_id=user_id)
    await publish_forgotten(session, settings=settings, membership_ids=stays)


async def export_user(session: Session, *, vault: Vault, user_id: uuid.UUID) -> list[dict[str, object]]:
    """Return the stays of a person with the nicknames and the names of the households."""
    found: list[dict[str, object]] = []
    for row in await repository.stays_of(session, user_id=user_id, before=None, limit=_STAYS_MAX):
        household = await repository.find_household(session, household_id=row.household_id)
        nickname = unseal(vault, "nickname", row.membership_id, row.nickname_sealed)
        name = household and unseal(vault, "household_name", row.household_id, household.name_sealed)
        found.append({**asdict(_stay(row)), "nickname": nickname, "household_name": name})
    return found


async def list_stays(session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> list[Stay]:
    """Return the stays of a person, newest first."""
    rows = await repository.stays_of(session, user_id=user_id, before=before, limit=limit)
    return [_stay(row) for row in rows]


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
    session: Session,
    settings: Settings,
    vault: Vault,
    household: Household,
    user_id: uuid.UUID,
    account_id: uuid.UUID,
    nickname: str | None,
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
    if nickname is not None:
        membership.nickname_sealed = vault.seal("nickname", membership.membership_id, nickname)
    await repository.add_member(session, membership)
    await publish_change(session, settings=settings, changed=membership)
    return membership


def _stay(row: HouseholdMember) -> Stay:
    return Stay(row.membership_id, row.household_id, row.joined_at, row.left_at, row.ended_by)

"""Decisions of the members of a household: names, the owner, ends of stays, the meter, the rule of its grams.

Each use case locks its caller and the household first (`service.enter`).
"""

import uuid
from datetime import timedelta

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.household_rules import service as rules
from services.accounts.households import repository, service
from services.accounts.households.errors import MemberNotFound, NoHandover, NotOwner
from services.accounts.households.models import Household, HouseholdHandover, HouseholdMember
from services.accounts.households.service import MOVES_QUOTA
from services.accounts.households.views import HouseholdView, to_view
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.meters import service as meters
from services.accounts.meters.errors import MeterClaimNotFound
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.households_v1 import RuleKind
from shared.db import Session

METERS_QUOTA = Quota("household_meter", at_most=5, window_s=86_400)
NAMES_QUOTA = Quota("household_name", at_most=20, window_s=86_400)
RULES_QUOTA = Quota("household_rule", at_most=10, window_s=86_400)
OFFERS_QUOTA = Quota("household_offer", at_most=10, window_s=86_400)
OFFER_LIFE = timedelta(days=7)


async def rename(
    session: Session, *, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID, name: str | None
) -> HouseholdView:
    """Set or remove the name of the household. Raises HouseholdNotFound, NotOwner, QuotaExceeded, Unauthenticated."""
    household, membership = await _enter_as_owner(session, user_id, household_id)
    await quotas.count_use(session, user_id=user_id, quota=NAMES_QUOTA)
    household.name_sealed = None if name is None else vault.seal("household_name", household_id, name)
    await repository.flush_changes(session)
    return await to_view(session, vault, household, membership)


async def set_nickname(
    session: Session, *, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID, nickname: str | None
) -> HouseholdView:
    """Set or remove the caller's nickname. Raises HouseholdNotFound, QuotaExceeded, Unauthenticated."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    await quotas.count_use(session, user_id=user_id, quota=NAMES_QUOTA)
    sealed = None if nickname is None else vault.seal("nickname", membership.membership_id, nickname)
    membership.nickname_sealed = sealed
    await repository.flush_changes(session)
    return await to_view(session, vault, household, membership)


async def remove_member(
    session: Session, *, settings: Settings, user_id: uuid.UUID, household_id: uuid.UUID, member_id: uuid.UUID
) -> None:
    """End the stay of another member, who is told so. Removing somebody who has left changes nothing.

    It counts like a move of the owner. Raises HouseholdNotFound, NotOwner, MemberNotFound, QuotaExceeded,
    Unauthenticated.
    """
    household, own = await _enter_as_owner(session, user_id, household_id)
    member = await repository.find_stay(session, household_id=household_id, membership_id=member_id)
    if member is None or member_id == own.membership_id:
        raise MemberNotFound
    if member.left_at is not None:
        return
    await quotas.count_use(session, user_id=user_id, quota=MOVES_QUOTA)
    await service.end_stay(session, settings=settings, household=household, membership=member, ended_by="owner")
    await messages.queue(
        session,
        user_id=member.user_id,
        kind=MessageKind.HOUSEHOLD_STAY_ENDED,
        key=str(member_id),
        values={"at": clock.now()},
    )


async def offer_household(
    session: Session, *, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID, member_id: uuid.UUID
) -> HouseholdView:
    """Offer the household to another member, who becomes its owner by accepting. Replaces a former offer.

    Raises HouseholdNotFound, NotOwner, MemberNotFound, QuotaExceeded, Unauthenticated.
    """
    household, own = await _enter_as_owner(session, user_id, household_id)
    member = await repository.find_stay(session, household_id=household_id, membership_id=member_id)
    if member is None or member.left_at is not None or member_id == own.membership_id:
        raise MemberNotFound
    await quotas.count_use(session, user_id=user_id, quota=OFFERS_QUOTA)
    now = clock.now()
    offer = HouseholdHandover(
        household_id=household_id, membership_id=member_id, offered_at=now, expires_at=now + OFFER_LIFE
    )
    await repository.save_handover(session, offer)
    return await to_view(session, vault, household, own)


async def accept_household(
    session: Session, *, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID
) -> HouseholdView:
    """Become the owner. Raises HouseholdNotFound, NoHandover, Unauthenticated."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    offer = await repository.find_handover(session, household_id=household_id)
    if offer is None or offer.membership_id != membership.membership_id or offer.expires_at <= clock.now():
        raise NoHandover
    household.owner_id = user_id
    await repository.delete_handover(session, household_id=household_id)
    await repository.flush_changes(session)
    return await to_view(session, vault, household, membership)


async def drop_offer(session: Session, *, user_id: uuid.UUID, household_id: uuid.UUID) -> None:
    """Withdraw the offer as the owner, or decline it as its receiver. Raises HouseholdNotFound, NoHandover."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    offer = await repository.find_handover(session, household_id=household_id)
    if offer is None or (household.owner_id != user_id and offer.membership_id != membership.membership_id):
        raise NoHandover
    await repository.delete_handover(session, household_id=household_id)


async def register_meter(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    household_id: uuid.UUID,
    meter_ref: str,
) -> HouseholdView:
    """Replace the household's meter, from now on or from its confirmation on. The same meter again changes nothing.

    Raises HouseholdNotFound, MeterTaken, QuotaExceeded, Unauthenticated.
    """
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    await quotas.count_use(session, user_id=user_id, quota=METERS_QUOTA)
    await meters.register(session, settings=settings, household_id=household_id, meter_ref=meter_ref)
    return await to_view(session, vault, household, membership)


async def decide_meter(
    session: Session, *, settings: Settings, partner_id: str, meter_ref: str, account_no: str, is_confirmed: bool
) -> None:
    """Let the grid company confirm or refuse the meter of a household, which it names by its account number.

    The meter is locked first, then the households by id: the present one loses the meter when another is confirmed.
    Raises MeterClaimNotFound.
    """
    key = meters.key_of(settings, meter_ref)
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    if account is None or account.household_id is None:
        raise MeterClaimNotFound
    holder = await meters.find_holder(session, key=key)
    for household_id in sorted({account.household_id} | ({holder} if holder is not None and is_confirmed else set())):
        await repository.lock_household(session, household_id=household_id)
    household = await repository.find_household(session, household_id=account.household_id)
    if household is None or household.closed_at is not None:
        raise MeterClaimNotFound
    decide = meters.confirm if is_confirmed else meters.refuse
    await decide(session, settings=settings, household_id=account.household_id, key=key, partner_id=partner_id)


async def propose_rule(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    household_id: uuid.UUID,
    kind: RuleKind,
    limit_mg: int,
) -> HouseholdView:
    """Propose a rule to the others. Raises HouseholdNotFound, RuleProposalOpen, QuotaExceeded, Unauthenticated."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    await quotas.count_use(session, user_id=user_id, quota=RULES_QUOTA)
    await rules.propose(
        session,
        settings=settings,
        household_id=household_id,
        member=membership.membership_id,
        members=await _members(session, household_id),
        kind=kind,
        limit_mg=limit_mg,
    )
    return await to_view(session, vault, household, membership)


async def agree_rule(
    session: Session, *, settings: Settings, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID
) -> HouseholdView:
    """Agree to the proposed rule. Raises HouseholdNotFound, NoRuleProposal, Unauthenticated."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    await rules.agree(
        session,
        settings=settings,
        household_id=household_id,
        member=membership.membership_id,
        members=await _members(session, household_id),
    )
    return await to_view(session, vault, household, membership)


async def refuse_rule(session: Session, *, vault: Vault, user_id: uuid.UUID, household_id: uuid.UUID) -> HouseholdView:
    """Refuse the proposed rule, or withdraw the own one. Raises HouseholdNotFound, NoRuleProposal, Unauthenticated."""
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    await rules.refuse(session, household_id=household_id, member=membership.membership_id)
    return await to_view(session, vault, household, membership)


async def _members(session: Session, household_id: uuid.UUID) -> list[uuid.UUID]:
    return [row.membership_id for row in await repository.live_members(session, household_id=household_id)]


async def _enter_as_owner(
    session: Session, user_id: uuid.UUID, household_id: uuid.UUID
) -> tuple[Household, HouseholdMember]:
    household, membership = await service.enter(session, user_id=user_id, household_id=household_id)
    if household.owner_id != user_id:
        raise NotOwner
    return household, membership

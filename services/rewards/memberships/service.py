"""Use cases of memberships: project two topics of accounts, and say who belongs together."""

import uuid
from collections.abc import Collection, Sequence

from services.rewards.erased_accounts import service as erased_accounts
from services.rewards.memberships import repository
from services.rewards.memberships.domain import Group
from services.rewards.recognition import service as recognition
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact, EnterpriseMemberChanged
from shared.contracts.households_v1 import HouseholdFact, MembershipChanged
from shared.contracts.identity import enterprise_account_id, household_account_id
from shared.db import Session
from shared.projection import Items, newest


async def handle_households(session: Session, items: Items[HouseholdFact]) -> None:
    """Store stays in households, but none of an erased person. Consumer of `accounts.households.v1`."""
    stays = newest(
        (fact for _, fact in items if isinstance(fact, MembershipChanged)),
        key=lambda fact: fact.membership_id,
        version=lambda fact: fact.version,
    )
    erased = await erased_accounts.erased_among(session, {stay.account_id for stay in stays.values()})
    kept = [stay for _, stay in sorted(stays.items()) if stay.account_id not in erased]
    if kept:
        households = {stay.household_id for stay in kept}
        await repository.insert_households(session, [(one, household_account_id(one)) for one in households])
        await repository.upsert_members(
            session,
            [(s.membership_id, s.version, s.household_id, s.account_id, s.joined_at, s.left_at) for s in kept],
        )
        await _mark(session, households, {stay.account_id for stay in kept})


async def handle_enterprises(session: Session, items: Items[EnterpriseFact]) -> None:
    """Store enterprises and their members, but no erased person. Consumer of `accounts.enterprises.v1`."""
    changed = newest(
        (fact for _, fact in items if isinstance(fact, EnterpriseChanged)),
        key=lambda fact: fact.enterprise_id,
        version=lambda fact: fact.version,
    )
    members = newest(
        (fact for _, fact in items if isinstance(fact, EnterpriseMemberChanged)),
        key=lambda fact: fact.membership_id,
        version=lambda fact: fact.version,
    )
    if changed:
        await repository.upsert_enterprises(
            session,
            [
                (one.enterprise_id, enterprise_account_id(one.enterprise_id), one.version, one.status == "active")
                for one in changed.values()
            ],
        )
    erased = await erased_accounts.erased_among(session, {one.account_id for one in members.values()})
    kept = [one for _, one in sorted(members.items()) if one.account_id not in erased]
    if kept:
        await repository.upsert_members(
            session,
            [(m.membership_id, m.version, m.enterprise_id, m.account_id, m.since, m.until) for m in kept],
        )
    await _mark(session, set(changed) | {one.enterprise_id for one in kept}, {one.account_id for one in kept})


async def _mark(session: Session, groups: Collection[uuid.UUID], accounts: Collection[uuid.UUID]) -> None:
    await recognition.mark_groups(session, group_ids=groups)
    await recognition.mark_accounts(session, account_ids=accounts)


async def groups_of(session: Session, *, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the groups that these people belong to now, and those whose own account is among these."""
    return await repository.groups_of(session, sorted(account_ids)) if account_ids else set()


async def find_groups(session: Session, *, group_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Group]:
    return await repository.find_groups(session, sorted(group_ids)) if group_ids else {}


async def groups_after(session: Session, *, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Return groups by id."""
    return await repository.ids_after(session, after, limit)


async def erase_accounts(session: Session, *, account_ids: Collection[uuid.UUID]) -> None:
    if account_ids:
        groups = await repository.erase(session, sorted(account_ids))
        await recognition.mark_groups(session, group_ids=set(groups))

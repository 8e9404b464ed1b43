"""Use cases of enterprises: project the topic of accounts, and say who may do what for an enterprise."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from services.accounting.enterprises import repository
from services.accounting.enterprises.errors import (
    EnterpriseClosed,
    EnterpriseNotFound,
    EnterpriseRoleRequired,
    EnterpriseSuspended,
)
from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.ledger import service as ledger
from shared.contracts.enterprise_holdings import EnterpriseHoldings
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact, EnterpriseRole, lacks_role
from shared.contracts.identity import enterprise_account_id
from shared.db import Session
from shared.projection import Items, newest


@dataclass(frozen=True, slots=True)
class EnterpriseActor:
    """A person who acts for an enterprise. `account_id` is the enterprise's, `person_id` the person's account."""

    enterprise_id: uuid.UUID
    account_id: uuid.UUID
    person_id: uuid.UUID
    kinds: frozenset[str]
    roles: frozenset[str]


async def handle_facts(session: Session, items: Items[EnterpriseFact]) -> None:
    """Store the newest version of each enterprise and membership. Consumer of `accounts.enterprises.v1`.

    A late record about an erased person is dropped.
    """
    facts = newest((fact for _, fact in items), key=_fact_id, version=lambda fact: fact.version).values()
    changed = [fact for fact in facts if isinstance(fact, EnterpriseChanged)]
    members = [fact for fact in facts if not isinstance(fact, EnterpriseChanged)]
    erased = await erased_accounts.erased_among(session, {member.account_id for member in members})
    members = [member for member in members if member.account_id not in erased]
    if changed:
        await repository.upsert_enterprises(session, changed)
    if members:
        await repository.upsert_members(session, members)


def _fact_id(fact: EnterpriseFact) -> uuid.UUID:
    return fact.enterprise_id if isinstance(fact, EnterpriseChanged) else fact.membership_id


async def require_role(
    session: Session,
    *,
    enterprise_id: uuid.UUID,
    person_id: uuid.UUID,
    roles: Collection[EnterpriseRole],
    acting: bool,
) -> EnterpriseActor:
    """Require one of `roles`; none named: any. `acting`: the enterprise must be active. Else a look is enough.

    Raises EnterpriseNotFound (also for strangers), EnterpriseRoleRequired, EnterpriseSuspended, EnterpriseClosed.
    """
    found = await repository.find_role(session, enterprise_id=enterprise_id, account_id=person_id)
    if found is None:
        raise EnterpriseNotFound
    if lacks_role(found.roles, roles):
        raise EnterpriseRoleRequired
    if acting and found.status == "suspended":
        raise EnterpriseSuspended
    if acting and found.status != "active":
        raise EnterpriseClosed
    return EnterpriseActor(
        enterprise_id=enterprise_id,
        account_id=found.account_id,
        person_id=person_id,
        kinds=frozenset(found.kinds),
        roles=frozenset(found.roles),
    )


async def holdings(session: Session, *, enterprise_id: uuid.UUID) -> EnterpriseHoldings:
    """Return what an enterprise still has. Zeros for one that never had anything."""
    parts = await ledger.get_balance(session, account_id=enterprise_account_id(enterprise_id))
    return EnterpriseHoldings(
        enterprise_id=enterprise_id,
        available_mg=parts.available_mg,
        pending_mg=parts.pending_mg,
        held_mg=parts.held_mg,
        debt_mg=parts.debt_mg,
    )


async def with_role(
    session: Session, *, pairs: Collection[tuple[uuid.UUID, uuid.UUID]], role: EnterpriseRole
) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """Return those of (account of an enterprise, person) where the person has the role and the enterprise is active."""
    rows = await repository.roles_of_pairs(session, pairs) if pairs else ()
    return {(row.account_id, row.person_id) for row in rows if role in row.roles}

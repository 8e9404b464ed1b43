"""Use cases of enterprises: project the topic of accounts, say who may do what for an enterprise, name one."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from services.rewards.enterprises import repository
from services.rewards.enterprises.errors import (
    EnterpriseClosed,
    EnterpriseNotFound,
    EnterpriseRoleRequired,
    EnterpriseSuspended,
)
from services.rewards.erased_accounts import service as erased_accounts
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact, EnterpriseRole, lacks_role
from shared.db import Session
from shared.projection import Items, newest

DECODER: Final[msgspec.json.Decoder[EnterpriseFact]] = msgspec.json.Decoder(EnterpriseFact)


@dataclass(frozen=True, slots=True)
class EnterpriseActor:
    """A person who acts for an enterprise. `account_id` is the enterprise's."""

    enterprise_id: uuid.UUID
    account_id: uuid.UUID


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
    """Require one of `roles`; none named: any. `acting`: the enterprise must be active. `person_id`: their account.

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
    return EnterpriseActor(enterprise_id, found.account_id)


async def id_of_account(session: Session, *, account_id: uuid.UUID) -> uuid.UUID | None:
    """Return the enterprise whose carbon account this is, None if it is nobody's or a person's."""
    return await repository.id_of_account(session, account_id)


async def names_of(session: Session, *, enterprise_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str | None]:
    """Return the registered names of those that are known."""
    if not enterprise_ids:
        return {}
    return {row.enterprise_id: row.name for row in await repository.names_of(session, enterprise_ids)}

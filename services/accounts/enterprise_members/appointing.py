"""An administrator for an enterprise whose last one is gone, appointed by two operators.

A stranger is invited like by an administrator and accepts; a member becomes administrator at once.
"""

import uuid

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.enterprise_members import repository, service
from services.accounts.enterprise_members.domain import in_order
from services.accounts.enterprise_members.errors import AdminRemains, MemberAccountNotFound, MembersFull
from services.accounts.enterprise_members.models import EnterpriseMember
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseRole
from shared.db import Session
from shared.ids import new_id


async def require_no_admin(session: Session, *, enterprise_id: uuid.UUID) -> None:
    """Raises AdminRemains. The caller holds the lock of the enterprise."""
    if await repository.count_admins(session, enterprise_id=enterprise_id) > 0:
        raise AdminRemains


async def present_roles(
    session: Session, *, enterprise_id: uuid.UUID, account_id: uuid.UUID
) -> tuple[EnterpriseRole, ...]:
    """Return the roles that the owner of an account has in the enterprise. Raises MemberAccountNotFound."""
    user_id = await _owner_of(session, account_id)
    return await service.roles_of(session, enterprise_id=enterprise_id, user_id=user_id)


async def appoint(session: Session, *, settings: Settings, enterprise_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Make a member the administrator, or invite somebody as one. The caller holds the lock of the enterprise.

    Raises MemberAccountNotFound, MembersFull.
    """
    user_id = await _owner_of(session, account_id)
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=user_id)
    now = clock.now()
    if row is not None:
        held = row.roles if row.accepted_at is not None else []
        await service.set_roles(session, settings, row, in_order([*held, "admin"]), now)
        await repository.flush_changes(session)
        return
    if await repository.count_of_enterprise(session, enterprise_id=enterprise_id) >= service.MEMBERS_MAX:
        raise MembersFull(limit=service.MEMBERS_MAX)
    row = EnterpriseMember(
        membership_id=new_id(),
        enterprise_id=enterprise_id,
        user_id=user_id,
        account_id=account_id,
        roles=["admin"],
        version=0,
        invited_at=now,
        changed_at=now,
    )
    await repository.add(session, row)


async def _owner_of(session: Session, account_id: uuid.UUID) -> uuid.UUID:
    owners = await carbon_accounts.find_owners(session, account_ids=[account_id])
    if account_id not in owners:
        raise MemberAccountNotFound
    return owners[account_id]

"""Use cases of members: apply, invite, accept, change roles, leave, remove. Each change is published from the approval.

Every change locks the enterprise's row. Two administrators who remove each other at once therefore queue, and the
second one finds that the first is the last. Nobody becomes a member without accepting it.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.enterprise_members import repository
from services.accounts.enterprise_members.domain import ADMIN, INVITATION_LIFE, MembershipState, in_order, is_expired
from services.accounts.enterprise_members.errors import (
    EnterprisesFull,
    LastAdmin,
    MemberAccountNotFound,
    MemberNotFound,
    MembersFull,
)
from services.accounts.enterprise_members.models import EnterpriseMember
from services.accounts.enterprise_members.publishing import publish_forgotten, publish_members
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.errors import EnterpriseNotFound, EnterpriseRoleRequired
from services.accounts.enterprises.service import Contact, EnterpriseView
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseKind, EnterpriseRole, lacks_role
from shared.db import Session
from shared.ids import new_id

MEMBERS_MAX = 100
ENTERPRISES_MAX = 50
# Also bounds the guessing of account numbers.
INVITATIONS_QUOTA = Quota("enterprise_invitation", at_most=50, window_s=86_400)
_EXPORTED_MAX = 200


@dataclass(frozen=True, slots=True)
class MembershipView:
    """`account_no` is shown to administrators only."""

    membership_id: uuid.UUID
    name: str | None
    roles: tuple[EnterpriseRole, ...]
    status: MembershipState
    since: datetime
    is_me: bool
    account_no: str | None


@dataclass(frozen=True, slots=True)
class MyEnterprise:
    """An enterprise of which a person is a member, or to which the person is invited."""

    enterprise: EnterpriseView
    membership_id: uuid.UUID
    roles: tuple[EnterpriseRole, ...]
    status: MembershipState
    since: datetime


async def apply_for_enterprise(
    session: Session,
    *,
    vault: Vault,
    user_id: uuid.UUID,
    uscc: str,
    name: str,
    kinds: Collection[EnterpriseKind],
    contact: Contact,
) -> EnterpriseView:
    """Apply for an enterprise account, with the caller as its administrator. A repeated call gives the same answer.

    Raises CarbonAccountNotOpened, ConsentRequired, UsccInvalid, UsccTaken, EnterprisesFull, QuotaExceeded,
    Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    account = await carbon_accounts.require_personal(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    enterprise, is_new = await enterprises.register(
        session, vault=vault, user_id=user_id, uscc=uscc, name=name, kinds=kinds, contact=contact
    )
    if is_new:
        await _require_room_for_user(session, user_id)
        membership_id, now = new_id(), clock.now()
        row = EnterpriseMember(
            membership_id=membership_id,
            enterprise_id=enterprise.enterprise_id,
            user_id=user_id,
            account_id=account.account_id,
            roles=["admin"],
            name_sealed=vault.seal("member_name", membership_id, contact.name),
            version=1,
            invited_at=now,
            accepted_at=now,
            changed_at=now,
        )
        await repository.add(session, row)
    return enterprise


async def require_role(
    session: Session,
    *,
    enterprise_id: uuid.UUID,
    user_id: uuid.UUID,
    roles: Collection[EnterpriseRole] = (),
    acting: bool = False,
) -> EnterpriseView:
    """Require that a person is a member with one of `roles`; none named: any member. `acting`: lock it, must be active.

    Raises EnterpriseNotFound (also for strangers), EnterpriseRoleRequired, EnterpriseSuspended,
    EnterpriseStateConflict.
    """
    if acting:
        enterprise = await enterprises.lock(session, enterprise_id=enterprise_id)
    else:
        enterprise = await enterprises.read(session, enterprise_id=enterprise_id)
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=user_id)
    if row is None or row.accepted_at is None:
        raise EnterpriseNotFound
    if lacks_role(row.roles, roles):
        raise EnterpriseRoleRequired
    if acting:
        enterprises.require_acting(enterprise)
    return enterprise


async def list_mine(session: Session, *, user_id: uuid.UUID) -> Sequence[MyEnterprise]:
    """Return the enterprises of a person, then the invitations that are still open, the newest first."""
    rows = await repository.list_of_user(session, user_id=user_id, limit=ENTERPRISES_MAX)
    found = await enterprises.read_many(session, enterprise_ids=[row.enterprise_id for row in rows])
    now = clock.now()
    return [
        MyEnterprise(found[row.enterprise_id], row.membership_id, tuple(row.roles), _status(row), _since(row))
        for row in rows
        if not is_expired(row.invited_at, row.accepted_at, now)
    ]


async def roles_of(session: Session, *, enterprise_id: uuid.UUID, user_id: uuid.UUID) -> tuple[EnterpriseRole, ...]:
    """Return the roles of a member, or none."""
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=user_id)
    return () if row is None or row.accepted_at is None else tuple(row.roles)


async def list_members(
    session: Session, *, vault: Vault, enterprise_id: uuid.UUID, user_id: uuid.UUID
) -> Sequence[MembershipView]:
    """Return members and open invitations, the eldest first. Raises EnterpriseNotFound for strangers."""
    await require_role(session, enterprise_id=enterprise_id, user_id=user_id)
    rows = await repository.list_of_enterprise(session, enterprise_id=enterprise_id, limit=MEMBERS_MAX)
    is_admin = any(row.user_id == user_id and "admin" in row.roles for row in rows)
    account_ids = [row.account_id for row in rows] if is_admin else []
    numbers = await carbon_accounts.numbers_of(session, account_ids=account_ids)
    now = clock.now()
    return [_view(row, vault, user_id, numbers) for row in rows if not is_expired(row.invited_at, row.accepted_at, now)]


async def invite(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    enterprise_id: uuid.UUID,
    account_no: str,
    roles: Collection[EnterpriseRole],
    name: str | None,
) -> tuple[MembershipView, bool]:
    """Invite a person, or change the roles of a member at once. The second value says whether the invitation is new.

    Raises EnterpriseNotFound, EnterpriseRoleRequired, EnterpriseSuspended, EnterpriseStateConflict,
    MemberAccountNotFound, MembersFull, LastAdmin, QuotaExceeded.
    """
    await require_role(session, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN, acting=True)
    await quotas.count_use(session, user_id=user_id, quota=INVITATIONS_QUOTA)
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    if account is None or account.user_id is None:
        raise MemberAccountNotFound
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=account.user_id)
    now, is_new = clock.now(), row is None
    if row is None:
        if await repository.count_of_enterprise(session, enterprise_id=enterprise_id) >= MEMBERS_MAX:
            raise MembersFull(limit=MEMBERS_MAX)
        row = EnterpriseMember(
            membership_id=new_id(),
            enterprise_id=enterprise_id,
            user_id=account.user_id,
            account_id=account.account_id,
            roles=in_order(roles),
            version=0,
            invited_at=now,
            changed_at=now,
        )
        await repository.add(session, row)
    else:
        await set_roles(session, settings, row, in_order(roles), now)
    if name is not None:
        row.name_sealed = vault.seal("member_name", row.membership_id, name)
    await repository.flush_changes(session)
    return _view(row, vault, user_id, {account.account_id: account_no}), is_new


async def accept(session: Session, *, settings: Settings, user_id: uuid.UUID, enterprise_id: uuid.UUID) -> None:
    """Accept an invitation. Accepting again changes nothing.

    Raises EnterpriseNotFound, ConsentRequired, EnterprisesFull, EnterpriseSuspended, EnterpriseStateConflict,
    Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    enterprise = await enterprises.lock(session, enterprise_id=enterprise_id)
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=user_id)
    now = clock.now()
    if row is None or is_expired(row.invited_at, row.accepted_at, now):
        raise EnterpriseNotFound
    if row.accepted_at is not None:
        return
    enterprises.require_acting(enterprise)
    await _require_room_for_user(session, user_id)
    row.accepted_at, row.changed_at, row.version = now, now, 1
    await publish_members(session, settings=settings, rows=[row])
    await repository.flush_changes(session)


async def leave(session: Session, *, settings: Settings, user_id: uuid.UUID, enterprise_id: uuid.UUID) -> None:
    """Leave an enterprise, or decline an invitation. Raises EnterpriseNotFound, LastAdmin."""
    enterprise = await enterprises.lock(session, enterprise_id=enterprise_id)
    row = await repository.find_live(session, enterprise_id=enterprise_id, user_id=user_id)
    if row is None:
        raise EnterpriseNotFound
    await _require_other_admin(session, enterprise, row)
    await _end(session, settings, enterprise, row, "left" if row.accepted_at else "declined")


async def remove(
    session: Session, *, settings: Settings, user_id: uuid.UUID, enterprise_id: uuid.UUID, membership_id: uuid.UUID
) -> None:
    """Remove a member or an invitation, by an administrator. It protects, so a suspended enterprise may do it, too.

    Raises EnterpriseNotFound, EnterpriseRoleRequired, MemberNotFound, LastAdmin.
    """
    enterprise = await enterprises.lock(session, enterprise_id=enterprise_id)
    await require_role(session, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN)
    row = await repository.find(session, enterprise_id=enterprise_id, membership_id=membership_id)
    if row is None:
        raise MemberNotFound
    await _require_other_admin(session, enterprise, row)
    await _end(session, settings, enterprise, row, "left" if row.user_id == user_id else "removed")


async def publish_all(session: Session, *, settings: Settings, enterprise_id: uuid.UUID) -> None:
    """Publish the memberships from before the approval, in the transaction that approves."""
    rows = await repository.list_of_enterprise(session, enterprise_id=enterprise_id, limit=MEMBERS_MAX)
    await publish_members(session, settings=settings, rows=[row for row in rows if row.accepted_at is not None])


async def end_expired(session: Session, *, at_most: int) -> None:
    """Timed job: end invitations that nobody accepted."""
    now = clock.now()
    for row in await repository.list_expired(session, before=now - INVITATION_LIFE, limit=at_most):
        row.ended_at, row.ended_reason, row.changed_at, row.name_sealed = now, "expired", now, None
    await repository.flush_changes(session)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End all memberships of a person, also where the person is the last administrator, and let readers forget them.

    The rows are deleted by the caller.
    """
    rows = await repository.list_of_user(session, user_id=user_id, limit=_EXPORTED_MAX, with_ended=True)
    for row in sorted(rows, key=lambda one: one.enterprise_id):
        if row.ended_at is None:
            enterprise = await enterprises.lock(session, enterprise_id=row.enterprise_id)
            await _end(session, settings, enterprise, row, "erased")
        row.name_sealed = None
    await repository.flush_changes(session)
    published = await repository.published_of(session, user_id=user_id)
    await publish_forgotten(session, settings=settings, membership_ids=published)


async def export_user(session: Session, *, user_id: uuid.UUID, vault: Vault) -> Sequence[Mapping[str, object]]:
    """Return the memberships of a person, ended ones too, newest first."""
    rows = await repository.list_of_user(session, user_id=user_id, limit=_EXPORTED_MAX, with_ended=True)
    return [
        {
            "membership_id": str(row.membership_id),
            "enterprise_id": str(row.enterprise_id),
            "name": _name(row, vault),
            "roles": row.roles,
            "invited_at": row.invited_at.isoformat(),
            "accepted_at": row.accepted_at and row.accepted_at.isoformat(),
            "ended_at": row.ended_at and row.ended_at.isoformat(),
            "ended_reason": row.ended_reason,
        }
        for row in rows
    ]


async def set_roles(
    session: Session, settings: Settings, row: EnterpriseMember, roles: list[EnterpriseRole], now: datetime
) -> None:
    """Change the roles of a member, or invite anew. The caller holds the enterprise's lock. Raises LastAdmin."""
    if row.accepted_at is None:  # a new invitation, also in the place of an expired one
        row.roles, row.invited_at, row.changed_at = roles, now, now
        return
    if row.roles == roles:
        return
    if "admin" not in roles:
        await _require_admin_besides(session, row)
    row.roles, row.version, row.changed_at = roles, row.version + 1, max(now, row.changed_at)
    await publish_members(session, settings=settings, rows=[row])


async def _end(
    session: Session, settings: Settings, enterprise: EnterpriseView, row: EnterpriseMember, reason: str
) -> None:
    now = max(clock.now(), row.changed_at)
    row.ended_at, row.ended_reason, row.changed_at, row.name_sealed = now, reason, now, None
    if row.accepted_at is not None:
        row.version += 1
        if enterprise.approved_at is not None:
            await publish_members(session, settings=settings, rows=[row])
    await repository.flush_changes(session)


async def _require_other_admin(session: Session, enterprise: EnterpriseView, row: EnterpriseMember) -> None:
    """Raises LastAdmin, unless the enterprise has ended."""
    if enterprise.status not in {"rejected", "closed"}:
        await _require_admin_besides(session, row)


async def _require_admin_besides(session: Session, row: EnterpriseMember) -> None:
    if row.accepted_at is None or "admin" not in row.roles:
        return
    others = await repository.count_other_admins(session, enterprise_id=row.enterprise_id, than=row.membership_id)
    if others == 0:
        raise LastAdmin


async def _require_room_for_user(session: Session, user_id: uuid.UUID) -> None:
    if await repository.count_of_user(session, user_id=user_id) >= ENTERPRISES_MAX:
        raise EnterprisesFull(limit=ENTERPRISES_MAX)


def _view(row: EnterpriseMember, vault: Vault, user_id: uuid.UUID, numbers: Mapping[uuid.UUID, str]) -> MembershipView:
    return MembershipView(
        membership_id=row.membership_id,
        name=_name(row, vault),
        roles=tuple(row.roles),
        status=_status(row),
        since=_since(row),
        is_me=row.user_id == user_id,
        account_no=numbers.get(row.account_id),
    )


def _name(row: EnterpriseMember, vault: Vault) -> str | None:
    return None if row.name_sealed is None else vault.unseal("member_name", row.membership_id, row.name_sealed)


def _status(row: EnterpriseMember) -> MembershipState:
    return "invited" if row.accepted_at is None else "active"


def _since(row: EnterpriseMember) -> datetime:
    return row.accepted_at or row.invited_at

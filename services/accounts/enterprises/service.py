"""The register of enterprises: applications, states, and the facts that are published about them.

A change locks the enterprise's row first. The rooms of members, documents and review lock it as well, so whatever they
checked still holds when they commit.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from services.accounts.enterprises import repository
from services.accounts.enterprises.domain import EnterpriseState, is_uscc, may_become
from services.accounts.enterprises.errors import (
    EnterpriseNotFound,
    EnterpriseStateConflict,
    EnterpriseSuspended,
    UsccInvalid,
    UsccTaken,
)
from services.accounts.enterprises.models import Enterprise
from services.accounts.enterprises.publishing import publish_enterprise
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseKind
from shared.db import Session
from shared.errors import FieldError
from shared.ids import new_id
from shared.language import Text

APPLICATIONS_QUOTA = Quota("enterprise_application", at_most=5, window_s=86_400)
_EXPORTED_MAX = 100
_USCC_HINT = Text(
    "应为 18 位数字和大写字母，不含 I、O、S、V、Z，末位是校验位。",
    "18 digits and capitals without I, O, S, V and Z. The last one is a check character.",
)


class Contact(msgspec.Struct, frozen=True):
    """The person whom operators may call about an application."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class EnterpriseView:
    enterprise_id: uuid.UUID
    uscc: str
    name: str
    kinds: tuple[EnterpriseKind, ...]
    status: EnterpriseState
    status_reason: str | None
    applied_at: datetime
    approved_at: datetime | None
    changed_at: datetime


async def register(
    session: Session,
    *,
    vault: Vault,
    user_id: uuid.UUID,
    uscc: str,
    name: str,
    kinds: Collection[EnterpriseKind],
    contact: Contact,
) -> tuple[EnterpriseView, bool]:
    """Record an application. The second value is False when this person had sent the same one before.

    The caller holds the user's lock. Raises UsccInvalid, UsccTaken, QuotaExceeded.
    """
    if not is_uscc(uscc):
        raise UsccInvalid(field_errors=[FieldError("body.uscc", UsccInvalid.code, _USCC_HINT)])
    holder = await repository.find_holder(session, uscc=uscc)
    if holder is not None:
        is_repeated = (holder.applied_by, holder.name, holder.kinds) == (user_id, name, sorted(kinds))
        if not is_repeated or holder.status not in {"applied", "under_review"}:
            raise UsccTaken
        return _view(holder), False
    await quotas.count_use(session, user_id=user_id, quota=APPLICATIONS_QUOTA)
    now, enterprise_id = clock.now(), new_id()
    values = {
        "enterprise_id": enterprise_id,
        "uscc": uscc,
        "name": name,
        "kinds": sorted(kinds),
        "contact_sealed": vault.seal("enterprise_contact", enterprise_id, msgspec.json.encode(contact).decode()),
        "status": "applied",
        "applied_by": user_id,
        "applied_at": now,
        "version": 0,
        "changed_at": now,
    }
    row = await repository.try_add(session, values)
    if row is None:
        raise UsccTaken
    return _view(row), True


async def read(session: Session, *, enterprise_id: uuid.UUID) -> EnterpriseView:
    """Raises EnterpriseNotFound."""
    row = await repository.find(session, enterprise_id=enterprise_id)
    if row is None:
        raise EnterpriseNotFound
    return _view(row)


async def read_many(session: Session, *, enterprise_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, EnterpriseView]:
    rows = await repository.find_many(session, enterprise_ids=enterprise_ids)
    return {row.enterprise_id: _view(row) for row in rows}


async def lock(session: Session, *, enterprise_id: uuid.UUID) -> EnterpriseView:
    """Lock the enterprise until the transaction ends. Raises EnterpriseNotFound."""
    return _view(await _locked(session, enterprise_id))


async def lock_shared(session: Session, *, enterprise_id: uuid.UUID) -> EnterpriseView:
    """Keep the enterprise as it is until the transaction ends. Others may do the same. Raises EnterpriseNotFound."""
    row = await repository.lock_shared(session, enterprise_id=enterprise_id)
    if row is None:
        raise EnterpriseNotFound
    return _view(row)


async def list_newest(
    session: Session, *, status: EnterpriseState | None, before: uuid.UUID | None, limit: int
) -> Sequence[EnterpriseView]:
    return [_view(row) for row in await repository.list_newest(session, status=status, before=before, limit=limit)]


async def read_contact(session: Session, *, vault: Vault, enterprise_id: uuid.UUID) -> Contact | None:
    """Return the contact of an application, or None when it was deleted. Raises EnterpriseNotFound."""
    row = await repository.find(session, enterprise_id=enterprise_id)
    if row is None:
        raise EnterpriseNotFound
    if row.contact_sealed is None:
        return None
    plain = vault.unseal("enterprise_contact", enterprise_id, row.contact_sealed)
    return msgspec.json.decode(plain, type=Contact)


async def change_state(
    session: Session, *, settings: Settings, enterprise_id: uuid.UUID, following: EnterpriseState, reason: str | None
) -> EnterpriseView:
    """Set the state and publish it, from the approval on. Raises EnterpriseNotFound, EnterpriseStateConflict."""
    row = await _locked(session, enterprise_id)
    require_transition(_view(row), following)
    now = max(clock.now(), row.changed_at)
    row.status, row.status_reason, row.changed_at = following, reason, now
    if following == "active" and row.approved_at is None:
        row.approved_at = now
    if following in {"rejected", "closed"}:
        row.contact_sealed = None
    if row.approved_at is not None:
        row.version += 1
        await publish_enterprise(session, settings=settings, row=row)
    await repository.flush_changes(session)
    return _view(row)


def require_transition(enterprise: EnterpriseView, following: EnterpriseState) -> None:
    """Raises EnterpriseStateConflict."""
    if not may_become(enterprise.status, following):
        raise EnterpriseStateConflict(extensions={"enterprise_status": enterprise.status})


def require_acting(enterprise: EnterpriseView) -> None:
    """Require that the enterprise may act. Raises EnterpriseSuspended, EnterpriseStateConflict."""
    if enterprise.status == "suspended":
        raise EnterpriseSuspended
    if enterprise.status != "active":
        raise EnterpriseStateConflict(extensions={"enterprise_status": enterprise.status})


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Delete the contacts of the person's applications. The enterprises stay: they are no personal data."""
    for row in await repository.list_applied_by(session, user_id=user_id, limit=_EXPORTED_MAX):
        row.contact_sealed = None
    await repository.flush_changes(session)


async def export_user(session: Session, *, user_id: uuid.UUID, vault: Vault) -> Sequence[Mapping[str, object]]:
    """Return the applications of a person with the contacts that they gave, newest first."""
    return [
        {
            "enterprise_id": str(row.enterprise_id),
            "uscc": row.uscc,
            "name": row.name,
            "kinds": row.kinds,
            "status": row.status,
            "applied_at": row.applied_at.isoformat(),
            "contact": None
            if row.contact_sealed is None
            else msgspec.json.decode(vault.unseal("enterprise_contact", row.enterprise_id, row.contact_sealed)),
        }
        for row in await repository.list_applied_by(session, user_id=user_id, limit=_EXPORTED_MAX)
    ]


async def _locked(session: Session, enterprise_id: uuid.UUID) -> Enterprise:
    row = await repository.lock(session, enterprise_id=enterprise_id)
    if row is None:
        raise EnterpriseNotFound
    return row


def _view(row: Enterprise) -> EnterpriseView:
    return EnterpriseView(
        enterprise_id=row.enterprise_id,
        uscc=row.uscc,
        name=row.name,
        kinds=tuple(row.kinds),
        status=cast("EnterpriseState", row.status),
        status_reason=row.status_reason,
        applied_at=row.applied_at,
        approved_at=row.approved_at,
        changed_at=row.changed_at,
    )

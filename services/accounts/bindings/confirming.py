"""What a partner says about bindings: this account is a customer's, it is not, the customer has left.

Every act names the partner that signed it. Another partner's binding does not exist for it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from services.accounts.bindings import repository, service
from services.accounts.bindings.domain import BindingStatus, EndReason, Mode
from services.accounts.bindings.errors import BindingNotFound, BindingNotPending
from services.accounts.bindings.models import Binding
from services.accounts.bindings.publishing import publish_bindings
from services.accounts.bindings.service import BindingView, PartnerReference
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.db import Session

# One run ends this many overdue bindings, in one transaction. The next run ends the rest.
UNCONFIRMED_MAX = 200


@dataclass(frozen=True, slots=True)
class PartnerBinding:
    """A binding as its partner may see it. `account_no` only where the citizen gave the partner that number."""

    binding: BindingView
    account_no: str | None


async def list_page(
    session: Session, *, partner_id: str, status: BindingStatus | None, before: uuid.UUID | None, limit: int
) -> Sequence[PartnerBinding]:
    """List bindings with a partner that are older than `before`, newest first."""
    rows = await repository.list_of_partner(session, partner_id=partner_id, status=status, before=before, limit=limit)
    shown = {row.binding_id for row in rows if row.mode == Mode.ACCOUNT_NO and row.status != "ended"}
    named = [row.account_id for row in rows if row.binding_id in shown]
    numbers = await carbon_accounts.numbers_of(session, account_ids=named)
    return [
        PartnerBinding(service.to_view(row), numbers.get(row.account_id) if row.binding_id in shown else None)
        for row in rows
    ]


async def confirm(session: Session, *, settings: Settings, partner_id: str, binding_id: uuid.UUID) -> BindingView:
    """Let a pending binding count. A repeated confirmation changes nothing.

    Raises BindingNotFound, BindingNotPending (it ended, or its time is over).
    """
    row = await _locked(session, partner_id, binding_id)
    now = clock.now()
    if row.status == "ended" or (row.confirm_before is not None and row.confirm_before < now):
        raise BindingNotPending
    if row.status == "pending":
        row.status, row.confirm_before = "active", None
        service.next_version(row, now)
        await publish_bindings(session, settings=settings, changed=[row])
    return service.to_view(row)


async def refuse(session: Session, *, settings: Settings, partner_id: str, binding_id: uuid.UUID) -> BindingView:
    """End a pending binding: the number is no customer's. A repeated refusal changes nothing.

    Raises BindingNotFound, BindingNotPending.
    """
    row = await _locked(session, partner_id, binding_id)
    if row.status == "active" or (row.status == "ended" and row.ended_reason != EndReason.REFUSED_BY_PARTNER):
        raise BindingNotPending
    await service.end_rows(session, [row], settings=settings, reason=EndReason.REFUSED_BY_PARTNER)
    return service.to_view(row)


async def end(session: Session, *, settings: Settings, partner_id: str, binding_id: uuid.UUID) -> None:
    """End a binding because the customer left. An ended one stays as it is. Raises BindingNotFound."""
    row = await _locked(session, partner_id, binding_id)
    await service.end_rows(session, [row], settings=settings, reason=EndReason.PARTNER)


async def end_by_account(
    session: Session, *, settings: Settings, partners: PartnerDirectory, partner_id: str, reference: PartnerReference
) -> BindingView:
    """End the live binding of a customer that the partner names as in its events.

    Raises BindingNotFound, PartnerNotFound, PartnersUnavailable.
    """
    partner = await partners.get_partner(partner_id)
    key = service.key_of(settings, partner, reference)
    found = await repository.find_live_of_account(session, partner_id=partner_id, account_key=key)
    if found is None:
        raise BindingNotFound
    row = await _locked(session, partner_id, found.binding_id)
    await service.end_rows(session, [row], settings=settings, reason=EndReason.PARTNER)
    return service.to_view(row)


async def end_unconfirmed(session: Session, *, settings: Settings) -> int:
    """Timed job: end pending bindings whose partner did not answer in time. Return their number."""
    ended: list[Binding] = []
    for row in await repository.find_unconfirmed(session, before=clock.now(), at_most=UNCONFIRMED_MAX):
        await users.lock_user(session, user_id=row.user_id)
        await repository.relock(session, row)
        if row.status == "pending":
            ended.append(row)
    await service.end_rows(session, ended, settings=settings, reason=EndReason.NOT_CONFIRMED)
    return len(ended)


async def _locked(session: Session, partner_id: str, binding_id: uuid.UUID) -> Binding:
    """Lock the person, then the binding, in the order of every other change. Raises BindingNotFound."""
    row = await repository.find_at_partner(session, binding_id=binding_id, partner_id=partner_id)
    if row is None:
        raise BindingNotFound
    await users.lock_user(session, user_id=row.user_id)
    await repository.relock(session, row)
    return row

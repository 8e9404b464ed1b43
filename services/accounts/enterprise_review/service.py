"""Use cases of operators, and the closing of an enterprise.

What opens an enterprise, or opens it again, needs two operators. What narrows or ends it, one does at once. The content
of a proposal is all that was looked at: the facts and the hashes of the documents. It must still be so at the approval.

Documents and contact are deleted when an application or an enterprise ends. Their hashes stay in the proposal.
"""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from services.accounts.audit.service import log
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.enterprise_documents import service as documents
from services.accounts.enterprise_members import service as members
from services.accounts.enterprise_members.domain import ADMIN
from services.accounts.enterprise_review.errors import ApplicationChanged, DocumentMissing, EnterpriseNotEmpty
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.domain import EnterpriseState
from services.accounts.enterprises.errors import EnterpriseStateConflict
from services.accounts.enterprises.service import Contact, EnterpriseView
from services.accounts.holdings.client import HoldingsReader
from services.accounts.mandates import service as mandates
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.contracts.enterprise_holdings import EnterpriseHoldings
from shared.db import Database, Session

SCOPE: Final = "ops:accounts"
APPROVE, RESUME = "enterprise.approve", "enterprise.resume"


async def propose_approval(
    session: Session,
    approvals: Approvals,
    *,
    settings: Settings,
    enterprise_id: uuid.UUID,
    reason: str,
    operator: Operator,
) -> Proposal:
    """Begin the review and propose the approval. Raises EnterpriseNotFound, EnterpriseStateConflict, DocumentMissing,
    ProposalOpen."""
    view = await enterprises.lock(session, enterprise_id=enterprise_id)
    if view.status == "applied":
        view = await enterprises.change_state(
            session, settings=settings, enterprise_id=enterprise_id, following="under_review", reason=None
        )
        await _record(session, operator, "review", view, reason, before="applied")
    return await approvals.propose(
        session,
        kind=APPROVE,
        subject=str(enterprise_id),
        reason=reason,
        operator=operator,
        content=await _application(session, view),
    )


async def propose_resumption(
    session: Session, approvals: Approvals, *, enterprise_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Raises EnterpriseNotFound, EnterpriseStateConflict, ProposalOpen."""
    return await approvals.propose(
        session, kind=RESUME, subject=str(enterprise_id), reason=reason, operator=operator, content={}
    )


async def reject(
    session: Session, *, settings: Settings, enterprise_id: uuid.UUID, reason: str, operator: Operator
) -> EnterpriseView:
    """Reject an application, delete documents and contact. Raises EnterpriseNotFound, EnterpriseStateConflict."""
    view = await _change(session, settings, enterprise_id, "rejected", reason, operator)
    await documents.remove_all(session, enterprise_id=enterprise_id)
    return view


async def suspend(
    session: Session, *, settings: Settings, enterprise_id: uuid.UUID, reason: str, operator: Operator
) -> EnterpriseView:
    """Raises EnterpriseNotFound, EnterpriseStateConflict."""
    return await _change(session, settings, enterprise_id, "suspended", reason, operator)


async def close_as_operator(
    database: Database,
    *,
    settings: Settings,
    reader: HoldingsReader,
    enterprise_id: uuid.UUID,
    reason: str,
    operator: Operator,
) -> EnterpriseView:
    """Close an empty enterprise. Raises EnterpriseNotFound, EnterpriseStateConflict, EnterpriseNotEmpty,
    HoldingsUnavailable."""
    async with database.transaction() as session:
        enterprises.require_transition(await enterprises.read(session, enterprise_id=enterprise_id), "closed")
    holdings = await reader.read(enterprise_id)
    async with database.transaction() as session:
        enterprises.require_transition(await enterprises.lock(session, enterprise_id=enterprise_id), "closed")
        await _require_empty(session, enterprise_id, holdings)
        view = await _change(session, settings, enterprise_id, "closed", reason, operator)
        await documents.remove_all(session, enterprise_id=enterprise_id)
        return view


async def close_as_admin(
    database: Database, *, settings: Settings, reader: HoldingsReader, enterprise_id: uuid.UUID, user_id: uuid.UUID
) -> EnterpriseView:
    """Close an empty enterprise, by its administrator. The role is asked again after accounting has answered.

    Raises as `close_as_operator`, and EnterpriseRoleRequired, EnterpriseSuspended.
    """
    for_admins = partial(members.require_role, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN, acting=True)
    async with database.transaction() as session:
        await for_admins(session)
    holdings = await reader.read(enterprise_id)
    async with database.transaction() as session:
        await for_admins(session)
        await _require_empty(session, enterprise_id, holdings)
        view = await enterprises.change_state(
            session, settings=settings, enterprise_id=enterprise_id, following="closed", reason=None
        )
        await documents.remove_all(session, enterprise_id=enterprise_id)
        return view


async def read_contact(
    session: Session, *, vault: Vault, enterprise_id: uuid.UUID, reason: str, operator: Operator
) -> Contact | None:
    """Return the contact of an application, and record the look. Raises EnterpriseNotFound."""
    contact = await enterprises.read_contact(session, vault=vault, enterprise_id=enterprise_id)
    await log.record(
        session,
        subject=operator.subject,
        action="enterprise.contact.read",
        about=_about(enterprise_id),
        reason=reason,
    )
    return contact


def kinds(settings: Settings) -> tuple[Kind, ...]:
    return (
        Kind(APPROVE, SCOPE, _preview_approval, partial(_approve, settings=settings), spell=spell_uuid),
        Kind(RESUME, SCOPE, _preview_resumption, partial(_resume, settings=settings), spell=spell_uuid),
    )


async def _preview_approval(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises EnterpriseNotFound, EnterpriseStateConflict, DocumentMissing, ApplicationChanged."""
    view = await enterprises.lock(session, enterprise_id=uuid.UUID(subject))
    if view.status != "under_review":
        raise EnterpriseStateConflict(extensions={"enterprise_status": view.status})
    found = await _application(session, view)
    if not any(one["kind"] == "business_licence" for one in found["documents"]):
        raise DocumentMissing
    if content != found:
        raise ApplicationChanged
    return Change({"status": view.status}, {"status": "active", **found})


async def _approve(session: Session, proposal: Proposal, *, settings: Settings) -> None:
    enterprise_id = uuid.UUID(proposal.subject)
    await enterprises.change_state(
        session, settings=settings, enterprise_id=enterprise_id, following="active", reason=None
    )
    await carbon_accounts.open_enterprise_account(
        session, enterprise_id=enterprise_id, prefix=settings.account_no_prefix
    )
    await members.publish_all(session, settings=settings, enterprise_id=enterprise_id)


async def _preview_resumption(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    """Raises EnterpriseNotFound, EnterpriseStateConflict."""
    view = await enterprises.lock(session, enterprise_id=uuid.UUID(subject))
    if view.status != "suspended":
        raise EnterpriseStateConflict(extensions={"enterprise_status": view.status})
    return Change({"status": view.status, "reason": view.status_reason}, {"status": "active"})


async def _resume(session: Session, proposal: Proposal, *, settings: Settings) -> None:
    await enterprises.change_state(
        session, settings=settings, enterprise_id=uuid.UUID(proposal.subject), following="active", reason=None
    )


async def _application(session: Session, view: EnterpriseView) -> dict[str, Any]:
    """What the operators decide about, as JSON values without anything personal."""
    stored: Sequence[documents.DocumentView] = await documents.documents_of(session, enterprise_id=view.enterprise_id)
    return {
        "uscc": view.uscc,
        "name": view.name,
        "kinds": list(view.kinds),
        "documents": [{"kind": one.kind, "sha256": one.sha256} for one in stored],
    }


async def _change(
    session: Session,
    settings: Settings,
    enterprise_id: uuid.UUID,
    following: EnterpriseState,
    reason: str,
    operator: Operator,
) -> EnterpriseView:
    before = (await enterprises.lock(session, enterprise_id=enterprise_id)).status
    view = await enterprises.change_state(
        session, settings=settings, enterprise_id=enterprise_id, following=following, reason=reason
    )
    actions = {"rejected": "reject", "suspended": "suspend", "closed": "close"}
    await _record(session, operator, actions[following], view, reason, before=before)
    return view


async def _record(
    session: Session, operator: Operator, action: str, view: EnterpriseView, reason: str, *, before: str
) -> None:
    await log.record(
        session,
        subject=operator.subject,
        action=f"enterprise.{action}",
        about=_about(view.enterprise_id),
        reason=reason,
        before={"status": before},
        after={"status": view.status},
    )


async def _require_empty(session: Session, enterprise_id: uuid.UUID, holdings: EnterpriseHoldings) -> None:
    """Raises EnterpriseNotEmpty with what is left."""
    found = {
        "available_mg": holdings.available_mg,
        "pending_mg": holdings.pending_mg,
        "held_mg": holdings.held_mg,
        "debt_mg": holdings.debt_mg,
        "mandates": await mandates.count_of_platform(session, platform_id=enterprise_id),
    }
    if left := {name: amount for name, amount in found.items() if amount}:
        raise EnterpriseNotEmpty(extensions={"left": left})


def _about(enterprise_id: uuid.UUID) -> str:
    # As the subjects of proposals: one search in the log finds all steps.
    return str(enterprise_id)

"""Two operators appoint an administrator of an enterprise whose last one is gone.

The operators see a document of the enterprise, for example a sealed letter. The proposal holds its SHA-256, never the
document or a name.
"""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.enterprise_members import appointing
from services.accounts.enterprise_members.errors import MemberAccountNotFound
from services.accounts.enterprise_review.service import SCOPE
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.errors import EnterpriseStateConflict
from services.accounts.settings import Settings
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.db import Session

APPOINT_ADMIN: Final = "enterprise.appoint_admin"


async def propose(
    session: Session,
    approvals: Approvals,
    *,
    enterprise_id: uuid.UUID,
    account_no: str,
    document_sha256: str,
    reason: str,
    operator: Operator,
) -> Proposal:
    """Raises EnterpriseNotFound, EnterpriseStateConflict, AdminRemains, MemberAccountNotFound, ProposalOpen."""
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    if account is None or account.user_id is None:
        raise MemberAccountNotFound
    return await approvals.propose(
        session,
        kind=APPOINT_ADMIN,
        subject=str(enterprise_id),
        content={"account_id": str(account.account_id), "document_sha256": document_sha256},
        reason=reason,
        operator=operator,
    )


def kind_of(settings: Settings) -> Kind:
    return Kind(APPOINT_ADMIN, SCOPE, _preview, partial(_appoint, settings=settings), spell=spell_uuid)


async def _preview(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Raises EnterpriseNotFound, EnterpriseStateConflict, AdminRemains, MemberAccountNotFound."""
    enterprise_id, account_id = uuid.UUID(subject), uuid.UUID(content["account_id"])
    view = await enterprises.lock(session, enterprise_id=enterprise_id)
    if view.status not in {"active", "suspended"}:
        raise EnterpriseStateConflict(extensions={"enterprise_status": view.status})
    await appointing.require_no_admin(session, enterprise_id=enterprise_id)
    roles = await appointing.present_roles(session, enterprise_id=enterprise_id, account_id=account_id)
    person = {"account_id": content["account_id"]}
    return Change({**person, "roles": list(roles)}, {**person, "roles": sorted({*roles, "admin"})})


async def _appoint(session: Session, proposal: Proposal, *, settings: Settings) -> None:
    await appointing.appoint(
        session,
        settings=settings,
        enterprise_id=uuid.UUID(proposal.subject),
        account_id=uuid.UUID(proposal.content["account_id"]),
    )

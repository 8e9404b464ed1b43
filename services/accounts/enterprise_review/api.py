"""Routes of operators about enterprises, and of the administrator who closes one."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from services.accounts.approvals.schemas import ProposalOut
from services.accounts.enterprise_documents import service as documents
from services.accounts.enterprise_documents.schemas import DocumentOut
from services.accounts.enterprise_review import appointing, service
from services.accounts.enterprise_review.schemas import (
    AppointmentIn,
    ContactOut,
    EnterpriseCaseOut,
    LookReason,
    ReviewIn,
)
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.domain import EnterpriseState
from services.accounts.enterprises.schemas import EnterpriseOut
from services.accounts.live_citizen import LiveCitizen
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.resources import RequestResources
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/ops/enterprises", tags=["运营 Operators"])
members_router = APIRouter(prefix="/api/v1/accounts/enterprises", tags=["企业 Enterprises"])

Reader = Annotated[Operator, Depends(require_live_operator("ops:read"))]
Reviewer = Annotated[Operator, Depends(require_live_operator(service.SCOPE))]
Reason = Annotated[
    LookReason, Query(description="查看原因，必填，记入审计 Required, stored in the audit log", examples=["核对执照"])
]
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "文件原样返回 The file as it was uploaded",
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}}
            for name in ("application/pdf", "image/jpeg", "image/png")
        },
    }
}


@router.get("", summary="企业申请与企业 · Applications and enterprises, newest first")
async def list_enterprises(
    session: Session,
    _operator: Reader,
    status: EnterpriseState | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[EnterpriseOut]:
    rows = await enterprises.list_newest(session, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=EnterpriseOut.of, cursor=lambda row: (row.enterprise_id,))


@router.get("/{enterprise_id}", summary="一个企业与申请材料 · An enterprise with its documents")
async def get_enterprise_case(enterprise_id: uuid.UUID, session: Session, _operator: Reader) -> EnterpriseCaseOut:
    view = await enterprises.read(session, enterprise_id=enterprise_id)
    stored = await documents.documents_of(session, enterprise_id=enterprise_id)
    return EnterpriseCaseOut(
        **EnterpriseOut.of(view).model_dump(), documents=[DocumentOut.of(document) for document in stored]
    )


@router.get("/{enterprise_id}/contact", summary="申请的联系人 · The contact of an application")
async def get_enterprise_contact(
    enterprise_id: uuid.UUID, reason: Reason, session: Session, operator: Reviewer, resources: RequestResources
) -> ContactOut:
    """每次查看都有审计记录。Every look is recorded."""
    contact = await service.read_contact(
        session, vault=resources.vault, enterprise_id=enterprise_id, reason=reason, operator=operator
    )
    return ContactOut.of(enterprise_id, contact)


@router.get(
    "/{enterprise_id}/documents/{document_id}",
    response_class=Response,
    responses=_CONTENT,
    summary="查看申请材料 · Read a document",
)
async def read_enterprise_document(
    enterprise_id: uuid.UUID, document_id: uuid.UUID, reason: Reason, operator: Reviewer, resources: RequestResources
) -> Response:
    """每次查看都有审计记录；每人每小时最多 60 次。Every look is recorded; at most 60 an hour for each operator."""
    async with resources.document_gate.admit(operator.subject):
        async with resources.database.transaction() as session:
            await documents.count_read(session, operator=operator.subject)
        async with resources.database.transaction() as session:
            view, content = await documents.read_as_operator(
                session,
                vault=resources.vault,
                operator=operator.subject,
                enterprise_id=enterprise_id,
                document_id=document_id,
                reason=reason,
            )
    # Nothing in the file runs in the console's origin, whatever it is.
    headers = {
        "Content-Disposition": f'attachment; filename="{document_id}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=view.media_type, headers=headers)


@router.post("/{enterprise_id}/approve", status_code=202, summary="提议核准，须两人 · Propose the approval")
async def propose_enterprise_approval(
    enterprise_id: uuid.UUID,
    body: ReviewIn,
    session: Session,
    approvals: RequestApprovals,
    operator: Reviewer,
    resources: RequestResources,
) -> ProposalOut:
    """由另一位运营人员在 `/ops/approvals` 批准后生效。Another operator approves it under `/ops/approvals`."""
    proposal = await service.propose_approval(
        session,
        approvals,
        settings=resources.settings,
        enterprise_id=enterprise_id,
        reason=body.reason,
        operator=operator,
    )
    return ProposalOut.of(proposal)


@router.post("/{enterprise_id}/reject", summary="驳回申请 · Reject an application")
async def reject_enterprise(
    enterprise_id: uuid.UUID, body: ReviewIn, session: Session, operator: Reviewer, resources: RequestResources
) -> EnterpriseOut:
    """材料与联系人随即删除。Documents and contact are deleted at once."""
    view = await service.reject(
        session, settings=resources.settings, enterprise_id=enterprise_id, reason=body.reason, operator=operator
    )
    return EnterpriseOut.of(view)


@router.post("/{enterprise_id}/suspend", summary="暂停企业 · Suspend an enterprise")
async def suspend_enterprise(
    enterprise_id: uuid.UUID, body: ReviewIn, session: Session, operator: Reviewer, resources: RequestResources
) -> EnterpriseOut:
    """立即生效，不能再办理任何业务。Takes effect at once: it may not act."""
    view = await service.suspend(
        session, settings=resources.settings, enterprise_id=enterprise_id, reason=body.reason, operator=operator
    )
    return EnterpriseOut.of(view)


@router.post("/{enterprise_id}/resume", status_code=202, summary="提议恢复，须两人 · Propose to resume")
async def propose_enterprise_resumption(
    enterprise_id: uuid.UUID, body: ReviewIn, session: Session, approvals: RequestApprovals, operator: Reviewer
) -> ProposalOut:
    proposal = await service.propose_resumption(
        session, approvals, enterprise_id=enterprise_id, reason=body.reason, operator=operator
    )
    return ProposalOut.of(proposal)


@router.post(
    "/{enterprise_id}/appoint-admin", status_code=202, summary="提议任命管理员，须两人 · Propose a new administrator"
)
async def propose_enterprise_admin(
    enterprise_id: uuid.UUID, body: AppointmentIn, session: Session, approvals: RequestApprovals, operator: Reviewer
) -> ProposalOut:
    """仅限最后一位管理员已不在时。批准后，原有成员立即成为管理员，其他人收到邀请，接受后生效。

    Only after the last administrator is gone. A member becomes administrator at once, anybody else accepts first.
    """
    proposal = await appointing.propose(
        session,
        approvals,
        enterprise_id=enterprise_id,
        account_no=body.account_no,
        document_sha256=body.document_sha256,
        reason=body.reason,
        operator=operator,
    )
    return ProposalOut.of(proposal)


@router.post("/{enterprise_id}/close", summary="关闭企业 · Close an empty enterprise")
async def close_enterprise_as_operator(
    enterprise_id: uuid.UUID, body: ReviewIn, operator: Reviewer, resources: RequestResources
) -> EnterpriseOut:
    """账户须已结清，否则列出剩余。The account must be empty; else the answer lists what is left."""
    view = await service.close_as_operator(
        resources.database,
        settings=resources.settings,
        reader=resources.holdings,
        enterprise_id=enterprise_id,
        reason=body.reason,
        operator=operator,
    )
    return EnterpriseOut.of(view)


@members_router.post("/{enterprise_id}/close", summary="关闭企业碳账户 · Close the enterprise account")
async def close_enterprise(
    enterprise_id: uuid.UUID, citizen: LiveCitizen, resources: RequestResources
) -> EnterpriseOut:
    """仅管理员；账户须已结清，关闭后不能恢复。For administrators. It must be empty, and it cannot be opened again."""
    view = await service.close_as_admin(
        resources.database,
        settings=resources.settings,
        reader=resources.holdings,
        enterprise_id=enterprise_id,
        user_id=citizen.user_id,
    )
    return EnterpriseOut.of(view)

"""Operators' routes: writing, checking and publishing methodologies, registering factors, retiring versions."""

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.accounting.approvals.domain import PublicStatus
from services.accounting.methodologies.dependencies import LibraryDays
from services.accounting.methodologies.presentation import calendar_line
from services.accounting.publishing import proposals, service
from services.accounting.publishing.errors import fault
from services.accounting.publishing.schemas import (
    Because,
    Draft,
    DraftDetail,
    DraftStatus,
    Fault,
    MethodologyProposal,
    Publication,
    Publish,
    Retire,
    Superseded,
    WriteDraft,
    warnings_of,
)
from services.accounting.publishing.succession import ChangedEnd
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting/ops", tags=["运营 Operations"])

Author = Annotated[Operator, Depends(require_scope(proposals.SCOPE))]
Code = Annotated[str, Path(max_length=60, pattern=r"^[A-Z0-9-]+$", examples=["WH-APP-BUS"])]
Version = Annotated[int, Path(ge=1, le=10_000, examples=[1])]


def _detail(review: service.Review) -> DraftDetail:
    return DraftDetail(
        **Draft.of(review.draft).model_dump(),
        yaml=review.draft.text,
        faults=[Fault(**fault(problem)) for problem in review.problems],
        warnings=warnings_of(review.outlook),
        supersedes=_superseded(review.outlook.ends),
        calendar=[calendar_line(line) for line in review.outlook.calendar],
    )


def _superseded(ends: Sequence[ChangedEnd]) -> list[Superseded]:
    return [
        Superseded(
            code=change.version.document.code,
            version=change.version.document.version,
            effective_to=change.version.effective_to,
        )
        for change in ends
    ]


@router.post("/methodologies", status_code=201, summary="起草方法学 · Write a draft")
async def write_draft(session: Session, operator: Author, days: LibraryDays, body: WriteDraft) -> DraftDetail:
    """能读懂的草案都会保存，并列出全部问题；读不懂的按行列指出。
    A readable draft is stored with all its faults. An unreadable one is refused with line and column."""
    review = await service.write_draft(session, text=body.yaml, reason=body.reason, subject=operator.subject, days=days)
    return _detail(review)


@router.get("/methodologies/drafts", summary="草案列表 · Drafts")
async def list_drafts(
    session: Session,
    _operator: Author,
    status: DraftStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[Draft]:
    rows = await service.list_drafts(session, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=Draft.of, cursor=lambda row: (row.draft_id,))


@router.get("/methodologies/drafts/{draft_id}", summary="草案全文与问题 · One draft with its faults")
async def get_draft(session: Session, _operator: Author, days: LibraryDays, draft_id: uuid.UUID) -> DraftDetail:
    return _detail(await service.review_draft(session, draft_id=draft_id, days=days))


@router.put("/methodologies/drafts/{draft_id}", summary="修改草案 · Replace a draft's text")
async def rewrite_draft(
    session: Session, operator: Author, days: LibraryDays, draft_id: uuid.UUID, body: WriteDraft
) -> DraftDetail:
    """改动之后需要重新检查。Every change needs a new check."""
    review = await service.rewrite_draft(
        session, draft_id=draft_id, text=body.yaml, reason=body.reason, subject=operator.subject, days=days
    )
    return _detail(review)


@router.post("/methodologies/drafts/{draft_id}/check", summary="检查草案 · Check a draft")
async def check_draft(session: Session, operator: Author, days: LibraryDays, draft_id: uuid.UUID) -> DraftDetail:
    """单位、因子、算例、文字、上限、与现行方法学是否重叠；有问题则 409 并全部列出。
    不妨碍发布的提醒在 `warnings`，批准时须逐一确认；发布之后的日历在 `calendar`。
    Checks units, factors, examples, texts, caps and overlaps. Faults give a 409 that lists all of them. `warnings` do
    not bar the publication, but the publisher has to acknowledge each. `calendar` is that after the publication."""
    return _detail(await service.check_draft(session, draft_id=draft_id, subject=operator.subject, days=days))


@router.post("/methodologies/drafts/{draft_id}/publish", summary="批准发布 · Publish a checked draft")
async def publish_draft(
    session: Session, operator: Author, days: LibraryDays, draft_id: uuid.UUID, body: Publish
) -> Publication:
    """须由起草人以外的人批准，并在 `acknowledged` 中逐一写明提醒。
    发布后不可更改，旧版本自新版本生效日起失效。
    Needs an operator who is no author. It never changes afterwards. The previous version ends when this one begins."""
    done = await service.publish_draft(
        session,
        draft_id=draft_id,
        sha256=body.sha256,
        acknowledged=body.acknowledged,
        reason=body.reason,
        subject=operator.subject,
        days=days,
    )
    return Publication(
        code=done.document.code,
        version=done.document.version,
        sha256=done.sha256,
        effective_from=done.document.effective_from,
        effective_to=done.document.effective_to,
        superseded=[
            change.version.document.version
            for change in done.ended
            if change.version.document.code == done.document.code
        ],
        ended=_superseded(done.ended),
    )


@router.post("/methodologies/drafts/{draft_id}/withdraw", summary="撤回草案 · Withdraw a draft")
async def withdraw_draft(session: Session, operator: Author, draft_id: uuid.UUID, body: Because) -> DraftDetail:
    return _detail(
        await service.withdraw_draft(session, draft_id=draft_id, reason=body.reason, subject=operator.subject)
    )


@router.post(
    "/methodologies/{code}/versions/{version}/retire", status_code=201, summary="提议停用 · Propose to retire a version"
)
async def propose_retirement(
    session: Session,
    approvals: RequestApprovals,
    operator: Author,
    days: LibraryDays,
    code: Code,
    version: Version,
    body: Retire,
) -> MethodologyProposal:
    """由另一人批准后生效；已有结果不变。Takes effect when another operator approves it. Past results stay."""
    proposal = await proposals.propose_retirement(
        session, approvals, code=code, version=version, ends_on=body.ends_on, reason=body.reason, operator=operator
    )
    return MethodologyProposal.of(proposal, await proposals.outlook_of(session, proposal, days=days))


@router.post("/factors", status_code=201, summary="提议登记因子 · Propose emission factors")
async def propose_factors(
    session: Session, approvals: RequestApprovals, operator: Author, body: WriteDraft
) -> MethodologyProposal:
    """新的名字或新的 vintage；由另一人批准后登记，之后不可更改。
    For new ids or new vintages. Registered when another operator approves them, and never changed afterwards."""
    proposal = await proposals.propose_factors(
        session, approvals, text=body.yaml, reason=body.reason, operator=operator
    )
    return MethodologyProposal.of(proposal)


@router.get("/proposals", summary="提案列表 · Proposals")
async def list_proposals(
    session: Session,
    approvals: RequestApprovals,
    _operator: Author,
    status: PublicStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[MethodologyProposal]:
    rows = await proposals.list_proposals(
        session, approvals, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=MethodologyProposal.of, cursor=lambda row: (row.proposal_id,))


@router.get("/proposals/{proposal_id}", summary="提案 · One proposal")
async def get_proposal(
    session: Session, approvals: RequestApprovals, _operator: Author, days: LibraryDays, proposal_id: uuid.UUID
) -> MethodologyProposal:
    """待批准的停用提案附带目前的提醒和批准之后的日历。
    An open retirement comes with its warnings as of now and the calendar after its approval."""
    proposal = await proposals.get_proposal(session, approvals, proposal_id=proposal_id)
    return MethodologyProposal.of(proposal, await proposals.outlook_of(session, proposal, days=days))


@router.post("/proposals/{proposal_id}/approve", summary="批准提案 · Approve a proposal")
async def approve_proposal(
    session: Session, approvals: RequestApprovals, operator: Author, proposal_id: uuid.UUID, body: Because
) -> MethodologyProposal:
    """须由提议人以外的人批准。Needs an operator other than its proposer."""
    return MethodologyProposal.of(
        await proposals.approve(session, approvals, proposal_id=proposal_id, reason=body.reason, operator=operator)
    )


@router.post("/proposals/{proposal_id}/reject", summary="驳回或撤回提案 · Reject or withdraw a proposal")
async def reject_proposal(
    session: Session, approvals: RequestApprovals, operator: Author, proposal_id: uuid.UUID, body: Because
) -> MethodologyProposal:
    return MethodologyProposal.of(
        await proposals.reject(session, approvals, proposal_id=proposal_id, reason=body.reason, operator=operator)
    )

"""Operators' routes of campaigns."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.campaign_plans import service
from services.rewards.campaign_plans.schemas import CampaignContent, CampaignDetail, CampaignOpening
from services.rewards.campaigns import service as campaigns
from services.rewards.slugs import SlugPath, slug
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops/campaigns", tags=["运营 Operations"])

CampaignOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.get("", summary="活动 · Campaigns")
async def list_campaigns_as_operator(
    session: Session, _operator: CampaignOperator, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[CampaignDetail]:
    rows = await campaigns.list_campaigns(session, after=position_of(cursor, slug), limit=limit + 1)
    return Page.of(rows, limit, item=CampaignDetail.of, cursor=lambda campaign: (campaign.campaign_id,))


@router.get("/{campaign_id}", summary="一项活动 · One campaign")
async def get_campaign_as_operator(
    session: Session, _operator: CampaignOperator, campaign_id: SlugPath
) -> CampaignDetail:
    return CampaignDetail.of(await campaigns.get_campaign(session, campaign_id=campaign_id))


@router.post("", status_code=202, summary="提议开设活动 · Propose to open a campaign")
async def propose_campaign(
    session: Session, approvals: RequestApprovals, operator: CampaignOperator, body: CampaignOpening
) -> ProposalView:
    """由另一人在 `/ops/proposals` 批准后生效。A second person approves it under `/ops/proposals`."""
    return ProposalView.of(
        await service.propose_opening(
            session,
            approvals,
            campaign_id=body.campaign_id,
            content=body.to_json(),
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{campaign_id}/changes", status_code=202, summary="提议修改活动 · Propose other content")
async def propose_campaign_change(
    session: Session,
    approvals: RequestApprovals,
    operator: CampaignOperator,
    campaign_id: SlugPath,
    body: CampaignContent,
) -> ProposalView:
    """目标不能低于已捐与办理中的合计。The target is at least what is given and under way."""
    return ProposalView.of(
        await service.propose_change(
            session,
            approvals,
            campaign_id=campaign_id,
            content=body.to_json(),
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{campaign_id}/close", summary="关闭活动 · Close a campaign")
async def close_campaign(
    session: Session, operator: CampaignOperator, campaign_id: SlugPath, body: ReasonOnly
) -> CampaignDetail:
    """立即停止接受捐赠，不再开放；办理中的照常完成。At once and for good. Donations under way end as usual."""
    return CampaignDetail.of(
        await service.close(session, campaign_id=campaign_id, reason=body.reason, operator=operator.subject)
    )

"""Routes of campaigns and donations. Campaigns are public."""

import uuid
from functools import partial

from fastapi import APIRouter, Request, Response

from services.rewards.campaigns import service
from services.rewards.campaigns.schemas import CampaignView, DonationRequest, DonationView
from services.rewards.campaigns.service import Wanted
from services.rewards.campaigns.settling import DONATION
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.replies import REPLY_HEADERS, origin_of, respond
from services.rewards.settlement.service import Asked
from services.rewards.slugs import SlugPath, slug
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.idempotency import RequiredKey
from shared.live_sessions import LiveCitizen
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])


@router.get("/campaigns", summary="公益活动列表 · Campaigns")
async def list_campaigns(
    session: Session, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[CampaignView]:
    found = await service.list_campaigns(session, after=position_of(cursor, slug), limit=limit + 1)
    view = partial(CampaignView.of, language=language, instant=clock.now())
    return Page.of(found, limit, item=view, cursor=lambda campaign: (campaign.campaign_id,))


@router.get("/campaigns/{campaign_id}", summary="活动详情 · One campaign")
async def get_campaign(session: Session, language: AskedLanguage, campaign_id: SlugPath) -> CampaignView:
    return CampaignView.of(
        await service.get_campaign(session, campaign_id=campaign_id), language=language, instant=clock.now()
    )


@router.post(
    "/campaigns/{campaign_id}/donations",
    status_code=201,
    summary="捐赠减碳量 · Donate grams",
    response_model=DonationView,
    responses={
        201: {"headers": REPLY_HEADERS},
        202: {
            "model": DonationView,
            "description": "结果待定 Not settled yet; ask again with GET /donations/{donation_id}",
        },
    },
)
async def donate(
    request: Request,
    citizen: LiveCitizen,
    key: RequiredKey,
    language: AskedLanguage,
    campaign_id: SlugPath,
    body: DonationRequest,
) -> Response:
    """拒绝以 409 给出：INSUFFICIENT_BALANCE、CAMPAIGN_CLOSED、ACCOUNT_FROZEN。Refusals are 409 with these codes."""
    desk: Desk = request.app.state.desks[DONATION]
    wanted = Wanted(campaign_id, body.amount_mg)
    return respond(await desk.ask(Asked(origin_of(citizen, key, language, body), key, campaign_id, wanted)))


@router.get("/me/donations", summary="我的捐赠 · My donations")
async def list_my_donations(
    session: Session, citizen: Citizen, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[DonationView]:
    before = position_of(cursor, uuid.UUID)
    found = await service.list_own_donations(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    view = partial(DonationView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda donation: (donation.donation_id,))


@router.get("/donations/{donation_id}", summary="捐赠详情与证书 · One of my donations, with its certificate")
async def get_donation(
    session: Session, citizen: Citizen, language: AskedLanguage, donation_id: uuid.UUID
) -> DonationView:
    return DonationView.of(
        await service.get_own_donation(session, donation_id=donation_id, user_id=citizen.user_id), language=language
    )

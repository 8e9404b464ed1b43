"""Routes of campaigns and donations. Campaigns are public."""

import uuid
from functools import partial

from fastapi import APIRouter, Request, Response

from services.rewards.campaigns import service
from services.rewards.campaigns.domain import Donor
from services.rewards.campaigns.schemas import CampaignView, DonationRequest, DonationView, DonorView, Thanks
from services.rewards.campaigns.service import Wanted
from services.rewards.campaigns.settling import DONATION
from services.rewards.enterprises import service as enterprises
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.replies import REPLY_HEADERS, origin_of, respond
from services.rewards.settlement.schemas import Spending
from services.rewards.settlement.service import Asked
from services.rewards.slugs import SlugPath, slug
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import Database, Session
from shared.http_language import AskedLanguage
from shared.idempotency import RequiredKey
from shared.live_sessions import LiveCitizen
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, position_of

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
    """拒绝以 409 给出：INSUFFICIENT_BALANCE、CAMPAIGN_CLOSED、TARGET_EXCEEDED、ACCOUNT_FROZEN。

    TARGET_EXCEEDED 带有 `rest_mg`：活动还能接受的数量，可以改捐这个数。Refusals are 409 with these codes. With
    TARGET_EXCEEDED comes `rest_mg`, what the campaign still takes: offer it to the citizen.
    """
    desk: Desk = request.app.state.desks[DONATION]
    database: Database = request.app.state.db
    async with database.transaction() as session:
        actor = await service.acting_for(
            session,
            enterprise_id=body.enterprise_id,
            account_id=None if body.account_id == citizen.account_id else body.account_id,
            person_id=citizen.account_id,
        )
    payer = body if actor is None else Spending(account_id=actor.account_id)
    wanted = Wanted(campaign_id, body.amount_mg, None if actor is None else actor.enterprise_id, body.team_id)
    return respond(await desk.ask(Asked(origin_of(citizen, key, language, payer), key, campaign_id, wanted)))


@router.get("/campaigns/{campaign_id}/donors", summary="感谢名单 · Donors of a campaign")
async def list_donors(
    session: Session,
    language: AskedLanguage,
    campaign_id: SlugPath,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[DonorView]:
    """捐得多的在前。企业显示名称；个人只在本人同意后显示称呼，否则显示代号。

    Those who gave the most first. Enterprises by name, people by the name they agreed to, else by a pseudonym.
    """
    after = decode_cursor(cursor, int, uuid.UUID)
    found = await service.list_donors(
        session, campaign_id=campaign_id, after=None if after is None else (after[0], after[1]), limit=limit + 1
    )
    view = partial(DonorView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda donor: (donor.donated_mg, donor.donor_id))


@router.get("/enterprises/{enterprise_id}/donations", summary="企业的捐赠 · Donations of an enterprise")
async def list_enterprise_donations(
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    enterprise_id: uuid.UUID,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[DonationView]:
    """仅企业成员可见，暂停期间也可查看。For its members only, also while it is suspended."""
    before = position_of(cursor, uuid.UUID)
    await enterprises.require_role(
        session, enterprise_id=enterprise_id, person_id=citizen.account_id, roles=(), acting=False
    )
    donor = Donor(enterprise_id=enterprise_id)
    found = await service.list_donations(session, donor=donor, before=before, limit=limit + 1)
    view = partial(DonationView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda donation: (donation.donation_id,))


@router.get("/me/donations", summary="我的捐赠 · My donations")
async def list_my_donations(
    session: Session, citizen: Citizen, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[DonationView]:
    before = position_of(cursor, uuid.UUID)
    donor = Donor(user_id=citizen.user_id)
    found = await service.list_donations(session, donor=donor, before=before, limit=limit + 1)
    view = partial(DonationView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda donation: (donation.donation_id,))


@router.get("/donations/{donation_id}/thanks", summary="答谢 · What the campaign tells me")
async def get_thanks(session: Session, citizen: Citizen, language: AskedLanguage, donation_id: uuid.UUID) -> Thanks:
    campaign, donor = await service.get_thanks(session, donation_id=donation_id, user_id=citizen.user_id)
    return Thanks.of(campaign, donor, language=language)


@router.get("/donations/{donation_id}", summary="捐赠详情与证书 · One of my donations, with its certificate")
async def get_donation(
    session: Session, citizen: Citizen, language: AskedLanguage, donation_id: uuid.UUID
) -> DonationView:
    return DonationView.of(
        await service.get_own_donation(session, donation_id=donation_id, user_id=citizen.user_id), language=language
    )

import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.households import affairs, service
from services.accounts.households.schemas import (
    HouseholdIn,
    HouseholdOut,
    InvitationOut,
    JoinIn,
    MeterIn,
    NameIn,
    NicknameIn,
    OwnerIn,
    RuleIn,
    StayOut,
)
from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from services.accounts.shown_texts import require_shown_text
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/households", tags=["家庭 Households"])

own_router = APIRouter(prefix="/api/v1/accounts/me/households", tags=["家庭 Households"])

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": HouseholdOut, "description": "您已是该家庭成员 You are already a member"}
}


@router.post("", status_code=201, responses=_SAME_AGAIN, summary="创建家庭账户 · Open a household")
async def open_household(
    body: HouseholdIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    await require_shown_text(resources, user_id=citizen.user_id, kind="household_name", text=body.name)
    await require_shown_text(resources, user_id=citizen.user_id, kind="nickname", text=body.nickname)
    result = await service.open_household(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        meter_ref=body.meter_ref,
        name=body.name,
        nickname=body.nickname,
    )
    if not result.is_new:
        response.status_code = 200
    return HouseholdOut.of(result.household)


@router.post("/join", status_code=201, responses=_SAME_AGAIN, summary="凭邀请码加入 · Join by invitation")
async def join_household(
    body: JoinIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    """退出后 30 天内不能加入另一个家庭。A person may join another household 30 days after leaving one."""
    await require_shown_text(resources, user_id=citizen.user_id, kind="nickname", text=body.nickname)
    result = await service.join_household(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        token=body.token,
        nickname=body.nickname,
    )
    if not result.is_new:
        response.status_code = 200
    return HouseholdOut.of(result.household)


@router.post("/{household_id}/invitations", status_code=201, summary="邀请家人 · Invite a family member")
async def invite(household_id: uuid.UUID, citizen: LiveCitizen, session: Session, response: Response) -> InvitationOut:
    """仅可使用一次，15 分钟内有效。Works once within 15 minutes."""
    code = await service.invite_member(session, user_id=citizen.user_id, household_id=household_id)
    response.headers["Cache-Control"] = "no-store"
    return InvitationOut.of(code)


@router.put("/{household_id}/meter", summary="登记电表 · Register the meter")
async def register_meter(
    household_id: uuid.UUID, body: MeterIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    """替换原来的电表。电网公司能确认的，在其确认后生效（`meter_pending_until` 之前）。

    Replaces the former meter: from now on, or from its confirmation by the grid company on.
    """
    household = await affairs.register_meter(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        household_id=household_id,
        meter_ref=body.meter_ref,
    )
    return HouseholdOut.of(household)


@router.delete("/{household_id}/members/me", status_code=204, summary="退出家庭 · Leave the household")
async def leave(household_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources) -> None:
    """户主退出后，由加入最早的成员接任。最后一位成员退出后，家庭账户关闭，电表可由其他家庭登记。

    An owner who leaves is followed by the longest-standing member. The last member to leave closes the household and
    frees its meter.
    """
    await service.leave_household(
        session, settings=resources.settings, user_id=citizen.user_id, household_id=household_id
    )


@router.put("/{household_id}/name", summary="家庭名称 · Name the household")
async def rename_household(
    household_id: uuid.UUID, body: NameIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    """仅户主。For the owner only."""
    await require_shown_text(resources, user_id=citizen.user_id, kind="household_name", text=body.name)
    household = await affairs.rename(
        session, vault=resources.vault, user_id=citizen.user_id, household_id=household_id, name=body.name
    )
    return HouseholdOut.of(household)


@router.put("/{household_id}/members/me", summary="我的昵称 · My nickname in the household")
async def set_household_nickname(
    household_id: uuid.UUID, body: NicknameIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    await require_shown_text(resources, user_id=citizen.user_id, kind="nickname", text=body.nickname)
    household = await affairs.set_nickname(
        session, vault=resources.vault, user_id=citizen.user_id, household_id=household_id, nickname=body.nickname
    )
    return HouseholdOut.of(household)


@router.delete("/{household_id}/members/{member_id}", status_code=204, summary="移出成员 · End the stay of a member")
async def remove_household_member(
    household_id: uuid.UUID,
    member_id: uuid.UUID,
    citizen: LiveCitizen,
    session: Session,
    resources: RequestResources,
) -> None:
    """仅户主。对方会看到已被移出。For the owner only. The person is told so."""
    await affairs.remove_member(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        household_id=household_id,
        member_id=member_id,
    )


@router.put("/{household_id}/owner", summary="移交户主 · Offer the household to a member")
async def offer_household(
    household_id: uuid.UUID, body: OwnerIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    """对方接受后生效，7 天内有效。In force once the member accepts, within 7 days."""
    household = await affairs.offer_household(
        session, vault=resources.vault, user_id=citizen.user_id, household_id=household_id, member_id=body.member_id
    )
    return HouseholdOut.of(household)


@router.post("/{household_id}/owner/accept", summary="接任户主 · Become the owner")
async def accept_household(
    household_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    household = await affairs.accept_household(
        session, vault=resources.vault, user_id=citizen.user_id, household_id=household_id
    )
    return HouseholdOut.of(household)


@router.delete("/{household_id}/owner", status_code=204, summary="取消移交 · Withdraw or decline the offer")
async def drop_household_offer(household_id: uuid.UUID, citizen: LiveCitizen, session: Session) -> None:
    await affairs.drop_offer(session, user_id=citizen.user_id, household_id=household_id)


@router.put("/{household_id}/rule", summary="提议用碳规则 · Propose how the grams may be used")
async def propose_household_rule(
    household_id: uuid.UUID, body: RuleIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    """全家同意后生效，7 天内有效；只有一人时即时生效。In force once all members agree, within 7 days."""
    household = await affairs.propose_rule(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        household_id=household_id,
        kind=body.kind,
        limit_mg=body.limit_mg or 0,
    )
    return HouseholdOut.of(household)


@router.post("/{household_id}/rule/agree", summary="同意用碳规则 · Agree to the proposed rule")
async def agree_household_rule(
    household_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    household = await affairs.agree_rule(
        session,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        household_id=household_id,
    )
    return HouseholdOut.of(household)


@router.post("/{household_id}/rule/refuse", summary="拒绝或撤回用碳规则 · Refuse or withdraw the proposed rule")
async def refuse_household_rule(
    household_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    household = await affairs.refuse_rule(
        session, vault=resources.vault, user_id=citizen.user_id, household_id=household_id
    )
    return HouseholdOut.of(household)


@own_router.get("", summary="我的家庭记录 · Households in which I have lived, newest first")
async def list_household_stays(
    citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[StayOut]:
    before = position_of(cursor, uuid.UUID)
    stays = await service.list_stays(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    return Page[StayOut].of(stays, limit, item=StayOut.of, cursor=lambda stay: (stay.member_id,))

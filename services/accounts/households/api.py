import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.households import service
from services.accounts.households.schemas import HouseholdIn, HouseholdOut, InvitationOut, JoinIn, MeterIn
from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/households", tags=["家庭 Households"])

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": HouseholdOut, "description": "您已是该家庭成员 You are already a member"}
}


@router.post("", status_code=201, responses=_SAME_AGAIN, summary="创建家庭账户 · Open a household")
async def open_household(
    body: HouseholdIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    result = await service.open_household(
        session, settings=resources.settings, user_id=citizen.user_id, meter_ref=body.meter_ref
    )
    if not result.is_new:
        response.status_code = 200
    return HouseholdOut.of(result.household)


@router.post("/join", status_code=201, responses=_SAME_AGAIN, summary="凭邀请码加入 · Join by invitation")
async def join_household(
    body: JoinIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    """退出后 30 天内不能加入另一个家庭。A person may join another household 30 days after leaving one."""
    result = await service.join_household(
        session, settings=resources.settings, user_id=citizen.user_id, token=body.token
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
    """替换原来登记的电表，即时生效。Replaces the former meter from now on."""
    household = await service.register_meter(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        household_id=household_id,
        meter_ref=body.meter_ref,
    )
    return HouseholdOut.of(household)


@router.delete("/{household_id}/members/me", status_code=204, summary="退出家庭 · Leave the household")
async def leave(household_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources) -> None:
    """最后一位成员退出后，家庭账户关闭，电表可由其他家庭登记。

    The last member to leave closes the household and frees its meter.
    """
    await service.leave_household(
        session, settings=resources.settings, user_id=citizen.user_id, household_id=household_id
    )

"""Who lives together: one household per person, one meter per household."""

import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.households import service
from services.accounts.households.schemas import HouseholdIn, HouseholdOut, InvitationOut, JoinIn, MeterIn
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/households", tags=["家庭 Households"])

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": HouseholdOut, "description": "已在这个家庭里 You are in it already"}
}


@router.post("", status_code=201, responses=_SAME_AGAIN, summary="创建家庭账户 · Open a household")
async def open_household(
    body: HouseholdIn, citizen: Citizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    entered = await service.open_household(
        session, settings=resources.settings, user_id=citizen.user_id, meter_ref=body.meter_ref
    )
    if not entered.is_new:
        response.status_code = 200
    return HouseholdOut.of(entered.household)


@router.post("/join", status_code=201, responses=_SAME_AGAIN, summary="凭邀请码加入 · Enter by invitation")
async def join_household(
    body: JoinIn, citizen: Citizen, session: Session, resources: RequestResources, response: Response
) -> HouseholdOut:
    """退出后 30 天内不能加入另一个家庭。Thirty days after leaving one, another may be entered."""
    entered = await service.join_household(
        session, settings=resources.settings, user_id=citizen.user_id, token=body.token
    )
    if not entered.is_new:
        response.status_code = 200
    return HouseholdOut.of(entered.household)


@router.post("/{household_id}/invitations", status_code=201, summary="邀请家人 · Invite somebody")
async def invite(household_id: uuid.UUID, citizen: Citizen, session: Session, response: Response) -> InvitationOut:
    """一次有效，15 分钟。Good once, for 15 minutes."""
    made = await service.invite_member(session, user_id=citizen.user_id, household_id=household_id)
    response.headers["Cache-Control"] = "no-store"
    return InvitationOut.of(made)


@router.put("/{household_id}/meter", summary="登记电表 · Register the meter")
async def register_meter(
    household_id: uuid.UUID, body: MeterIn, citizen: Citizen, session: Session, resources: RequestResources
) -> HouseholdOut:
    """代替原来的电表，从现在起有效。In place of the one before, from now on."""
    household = await service.register_meter(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        household_id=household_id,
        meter_ref=body.meter_ref,
    )
    return HouseholdOut.of(household)


@router.delete("/{household_id}/members/me", status_code=204, summary="退出家庭 · Leave")
async def leave(household_id: uuid.UUID, citizen: Citizen, session: Session, resources: RequestResources) -> None:
    """最后一位成员退出后，家庭关闭，电表可由别人登记。The last one to leave closes the household."""
    await service.leave_household(
        session, settings=resources.settings, user_id=citizen.user_id, household_id=household_id
    )

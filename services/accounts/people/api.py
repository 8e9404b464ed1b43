from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.accounts.carbon_accounts.schemas import CarbonAccountOut
from services.accounts.consents.schemas import ConsentOut
from services.accounts.live_citizen import LiveCitizen
from services.accounts.people import guarding, service, step_up
from services.accounts.people.schemas import (
    ConsentIn,
    OpenAccountIn,
    PhoneIn,
    PhoneOut,
    SessionIn,
    SessionOut,
    StepUpIn,
)
from services.accounts.policies.schemas import PurposeName
from services.accounts.resources import RequestResources
from services.accounts.sessions.domain import read_device
from services.accounts.turns import turn_key
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts")

_ALREADY_OPEN: dict[int | str, dict[str, Any]] = {
    200: {"model": CarbonAccountOut, "description": "已领取过，返回同一账户 The account that was opened before"}
}


@router.post("/sessions", status_code=201, tags=["登录 Sessions"], summary="微信登录 · Log in with a WeChat code")
async def create_session(
    request: Request, body: SessionIn, resources: RequestResources, response: Response
) -> SessionOut:
    """同一个 code 同时或在 60 秒内重复提交，得到同一个会话。

    The same code sent again, at once or within 60 seconds, is answered with the same session.
    """
    login = await service.log_in(
        resources.database,
        calls=resources.log_in_calls,
        gate=resources.log_in_gate,
        turn=turn_key(request, resources),
        wechat=resources.wechat,
        vault=resources.vault,
        signer=resources.signer,
        code=body.code,
        device=read_device(request.headers.get("user-agent")),
    )
    response.headers["Cache-Control"] = "no-store"
    return SessionOut.of_login(login)


@router.post(
    "/sessions/step-up",
    status_code=204,
    tags=["登录 Sessions"],
    summary="确认是本人 · Confirm the person of this session with a fresh WeChat code",
)
async def step_up_session(request: Request, body: StepUpIn, citizen: LiveCitizen, resources: RequestResources) -> None:
    """解除绑定、更换手机号、注销账户前，用新的 code 确认一次，本次登录 5 分钟内有效。

    Unbinding, another phone number and erasure need it. It holds for this session, for 5 minutes.
    """
    await step_up.step_up(
        resources.database,
        calls=resources.log_in_calls,
        gate=resources.log_in_gate,
        turn=turn_key(request, resources),
        wechat=resources.wechat,
        vault=resources.vault,
        user_id=citizen.user_id,
        token_id=citizen.token_id,
        code=body.code,
    )


@router.put("/me/phone", tags=["我 Me"], summary="验证手机号 · Verify my phone number")
async def set_phone(body: PhoneIn, citizen: LiveCitizen, session: Session, resources: RequestResources) -> PhoneOut:
    """更换手机号前须确认是本人；更换后，用旧号码建立的合作方绑定随即结束。

    Who has a number already must step up first. A new number ends the bindings made with the former one.
    """
    masked = await service.change_phone(
        session,
        database=resources.database,
        wechat=resources.wechat,
        vault=resources.vault,
        settings=resources.settings,
        user_id=citizen.user_id,
        token_id=citizen.token_id,
        code=body.code,
    )
    return PhoneOut(phone_masked=masked)


@router.post(
    "/me/carbon-account",
    status_code=201,
    responses=_ALREADY_OPEN,
    tags=["碳账户 Carbon account"],
    summary="领取个人碳账户 · Open the personal carbon account",
)
async def open_carbon_account(
    body: OpenAccountIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> CarbonAccountOut:
    """申报未满 14 周岁的，须先由监护人扫码同意。Under 14: a guardian scans the code of the child first."""
    await guarding.declare_age(
        resources.database,
        settings=resources.settings,
        user_id=citizen.user_id,
        birth_month=body.birth_month,
        under_14=body.under_14 is True,
    )
    opened = await service.open_account(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        policy_version=body.consent.policy_version,
    )
    if not opened.is_new:
        response.status_code = 200
    return CarbonAccountOut.of(opened.account)


@router.post("/me/consents", status_code=201, tags=["同意 Consents"], summary="同意 · Give consent")
async def give_consent(
    body: ConsentIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> ConsentOut:
    """同一版本重复提交不产生新记录。After a withdrawal, activities count again from the moment of the new consent."""
    await service.require_known(resources.partners, purpose=body.purpose)
    record = await service.give_consent(
        session,
        settings=resources.settings,
        user_id=citizen.user_id,
        purpose=body.purpose,
        policy_version=body.policy_version,
    )
    return ConsentOut.of(record)


@router.delete("/me/consents", status_code=204, tags=["同意 Consents"], summary="撤回同意 · Withdraw consent")
async def withdraw_consent(
    purpose: Annotated[PurposeName, Query(description="要撤回的同意事项 The purpose to withdraw")],
    citizen: LiveCitizen,
    session: Session,
    resources: RequestResources,
) -> None:
    """撤回 data_processing 后，自该时刻起的行为不再累计减碳量；撤回 partner:<id> 只停止该合作方。

    Activities from that moment on do not count: all of them without data_processing, those of one partner without
    partner:<id>, steps without health_steps.
    """
    await service.withdraw_consent(session, settings=resources.settings, user_id=citizen.user_id, purpose=purpose)

from typing import Any

from fastapi import APIRouter, Response

from services.accounts.bindings import service as bindings
from services.accounts.carbon_accounts import service
from services.accounts.carbon_accounts.schemas import CarbonAccountOut, OpenAccountIn
from services.accounts.resources import Parts
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["碳账户 Carbon account"])

_ALREADY_OPEN: dict[int | str, dict[str, Any]] = {
    200: {"model": CarbonAccountOut, "description": "已领取过，返回同一账户 Opened before: the same account"}
}


@router.post(
    "/me/carbon-account",
    status_code=201,
    responses=_ALREADY_OPEN,
    summary="领取个人碳账户 · Open the personal carbon account",
)
async def open_carbon_account(
    body: OpenAccountIn, citizen: Citizen, session: Session, parts: Parts, response: Response
) -> CarbonAccountOut:
    opened = await service.open_account(
        session,
        user_id=citizen.user_id,
        policy_version=body.consent.policy_version,
        prefix=parts.settings.account_no_prefix,
    )
    if not opened.is_new:
        response.status_code = 200
        await bindings.resume(session, settings=parts.settings, user_id=citizen.user_id)
    return CarbonAccountOut.of(opened.account)

from typing import Annotated

from fastapi import APIRouter, Query

from services.accounts.bindings import service as bindings
from services.accounts.consents import service
from services.accounts.consents.schemas import ConsentIn, ConsentOut, ConsentsOut
from services.accounts.consents.service import Purpose
from services.accounts.resources import Parts
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["同意 Consents"])


@router.get("/me/consents", summary="我的授权同意记录 · My consents, given and ended")
async def list_consents(citizen: Citizen, session: Session) -> ConsentsOut:
    return ConsentsOut.of(await service.history(session, user_id=citizen.user_id))


@router.post("/me/consents", status_code=201, summary="同意 · Give consent")
async def give_consent(body: ConsentIn, citizen: Citizen, session: Session, parts: Parts) -> ConsentOut:
    """同一版本重复提交不产生新记录。After a withdrawal acts count again from the moment consent is given anew."""
    record = await service.give_on_request(
        session, user_id=citizen.user_id, purpose=body.purpose, policy_version=body.policy_version
    )
    if body.purpose is Purpose.DATA_PROCESSING:
        await bindings.resume(session, settings=parts.settings, user_id=citizen.user_id)
    return ConsentOut.of(record)


@router.delete("/me/consents", status_code=204, summary="撤回同意 · Withdraw consent")
async def withdraw_consent(
    purpose: Annotated[Purpose, Query(description="撤回哪一项 Which one")],
    citizen: Citizen,
    session: Session,
    parts: Parts,
) -> None:
    """撤回 data_processing 后，自该时刻起的行为不再计入减排量。Acts from that moment on no longer count."""
    withdrawn_at = await service.withdraw(session, user_id=citizen.user_id, purpose=purpose)
    if withdrawn_at is not None and purpose is Purpose.DATA_PROCESSING:
        await bindings.suspend(session, settings=parts.settings, user_id=citizen.user_id, at=withdrawn_at)

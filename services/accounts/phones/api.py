from fastapi import APIRouter

from services.accounts.bindings import service as bindings
from services.accounts.phones import service
from services.accounts.phones.schemas import PhoneIn, PhoneOut
from services.accounts.resources import Parts
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])


@router.put("/me/phone", summary="验证手机号 · Verify my phone number")
async def set_phone(body: PhoneIn, citizen: Citizen, session: Session, parts: Parts) -> PhoneOut:
    """更换手机号后，用旧号码建立的合作方绑定随即结束。Bindings made with the former number end with it."""
    async with parts.database.transaction() as counting:
        await service.count_verification(counting, user_id=citizen.user_id)
    e164 = await parts.wechat.phone_for(body.code)
    outcome = await service.set_phone(session, vault=parts.vault, user_id=citizen.user_id, e164=e164)
    if outcome.changed:
        await bindings.end_phone_bindings(session, settings=parts.settings, user_id=citizen.user_id)
    return PhoneOut(phone_masked=outcome.phone_masked)

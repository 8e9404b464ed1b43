"""Routes of the name under which a citizen is thanked."""

from fastapi import APIRouter, Response

from services.rewards.donor_names import service
from services.rewards.donor_names.schemas import PublicNameRequest, PublicNameView
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.live_sessions import LiveCitizen

router = APIRouter(prefix="/api/v1/rewards/me/donor-name", tags=["公益 Campaigns"])


@router.get("", summary="我的公开称呼 · The name under which I am thanked")
async def get_my_donor_name(session: Session, citizen: Citizen) -> PublicNameView:
    return PublicNameView.of(await service.find(session, user_id=citizen.user_id))


@router.put("", summary="同意公开称呼 · Agree to be thanked by a name")
async def agree_to_donor_name(session: Session, citizen: LiveCitizen, body: PublicNameRequest) -> PublicNameView:
    """感谢名单里显示这个称呼；不填则显示代号。Shown in the lists of donors, also for earlier donations."""
    return PublicNameView.of(await service.agree(session, user_id=citizen.user_id, name=body.name))


@router.delete("", status_code=204, response_class=Response, summary="不再公开称呼 · Withdraw it")
async def withdraw_donor_name(session: Session, citizen: LiveCitizen) -> None:
    """立即生效，之后显示代号。At once; the pseudonym is shown from then on."""
    await service.withdraw(session, user_id=citizen.user_id)

"""The route on which a partner's device turns the code on a family card into an account number."""

import uuid
from typing import Any

from fastapi import APIRouter, Depends, Request

from services.accounts.bindings.signed import SignedBy, read_signed
from services.accounts.family_cards import service
from services.accounts.family_cards.errors import FamilyCardNotFound
from services.accounts.family_cards.schemas import PartnerCheckIn, PartnerCheckOut
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.resources import RequestResources
from shared.query_parameters import accept_any_parameters

router = APIRouter(prefix="/api/v1/accounts", tags=["合作方 Partners"])

# All machines of a partner together. A code cannot be guessed; the limit bounds what a stolen key asks.
CHECKS_QUOTA = Quota("family_card_check", at_most=1_200, window_s=60)
_PARTNERS = uuid.UUID("7a1c3f5e-9b2d-5e4f-8c6a-1d0e2f4b6a88")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PartnerCheckIn.model_json_schema()}},
    }
}


@router.post(
    "/partner/family-cards/check",
    openapi_extra=_BODY,
    dependencies=[Depends(accept_any_parameters)],  # machines sign addresses with a query of their own
    summary="合作方设备扫亲情卡（CP1 签名） · A device reads a family card (CP1 signature)",
)
async def read_family_card(request: Request, signer: SignedBy, resources: RequestResources) -> PartnerCheckOut:
    """未知、已停用和已换的码回答相同。One answer for unknown, ended and replaced codes."""
    asked = read_signed(PartnerCheckIn, await request.body())
    async with resources.database.transaction() as counting:
        await quotas.count_use(counting, user_id=uuid.uuid5(_PARTNERS, signer.partner_id), quota=CHECKS_QUOTA)
    async with resources.database.transaction() as session:
        found = await service.find_by_code(session, vault=resources.vault, qr=asked.qr)
    if found is None:
        raise FamilyCardNotFound
    return PartnerCheckOut(account_no=found.account_no)

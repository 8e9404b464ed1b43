"""Routes of vouchers."""

import uuid

from fastapi import APIRouter, Request, Response

from services.rewards.vouchers import service
from services.rewards.vouchers.schemas import VoucherView
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])


@router.get("/me/vouchers/{voucher_id}", summary="我的券：券码与二维码 · One of my vouchers, with code and QR")
async def get_voucher(
    session: Session,
    citizen: Citizen,
    request: Request,
    response: Response,
    language: AskedLanguage,
    voucher_id: uuid.UUID,
) -> VoucherView:
    response.headers["Cache-Control"] = "no-store"
    found = await service.get_own_voucher(
        session, sealer=request.app.state.sealer, voucher_id=voucher_id, user_id=citizen.user_id
    )
    return VoucherView.of(found, language=language)

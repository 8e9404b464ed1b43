from fastapi import APIRouter

from services.accounts.consents import service
from services.accounts.consents.schemas import ConsentsOut
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["同意 Consents"])


@router.get("/me/consents", summary="我的同意记录 · My consents, including ended ones")
async def list_consents(citizen: Citizen, session: Session) -> ConsentsOut:
    return ConsentsOut.of(await service.list_history(session, user_id=citizen.user_id))

from fastapi import APIRouter

from services.accounts.profile import service
from services.accounts.profile.schemas import ProfileOut
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])


@router.get("/me", summary="我的信息 · Me")
async def read_me(citizen: Citizen, session: Session, resources: RequestResources) -> ProfileOut:
    return ProfileOut.of(await service.read_profile(session, vault=resources.vault, user_id=citizen.user_id))

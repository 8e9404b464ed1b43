from fastapi import APIRouter

from services.accounts.profile import service
from services.accounts.profile.schemas import FreezeOut, ProfileOut
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.contracts.account_state import frozen_notice
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])


@router.get("/me", summary="我的信息 · Me")
async def read_me(citizen: Citizen, resources: RequestResources, language: AskedLanguage) -> ProfileOut:
    """账户冻结时说明原因和联系方式；核算服务没有回答时 `frozen` 为空。

    A frozen account is told so, and whom to ask. `frozen` is null while accounting does not answer.
    """
    async with resources.database.transaction() as session:
        profile = await service.read_profile(session, vault=resources.vault, user_id=citizen.user_id)
    freeze = await resources.freezes.read(citizen.account_id) if profile.account else None
    notice = frozen_notice(resources.settings.support_contact, language) if freeze and freeze.frozen else None
    return ProfileOut.of(
        profile,
        language=language,
        freeze=FreezeOut.of(freeze, language),
        frozen=freeze.frozen if freeze else None,
        notice=notice,
    )

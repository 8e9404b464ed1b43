from fastapi import APIRouter

from services.accounts.policies import service
from services.accounts.policies.schemas import PoliciesOut
from shared import clock
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounts", tags=["同意 Consents"])


@router.get("/policies", summary="个人信息处理规则的版本 · Versions of the privacy policy")
async def list_policies(session: Session, language: AskedLanguage) -> PoliciesOut:
    """同意时请传用户看到的版本；未发布或已过期的版本会被拒绝。

    Consent names the version that the citizen saw. Unknown and outdated versions are refused.
    """
    return PoliciesOut.of(await service.list_policies(session), at=clock.now(), language=language)

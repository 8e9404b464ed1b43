"""Published versions of the policy texts, with the time in which each can be consented to."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.accounts.policies import service
from services.accounts.policies.schemas import PoliciesOut, PurposeName
from shared import clock
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounts", tags=["同意 Consents"])


@router.get("/policies", summary="个人信息处理规则的版本 · Versions of the privacy policy and of the other texts")
async def list_policies(
    session: Session,
    language: AskedLanguage,
    purpose: Annotated[
        PurposeName | None, Query(description="只列出这一事项的文本 Only the texts of this purpose")
    ] = None,
) -> PoliciesOut:
    """同意时请传用户看到的版本；未发布、已过期或属于其他事项的版本会被拒绝。

    Consent names the version that the citizen saw. Unknown and outdated versions, and those of another purpose, are
    refused. The general policy comes first.
    """
    policies = await service.list_policies(session)
    return PoliciesOut.of(policies, purpose=purpose, at=clock.now(), language=language)

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.accounts.erasures import service
from services.accounts.erasures.schemas import ErasureOut, ErasureSeenOut, ErasureStatus
from services.accounts.live_citizen import LiveCitizen, SteppedUpCitizen
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.resources import RequestResources
from shared.auth.tokens import Operator
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts")


@router.delete("/me", status_code=202, tags=["注销 Erasure"], summary="申请注销 · Plan the erasure of my account")
async def plan_erasure(
    citizen: SteppedUpCitizen, session: Session, resources: RequestResources, language: AskedLanguage
) -> ErasureOut:
    """冷静期（默认 15 天）内可以撤销，期满后删除，不能恢复。重复申请，得到同一个计划。

    It can be cancelled during the cooling-off, 15 days by default. Then it is carried out and cannot be undone. A
    repeated request returns the same plan.
    """
    view = await service.plan(session, settings=resources.settings, user_id=citizen.user_id)
    return ErasureOut.told(view, language)


@router.post(
    "/me/erasure/cancel", status_code=204, tags=["注销 Erasure"], summary="撤销注销 · Cancel the planned erasure"
)
async def cancel_erasure(citizen: LiveCitizen, session: Session) -> None:
    await service.cancel(session, user_id=citizen.user_id)


@router.get("/ops/erasures", tags=["运营 Operators"], summary="注销进度 · Erasures and the answers of the services")
async def list_erasures(
    session: Session,
    _operator: Annotated[Operator, Depends(require_live_operator("ops:read"))],
    status: Annotated[ErasureStatus | None, Query(description="状态 Of this status only")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ErasureSeenOut]:
    """超过一天仍在进行的由指标 `carbon_erasures_stuck` 告警。

    The metric `carbon_erasures_stuck` raises an alarm for those that run longer than a day.
    """
    rows = await service.list_page(session, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=ErasureSeenOut.of, cursor=lambda row: (row.erasure_id,))

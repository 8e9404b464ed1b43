"""The list of operators, and switching one off: at once and by one person, because it only takes away."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.accounts.operator_sessions import service
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.operator_sessions.schemas import OperatorOut
from shared.auth.tokens import Operator
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/ops/operators", tags=["运营登录 Operators' log-in"])
Admin = Annotated[Operator, Depends(require_live_operator("ops:operators"))]
Subject = Annotated[str, Path(max_length=255, pattern=r"^[\x21-\x7e]+$", examples=["local:li.wei"])]


class DisableIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "已离职"}]})

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=r"^[^\x00]+$")
    ]


@router.get("", summary="运营人员 · Operators and their roles")
async def list_operators(_operator: Admin, session: Session) -> list[OperatorOut]:
    """不含密码与验证器密钥。Without passwords and secrets."""
    return [OperatorOut.of(one) for one in await service.list_operators(session)]


@router.post("/{subject}/disable", status_code=204, summary="停用运营人员 · Disable an operator at once")
async def disable_operator(subject: Subject, body: DisableIn, operator: Admin, session: Session) -> None:
    """立即结束其全部登录，其他服务最迟在 5 分钟后拒绝其令牌。恢复须在服务器上进行。

    Ends all sessions at once; other services refuse the tokens within 5 minutes. Enabling again is done on the machine.
    """
    await service.disable_operator(session, subject=subject, by=operator.subject, reason=body.reason)

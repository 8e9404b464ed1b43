"""Log-in of operators. The three routes without a token take turns by address, like the log-in of citizens."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from services.accounts.operator_sessions import service
from services.accounts.operator_sessions.errors import OperatorSessionNotFound
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.operator_sessions.schemas import (
    LocalLogIn,
    LogInBody,
    LogInStartedOut,
    OperatorRefreshIn,
    OperatorSessionOut,
    OperatorTokensOut,
)
from services.accounts.resources import RequestResources
from services.accounts.turns import turn_key
from shared.auth.tokens import Operator
from shared.db import Session
from shared.errors import AppError
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营登录 Operators' log-in"])
ADMIN_SCOPE = "ops:operators"

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=r"^[^\x00]+$"),
    Query(description="写入审计记录 Stored in the audit log", examples=["设备遗失"]),
]


@router.post("/log-ins", status_code=201, summary="开始统一身份认证登录 · Begin a log-in at the identity provider")
async def start_operator_log_in(request: Request, resources: RequestResources, response: Response) -> LogInStartedOut:
    """在浏览器中打开 authorization_url；回跳后用 code、state 和 log_in_secret 完成登录。

    Open `authorization_url` in a browser. Finish with the `code` and `state` of the redirect and `log_in_secret`.
    """
    async with resources.operator_gate.admit(turn_key(request, resources)):
        started = await service.start_log_in(
            resources.database, vault=resources.vault, provider=resources.identity_provider
        )
    response.headers["Cache-Control"] = "no-store"
    return LogInStartedOut.of(started)


@router.post("/sessions", status_code=201, summary="运营人员登录 · Log in as an operator")
async def create_operator_session(
    body: LogInBody, request: Request, resources: RequestResources, response: Response
) -> OperatorTokensOut:
    """统一身份认证（oidc）或本地账户加动态码（local）。登录有效 8 小时，access_token 有效 5 分钟。

    By the identity provider, or a local account with a one-time code. The session lives 8 hours.
    """
    address = turn_key(request, resources)
    # Passwords wait for a core, the others for the provider. Neither waits for the other.
    gate = resources.password_gate if isinstance(body, LocalLogIn) else resources.operator_gate
    async with gate.admit(address):
        if isinstance(body, LocalLogIn):
            tokens = await service.log_in_locally(
                resources.database,
                vault=resources.vault,
                signer=resources.signer,
                provider=resources.identity_provider,
                name=body.name,
                password=body.password,
                code=body.code,
                address=address,
            )
        else:
            tokens = await service.finish_log_in(
                resources.database,
                vault=resources.vault,
                signer=resources.signer,
                provider=resources.identity_provider,
                roles=resources.settings.oidc_roles,
                secret=body.log_in_secret,
                state=body.state,
                code=body.code,
                issuer=body.iss,
            )
    response.headers["Cache-Control"] = "no-store"
    return OperatorTokensOut.of(tokens)


@router.post("/sessions/refresh", summary="换取新令牌 · Exchange a refresh token (works once)")
async def refresh_operator_session(
    body: OperatorRefreshIn, request: Request, resources: RequestResources, response: Response
) -> OperatorTokensOut:
    """同一个 refresh_token 在 60 秒内重复提交，得到相同的后继；此后再次使用，登录即结束。

    For 60 seconds the same refresh token is answered with the same successor. Later its use ends the session.
    """
    async with (
        resources.operator_gate.admit(turn_key(request, resources)),
        resources.database.transaction() as session,
    ):
        outcome = await service.refresh(
            session, vault=resources.vault, signer=resources.signer, refresh_token=body.refresh_token
        )
    if isinstance(outcome, AppError):  # raised after the commit, so that the end of the session stays
        raise outcome
    response.headers["Cache-Control"] = "no-store"
    return OperatorTokensOut.of(outcome)


Caller = Annotated[Operator, Depends(require_live_operator("ops:read"))]
Admin = Annotated[Operator, Depends(require_live_operator(ADMIN_SCOPE))]


@router.get("/sessions", summary="运营登录会话 · Live sessions of operators")
async def list_operator_sessions(
    operator: Caller, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[OperatorSessionOut]:
    """有 `ops:operators` 权限可见全部，否则只见自己的。All with `ops:operators`, else one's own."""
    subject = None if ADMIN_SCOPE in operator.scopes else operator.subject
    rows = await service.list_sessions(session, subject=subject, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=OperatorSessionOut.of, cursor=lambda row: (row.session_id,))


@router.delete("/sessions/current", status_code=204, summary="退出登录 · Log out as an operator")
async def end_current_operator_session(operator: Caller, session: Session) -> None:
    if operator.session_id is None:
        raise OperatorSessionNotFound
    await service.end_session(session, session_id=operator.session_id, by=operator.subject, reason="log-out")


@router.delete("/sessions/{session_id}", status_code=204, summary="终止登录会话 · Revoke a session of an operator")
async def revoke_operator_session(
    session_id: uuid.UUID,
    reason: Reason,
    operator: Admin,
    session: Session,
) -> None:
    """本服务立即拒绝其令牌，其他服务最迟在 5 分钟后。

    This service refuses its tokens at once, the others within 5 minutes.
    """
    await service.end_session(session, session_id=session_id, by=operator.subject, reason=reason)

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from services.accounts.resources import RequestResources
from services.accounts.sessions import service
from services.accounts.sessions.schemas import JwksOut, MySessionOut, RefreshIn, TokensOut
from services.accounts.turns import TurnRoute
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.errors import AppError
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts", tags=["登录 Sessions"])
_refreshes = APIRouter(route_class=TurnRoute)


@_refreshes.post("/sessions/refresh", summary="换取新令牌 · Exchange a refresh token (works once)")
async def refresh_session(body: RefreshIn, resources: RequestResources, response: Response) -> TokensOut:
    """同一个 refresh_token 在 60 秒内重复提交，得到相同的新令牌；此后再次使用，本次登录全部失效。

    For 60 seconds the same refresh token is answered with the same successor. Later its use ends the session.
    """
    async with resources.database.transaction() as session:
        outcome = await service.refresh_tokens(
            session, vault=resources.vault, signer=resources.signer, refresh_token=body.refresh_token
        )
    if isinstance(outcome, AppError):  # raised after the commit, so that the revocation stays
        raise outcome
    response.headers["Cache-Control"] = "no-store"
    return TokensOut.of(outcome)


router.include_router(_refreshes)


@router.delete("/sessions/current", status_code=204, summary="退出登录 · Log out")
async def delete_current_session(citizen: Citizen, session: Session) -> None:
    await service.log_out(session, user_id=citizen.user_id, token_id=citizen.token_id)


@router.get("/me/sessions", summary="登录设备 · My devices: sessions that have not ended")
async def list_my_sessions(
    citizen: Citizen, session: Session, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[MySessionOut]:
    rows = await service.list_page(
        session,
        user_id=citizen.user_id,
        token_id=citizen.token_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=lambda row: MySessionOut.of(row, language), cursor=lambda row: (row.session_id,))


@router.delete("/me/sessions/{session_id}", status_code=204, summary="退出一台设备 · End one of my sessions")
async def end_my_session(session_id: uuid.UUID, citizen: Citizen, session: Session) -> None:
    """已结束的登录再次结束，仍返回 204。Ending it again answers 204. Another person's is a 404."""
    await service.end_one(session, user_id=citizen.user_id, token_id=citizen.token_id, session_id=session_id)


@router.delete("/me/sessions", status_code=204, summary="退出所有设备 · End all my sessions")
async def end_my_sessions(
    citizen: Citizen,
    session: Session,
    keep: Annotated[
        Literal["current"] | None, Query(description="current 保留这次登录 Keep the session of this token")
    ] = None,
) -> None:
    await service.end_all(session, user_id=citizen.user_id, token_id=citizen.token_id, keep_current=keep == "current")


@router.get("/.well-known/jwks.json", summary="验证令牌的公钥 · Public keys of access tokens")
async def read_jwks(resources: RequestResources, response: Response) -> JwksOut:
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwksOut.model_validate(resources.signer.jwks())

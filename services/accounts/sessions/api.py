from fastapi import APIRouter, Response

from services.accounts.resources import RequestResources
from services.accounts.sessions import service
from services.accounts.sessions.schemas import JwksOut, RefreshIn, TokensOut
from services.accounts.turns import TurnRoute
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.errors import AppError

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


@router.get("/.well-known/jwks.json", summary="验证令牌的公钥 · Public keys of access tokens")
async def read_jwks(resources: RequestResources, response: Response) -> JwksOut:
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwksOut.model_validate(resources.signer.jwks())

from fastapi import APIRouter, Response

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.carbon_accounts.schemas import CarbonAccountOut
from services.accounts.resources import Parts
from services.accounts.sessions import service
from services.accounts.sessions.schemas import JwksOut, RefreshIn, SessionIn, SessionOut, TokensOut
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.errors import AppError

router = APIRouter(prefix="/api/v1/accounts", tags=["登录 Sessions"])


@router.post("/sessions", status_code=201, summary="微信登录 · Log in with a WeChat code")
async def create_session(body: SessionIn, session: Session, parts: Parts, response: Response) -> SessionOut:
    openid = await parts.wechat.openid_for(body.code)  # before the transaction begins: no connection waits for WeChat
    tokens = await service.log_in(session, vault=parts.vault, signer=parts.signer, openid=openid)
    account = await carbon_accounts.find(session, user_id=tokens.user_id)
    response.headers["Cache-Control"] = "no-store"
    return SessionOut(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in_s,
        refresh_token=tokens.refresh_token,
        user_id=tokens.user_id,
        carbon_account=CarbonAccountOut.of(account) if account else None,
    )


@router.post("/sessions/refresh", summary="换取新令牌 · Exchange a refresh token, which works once")
async def refresh_session(body: RefreshIn, parts: Parts, response: Response) -> TokensOut:
    async with parts.database.transaction() as session:
        outcome = await service.refresh(session, signer=parts.signer, refresh_token=body.refresh_token)
    if isinstance(outcome, AppError):  # raised after the commit, which keeps the revocation
        raise outcome
    response.headers["Cache-Control"] = "no-store"
    return TokensOut(
        access_token=outcome.access_token,
        expires_in=outcome.expires_in_s,
        refresh_token=outcome.refresh_token,
        user_id=outcome.user_id,
    )


@router.delete("/sessions/current", status_code=204, summary="退出登录 · Log out")
async def delete_current_session(citizen: Citizen, session: Session) -> None:
    await service.log_out(session, user_id=citizen.user_id, token_id=citizen.token_id)


@router.get("/.well-known/jwks.json", summary="验证令牌的公钥 · Public keys of access tokens")
async def read_jwks(parts: Parts, response: Response) -> JwksOut:
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwksOut.model_validate(parts.signer.jwks())

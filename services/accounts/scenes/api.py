import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.accounts.resources import RequestResources
from services.accounts.scenes import service
from services.accounts.scenes.schemas import ScenesOut
from shared.auth import schemes
from shared.auth.tokens import CITIZEN_SCOPE, TokenVerifier, bearer_token
from shared.db import Session
from shared.errors import Unauthenticated

router = APIRouter(prefix="/api/v1/accounts", tags=["场景 Scenes"])


async def _optional_citizen(request: Request) -> uuid.UUID | None:
    """Return the citizen of the token, or None without a token. An invalid token is a 401, not an anonymous caller."""
    if "authorization" not in request.headers:
        return None
    verifier: TokenVerifier = request.app.state.tokens
    claims = await verifier.access_claims(bearer_token(request))
    if CITIZEN_SCOPE not in str(claims["scope"]).split():
        return None
    try:
        return uuid.UUID(str(claims["sub"]))
    except ValueError as exc:
        raise Unauthenticated from exc


@router.get("/scenes", summary="低碳场景 · The low-carbon scenes", openapi_extra=schemes.CITIZEN_OR_NOBODY)
async def list_scenes(
    caller: Annotated[uuid.UUID | None, Depends(_optional_citizen)], session: Session, resources: RequestResources
) -> ScenesOut:
    """无需登录；带令牌时返回我的绑定状态。Public. With a token, the answer includes my bindings."""
    return ScenesOut.of(await service.list_scenes(session, directory=resources.partners, user_id=caller))

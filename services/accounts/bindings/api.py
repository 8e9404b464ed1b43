import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.accounts.authorizations.service import Bearer
from services.accounts.bindings import oauth_binding, service, tokens
from services.accounts.bindings.domain import BindingStatus, Mode
from services.accounts.bindings.schemas import (
    AuthorizationIn,
    AuthorizationOut,
    BindingIn,
    BindingOut,
    OauthBindingIn,
    TokenIn,
    TokenOut,
)
from services.accounts.live_citizen import LiveCitizen, SteppedUpCitizen
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts", tags=["绑定 Bindings"])

_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": BindingOut, "description": "已有相同的绑定 The same binding exists"}
}


@router.get("/me/bindings", summary="我的绑定 · My bindings, including ended ones")
async def list_bindings(
    citizen: Citizen,
    session: Session,
    status: Annotated[BindingStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[BindingOut]:
    rows = await service.list_page(
        session,
        user_id=citizen.user_id,
        status=status,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=BindingOut.of, cursor=lambda row: (row.binding_id,))


@router.post("/me/bindings", status_code=201, responses=_SAME_AGAIN, summary="绑定合作方 · Bind a partner")
async def create_binding(
    body: BindingIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> BindingOut:
    """account_no 方式下，有的合作方要先确认：此时 status 为 pending，确认前的行为先留存，确认后补计。

    Some partners confirm account numbers first: then the binding is pending, and acts meanwhile are judged once it is
    confirmed.
    """
    if isinstance(body, OauthBindingIn):
        result = await oauth_binding.finish(
            session,
            database=resources.database,
            settings=resources.settings,
            vault=resources.vault,
            partners=resources.partners,
            oauth=resources.oauth,
            bearer=Bearer(citizen.user_id, citizen.token_id),
            partner_id=body.partner_id,
            state=body.state,
            code=body.code,
            issuer=body.iss,
            counts_from=body.counts_from,
            policy_version=body.consent.policy_version if body.consent else None,
        )
    else:
        result = await service.bind_partner(
            session,
            settings=resources.settings,
            vault=resources.vault,
            partners=resources.partners,
            user_id=citizen.user_id,
            partner_id=body.partner_id,
            mode=Mode(body.mode),
            counts_from=body.counts_from,
            policy_version=body.consent.policy_version if body.consent else None,
        )
    if not result.is_new:
        response.status_code = 200
    return BindingOut.of(result.binding)


@router.post(
    "/me/bindings/authorizations",
    status_code=201,
    summary="去合作方确认 · Start the confirmation at a partner (OAuth 2.0, PKCE)",
)
async def start_authorization(
    body: AuthorizationIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> AuthorizationOut:
    """确认后，合作方带着 code 和 state 回跳；再用它们 `POST /me/bindings`。10 分钟内有效，只能在同一登录中使用一次。

    The redirect brings `code` and `state` for `POST /me/bindings`: once, within 10 minutes, in the same log-in.
    """
    started = await oauth_binding.start(
        session,
        vault=resources.vault,
        partners=resources.partners,
        bearer=Bearer(citizen.user_id, citizen.token_id),
        partner_id=body.partner_id,
    )
    response.headers["Cache-Control"] = "no-store"
    return AuthorizationOut.of(started)


@router.post(
    "/me/bindings/token", status_code=201, summary="出示绑定码 · Issue a token that the partner's machine scans"
)
async def create_binding_token(
    citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response, body: TokenIn | None = None
) -> TokenOut:
    """仅可使用一次，120 秒内有效。The partner confirms the token with `POST /partner/bindings`."""
    code = await tokens.issue_token(
        session,
        settings=resources.settings,
        partners=resources.partners,
        user_id=citizen.user_id,
        partner_id=body.partner_id if body else None,
    )
    response.headers["Cache-Control"] = "no-store"
    return TokenOut.of(code)


@router.delete("/me/bindings/{binding_id}", status_code=204, summary="解除绑定 · End a binding")
async def delete_binding(
    binding_id: uuid.UUID, citizen: SteppedUpCitizen, session: Session, resources: RequestResources
) -> None:
    """须先确认是本人（5 分钟内）。Needs a step-up of the session within the last 5 minutes."""
    await service.end_binding(session, settings=resources.settings, user_id=citizen.user_id, binding_id=binding_id)

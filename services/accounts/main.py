"""The accounts service: log-in, consents, carbon accounts, phone numbers, bindings and households."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.accounts.audit.api import router as audit_router
from services.accounts.bindings.api import router as bindings_router
from services.accounts.bindings.partner_api import router as partner_router
from services.accounts.consents.api import router as consents_router
from services.accounts.family_cards.api import router as family_cards_router
from services.accounts.family_cards.ops_api import router as family_cards_ops_router
from services.accounts.family_cards.partner_api import router as family_cards_partner_router
from services.accounts.freezes.client import FreezeReader
from services.accounts.grid.partner_api import router as grid_router
from services.accounts.households.api import own_router as own_households_router
from services.accounts.households.api import router as households_router
from services.accounts.identity_provider.client import IdentityProvider
from services.accounts.operator_sessions.api import router as operator_sessions_router
from services.accounts.operators.api import router as operators_router
from services.accounts.partners.client import IngestClient
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.people.api import router as people_router
from services.accounts.policies.api import router as policies_router
from services.accounts.profile.api import router as profile_router
from services.accounts.resources import LogInCalls, Resources, vault_of
from services.accounts.scenes.api import router as scenes_router
from services.accounts.sessions.api import router as sessions_router
from services.accounts.sessions.internal_api import router as internal_sessions_router
from services.accounts.settings import Settings
from services.accounts.signing import LocalJwks, TokenSigner
from services.accounts.turns import new_gate, new_password_gate
from services.accounts.wechat.client import WeChatClient
from shared.app import build_app

ROUTERS = (
    people_router,
    sessions_router,
    profile_router,
    policies_router,
    consents_router,
    scenes_router,
    bindings_router,
    partner_router,
    households_router,
    own_households_router,
    grid_router,
    family_cards_router,
    family_cards_partner_router,
    family_cards_ops_router,
    operators_router,
    operator_sessions_router,
    audit_router,
    internal_sessions_router,
)


def create_app(
    settings: Settings | None = None,
    *,
    wechat_transport: httpx.AsyncBaseTransport | None = None,
    ingest_transport: httpx.AsyncBaseTransport | None = None,
    accounting_transport: httpx.AsyncBaseTransport | None = None,
    partner_transport: httpx.AsyncBaseTransport | None = None,
    oidc_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application. The transports replace the network to WeChat, other services and partners."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await app.state.resources.stop()

    signer = TokenSigner(settings)
    app = build_app(
        service="accounts",
        settings=settings,
        routers=ROUTERS,
        title_zh="账户",
        title_en="Accounts",
        description="登录、同意、碳账户、手机号、绑定与家庭。Log-in, consents, accounts, phone, bindings, households.",
        lifespan=lifespan,
        jwks_transport=LocalJwks(signer),
    )
    key = settings.service_key
    ingest = IngestClient(base_url=settings.ingest_base_url, service_key=key, transport=ingest_transport)
    app.state.resources = Resources(
        settings=settings,
        database=app.state.db,
        signer=signer,
        vault=vault_of(settings),
        wechat=WeChatClient(
            base_url=settings.wechat_base_url,
            app_id=settings.wechat_app_id,
            app_secret=settings.wechat_app_secret,
            transport=wechat_transport,
        ),
        ingest=ingest,
        freezes=FreezeReader(base_url=settings.accounting_base_url, service_key=key, transport=accounting_transport),
        partners=PartnerDirectory(ingest),
        oauth=PartnerOauth(transport=partner_transport),
        log_in_calls=LogInCalls(),
        log_in_gate=new_gate(),
        refresh_gate=new_gate(),
        identity_provider=IdentityProvider(settings, transport=oidc_transport),
        operator_gate=new_gate(),
        password_gate=new_password_gate(),
    )
    return app

"""The accounts service: log-in, consents, carbon accounts, phone numbers, bindings, households, enterprises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.accounts.approvals.api import router as approvals_router
from services.accounts.approvals.service import approvals_of
from services.accounts.audit.api import router as audit_router
from services.accounts.bindings.api import router as bindings_router
from services.accounts.bindings.partner_api import router as partner_router
from services.accounts.consents.api import router as consents_router
from services.accounts.dead_letters.api import router as dead_letters_router
from services.accounts.dead_letters.service import mends
from services.accounts.enterprise_documents.api import DOCUMENT_BODY_BYTES, DOCUMENTS_PATHS
from services.accounts.enterprise_documents.api import router as documents_router
from services.accounts.enterprise_members.api import router as enterprises_router
from services.accounts.enterprise_review.api import members_router as closing_router
from services.accounts.enterprise_review.api import router as review_router
from services.accounts.enterprise_review.appointing import kind_of as kind_of_appointment
from services.accounts.enterprise_review.service import kinds as kinds_of_review
from services.accounts.erasures.api import router as erasures_router
from services.accounts.exports.api import router as exports_router
from services.accounts.family_cards.api import router as family_cards_router
from services.accounts.family_cards.ops_api import router as family_cards_ops_router
from services.accounts.family_cards.partner_api import router as family_cards_partner_router
from services.accounts.freeze_questions.api import router as freeze_questions_router
from services.accounts.freezes.client import FreezeReader
from services.accounts.grid.partner_api import router as grid_router
from services.accounts.holdings.client import HoldingsReader
from services.accounts.households.api import own_router as own_households_router
from services.accounts.households.api import router as households_router
from services.accounts.identity_provider.client import IdentityProvider
from services.accounts.key_learning import KeyLearner
from services.accounts.mandates.api import router as mandates_router
from services.accounts.messages.api import router as messages_router
from services.accounts.messages.templates import offered_templates
from services.accounts.operator_roles.api import router as operator_roles_router
from services.accounts.operator_roles.service import kinds as kinds_of_roles
from services.accounts.operator_sessions.api import router as operator_sessions_router
from services.accounts.operator_sessions.people_api import router as operator_people_router
from services.accounts.operators.api import citizens as look_ups_router
from services.accounts.operators.api import router as operators_router
from services.accounts.partners.client import IngestClient
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.people.api import router as people_router
from services.accounts.policies.api import router as policies_router
from services.accounts.profile.api import router as profile_router
from services.accounts.qr_codes.api import router as qr_codes_router
from services.accounts.resources import LogInCalls, Resources, vault_of, wechat_of
from services.accounts.scenes.api import router as scenes_router
from services.accounts.sessions.api import router as sessions_router
from services.accounts.sessions.internal_api import router as internal_sessions_router
from services.accounts.settings import Settings
from services.accounts.signing import LocalJwks, TokenSigner
from services.accounts.steps.api import router as steps_router
from services.accounts.turns import new_document_gate, new_gate, new_password_gate
from services.accounts.wards.api import router as wards_router
from services.accounts.wards.correcting import kind_of as kind_of_age_correction
from services.accounts.wards.ops_api import router as age_corrections_router
from services.accounts.wechat.qr_codes import QrCodes
from services.accounts.wechat_desk.api import router as wechat_desk_router
from shared.app import build_app
from shared.approvals_kinds import Kind

ROUTERS = (
    people_router,
    sessions_router,
    profile_router,
    policies_router,
    consents_router,
    wards_router,
    scenes_router,
    bindings_router,
    partner_router,
    households_router,
    enterprises_router,
    documents_router,
    mandates_router,
    closing_router,
    review_router,
    erasures_router,
    exports_router,
    freeze_questions_router,
    messages_router,
    qr_codes_router,
    steps_router,
    wechat_desk_router,
    own_households_router,
    grid_router,
    family_cards_router,
    family_cards_partner_router,
    family_cards_ops_router,
    operators_router,
    look_ups_router,
    operator_sessions_router,
    approvals_router,
    operator_people_router,
    operator_roles_router,
    audit_router,
    age_corrections_router,
    dead_letters_router,
    internal_sessions_router,
)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.resources.stop()


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
    offered_templates(settings.message_templates)  # a setting that cannot be ends the process here

    signer = TokenSigner(settings)
    own_jwks = LocalJwks(signer)
    app = build_app(
        service="accounts",
        settings=settings,
        routers=ROUTERS,
        title_zh="账户",
        title_en="Accounts",
        description="登录、同意、碳账户、手机号、绑定与家庭。Log-in, consents, accounts, phone, bindings, households.",
        lifespan=_lifespan,
        body_limits={DOCUMENTS_PATHS: DOCUMENT_BODY_BYTES},
        jwks_transport=own_jwks,
    )
    vault = vault_of(settings)
    keys = KeyLearner(app.state.db, vault, signer)
    own_jwks.before_answer = keys.learn
    key = settings.service_key
    ingest = IngestClient(base_url=settings.ingest_base_url, service_key=key, transport=ingest_transport)
    app.state.resources = Resources(
        settings=settings,
        database=app.state.db,
        signer=signer,
        keys=keys,
        vault=vault,
        wechat=wechat_of(settings, wechat_transport),
        ingest=ingest,
        freezes=FreezeReader(base_url=settings.accounting_base_url, service_key=key, transport=accounting_transport),
        holdings=HoldingsReader(base_url=settings.accounting_base_url, service_key=key, transport=accounting_transport),
        partners=PartnerDirectory(ingest),
        oauth=PartnerOauth(allow_loopback=settings.partner_allow_loopback, transport=partner_transport),
        log_in_calls=LogInCalls(),
        log_in_gate=new_gate(),
        refresh_gate=new_gate(),
        identity_provider=IdentityProvider(settings, transport=oidc_transport),
        operator_gate=new_gate(),
        password_gate=new_password_gate(),
        document_gate=new_document_gate(),
        qr_codes=QrCodes(),
    )
    app.state.approvals = approvals_of(kinds_of(settings))
    return app


def kinds_of(settings: Settings) -> tuple[Kind, ...]:
    """Return the kinds of two-person approval, by the rooms that propose them."""
    return (
        *kinds_of_review(settings),
        kind_of_appointment(settings),
        *kinds_of_roles(),
        kind_of_age_correction(settings),
        mends.kind(),
    )

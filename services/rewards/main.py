"""The HTTP application of the rewards service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.rewards.approvals.service import approvals_of
from services.rewards.assembly import build_desks, build_engine, build_session_checks
from services.rewards.audit.api import router as audit
from services.rewards.budgets.api import router as budgets
from services.rewards.campaigns.api import router as campaigns
from services.rewards.catalogue.api import router as catalogue
from services.rewards.categories.api import ops_router as categories_of_operators
from services.rewards.categories.api import router as categories
from services.rewards.certificates.api import router as certificates
from services.rewards.database import SCHEMA
from services.rewards.forecasts.api import router as forecasts
from services.rewards.forecasts.credits import CreditsReader
from services.rewards.mall.api import router as mall
from services.rewards.operations.api import router as operations
from services.rewards.orders.api import router as orders
from services.rewards.personal_data import TABLES
from services.rewards.pictures.api import BODY_LIMITS as PICTURE_LIMITS
from services.rewards.pictures.api import ops_router as pictures_of_operators
from services.rewards.pictures.api import router as pictures
from services.rewards.pictures.api import upload_gate
from services.rewards.proposals.api import router as proposals
from services.rewards.proposals.service import kinds as kinds_of_proposals
from services.rewards.reconciliation.api import router as reconciliation
from services.rewards.reconciliation.service import kinds as kinds_of_reconciliation
from services.rewards.refunds.api import router as refunds
from services.rewards.settings import Settings
from services.rewards.vouchers.api import router as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.app import build_app
from shared.httpclient import new_client
from shared.personal_routes import personal_data_router
from shared.personal_rows import PersonalRows

DESCRIPTION = (
    "低碳商城、订单与券、公益捐赠与证书。兑换从碳账户冻结、扣减，不直接改余额。"
    "The mall, orders and vouchers, donations and certificates. Grams are spent through holds in accounting."
)


def create_app(
    settings: Settings | None = None,
    *,
    accounting_transport: httpx.AsyncBaseTransport | None = None,
    accounts_transport: httpx.AsyncBaseTransport | None = None,
    jwks_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    settings = settings or Settings()
    client = new_client(settings.accounting_base_url, transport=accounting_transport)
    accounts_client = new_client(settings.accounts_url, transport=accounts_transport)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client, accounts_client:
            yield
            for desk in app.state.desks.values():
                await desk.stop()

    app = build_app(
        service="rewards",
        settings=settings,
        routers=[
            catalogue,
            categories,
            pictures,
            orders,
            vouchers,
            campaigns,
            certificates,
            operations,
            reconciliation,
            mall,
            budgets,
            forecasts,
            refunds,
            proposals,
            categories_of_operators,
            pictures_of_operators,
            audit,
            personal_data_router(SCHEMA, PersonalRows(SCHEMA, TABLES)),
        ],
        title_zh="激励与兑换",
        title_en="Rewards",
        description=DESCRIPTION,
        lifespan=lifespan,
        body_limits=PICTURE_LIMITS,
        jwks_transport=jwks_transport,
    )
    app.state.session_checks = build_session_checks(settings, accounts_client)
    app.state.settlements = build_engine(settings, app.state.db, client)
    app.state.desks = build_desks(app.state.settlements)
    app.state.approvals = approvals_of([*kinds_of_reconciliation(), *kinds_of_proposals()])
    app.state.credits = CreditsReader(client)
    app.state.picture_gate = upload_gate()
    app.state.sealer = CodeSealer(settings.voucher_keys)
    return app

"""The HTTP application of the rewards service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from fastapi import FastAPI

from services.rewards.approvals.service import approvals_of
from services.rewards.assembly import build_desks, build_engine, build_session_checks
from services.rewards.audit.api import router as audit
from services.rewards.badges.api import router as badges
from services.rewards.badges.rules import load_rules
from services.rewards.banks.api import router as banks
from services.rewards.budgets.api import router as budgets
from services.rewards.campaign_plans.api import router as campaign_plans
from services.rewards.campaigns.api import router as campaigns
from services.rewards.catalogue.api import router as catalogue
from services.rewards.categories.api import ops_router as categories_of_operators
from services.rewards.categories.api import router as categories
from services.rewards.certificates.api import ops_router as certificates_of_operators
from services.rewards.certificates.api import router as certificates
from services.rewards.clearing.api import ops_router as merchant_settlements_ops
from services.rewards.clearing.api import router as merchant_settlements
from services.rewards.clearing.printing import Printer
from services.rewards.database import SCHEMA
from services.rewards.disputes.api import ops_router as disputes_ops
from services.rewards.disputes.api import router as disputes
from services.rewards.disputes.service import kinds as kinds_of_disputes
from services.rewards.donor_names.api import router as donor_names
from services.rewards.donor_statements.api import router as donor_statements
from services.rewards.forecasts.api import router as forecasts
from services.rewards.forecasts.credits import CreditsReader
from services.rewards.loans.api import router as loans
from services.rewards.loans.bank_api import router as loans_of_banks
from services.rewards.loans.ops_api import router as loans_of_operators
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.mall.api import router as mall
from services.rewards.merchants.api import public_router as item_shops
from services.rewards.merchants.api import router as merchants
from services.rewards.merchants.sealing import merchant_sealer
from services.rewards.merchants.service import kinds as kinds_of_merchants
from services.rewards.offline_reports.api import ops_router as offline_reports_ops
from services.rewards.offline_reports.api import router as offline_reports
from services.rewards.operations.api import router as operations
from services.rewards.orders.api import router as orders
from services.rewards.participants.api import router as participants
from services.rewards.personal_data import TABLES
from services.rewards.pictures.api import BODY_LIMITS as PICTURE_LIMITS
from services.rewards.pictures.api import ops_router as pictures_of_operators
from services.rewards.pictures.api import router as pictures
from services.rewards.pictures.api import upload_gate
from services.rewards.proposals.api import router as proposals
from services.rewards.proposals.service import kinds as kinds_of_proposals
from services.rewards.rankings.api import router as rankings
from services.rewards.reconciliation.api import router as reconciliation
from services.rewards.reconciliation.service import kinds as kinds_of_reconciliation
from services.rewards.redemptions.api import ops_router as redemptions_ops
from services.rewards.redemptions.api import router as tills
from services.rewards.refunds.api import router as refunds
from services.rewards.settings import Settings
from services.rewards.standing_orders.api import router as standing_orders
from services.rewards.teams.api import router as teams
from services.rewards.voucher_imports.api import PATH as VOUCHER_IMPORTS
from services.rewards.voucher_imports.api import router as voucher_imports
from services.rewards.voucher_imports.domain import FILE_BYTES_MAX
from services.rewards.vouchers.api import router as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.app import build_app
from shared.contracts import topics
from shared.httpclient import new_client
from shared.personal_routes import personal_data_router
from shared.personal_rows import PersonalRows

DESCRIPTION = (
    "低碳商城、订单与券、公益捐赠与证书。兑换从碳账户冻结、扣减，不直接改余额。"
    "The mall, orders and vouchers, donations and certificates. Grams are spent through holds in accounting."
)

_ROUTERS: Final = (
    catalogue,
    categories,
    pictures,
    orders,
    vouchers,
    campaigns,
    donor_names,
    donor_statements,
    teams,
    standing_orders,
    certificates,
    loans,
    loans_of_banks,
    badges,
    rankings,
    participants,
    operations,
    reconciliation,
    item_shops,
    tills,
    offline_reports,
    merchant_settlements,
    disputes,
    merchants,
    redemptions_ops,
    offline_reports_ops,
    voucher_imports,
    merchant_settlements_ops,
    disputes_ops,
    mall,
    budgets,
    campaign_plans,
    forecasts,
    refunds,
    proposals,
    banks,
    loans_of_operators,
    categories_of_operators,
    pictures_of_operators,
    certificates_of_operators,
    audit,
    personal_data_router(SCHEMA, PersonalRows(SCHEMA, TABLES)),
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
        routers=_ROUTERS,
        title_zh="激励与兑换",
        title_en="Rewards",
        description=DESCRIPTION,
        lifespan=lifespan,
        body_limits={**PICTURE_LIMITS, VOUCHER_IMPORTS: FILE_BYTES_MAX},
        jwks_transport=jwks_transport,
    )
    app.state.session_checks = build_session_checks(settings, accounts_client)
    app.state.settlements = build_engine(settings, app.state.db, client)
    app.state.desks = build_desks(app.state.settlements)
    topic = settings.topic_prefix + topics.REWARDS
    app.state.approvals = approvals_of(
        (
            *kinds_of_reconciliation(),
            *kinds_of_proposals(topic=topic),
            *kinds_of_merchants(),
            *kinds_of_disputes(),
        )
    )
    app.state.credits = CreditsReader(client)
    app.state.picture_gate = upload_gate()
    app.state.time_zone = settings.time_zone
    load_rules()  # a document with a fault stops the start
    app.state.sealer = CodeSealer(settings.voucher_keys)
    app.state.printer = Printer()
    app.state.merchant_sealer = merchant_sealer(settings.voucher_keys)
    app.state.pseudonyms = Pseudonyms(settings.voucher_keys)
    return app

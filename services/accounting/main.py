"""HTTP application of the accounting service: the value of acts, and the ledger of grams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.accounting.allowances.api import router as allowances
from services.accounting.approvals.service import approvals_of
from services.accounting.audit.api import router as audit
from services.accounting.checks.api import router as checks
from services.accounting.claims.api import router as claims
from services.accounting.database import SCHEMA
from services.accounting.dead_letters.api import router as dead_letters
from services.accounting.dead_letters.service import mends
from services.accounting.enterprises.api import internal as enterprise_holdings
from services.accounting.enterprises.api import router as enterprises
from services.accounting.explaining.api import router as explaining
from services.accounting.explaining.cards_api import router as family_cards
from services.accounting.explaining.entries_api import router as entries
from services.accounting.families.api import internal as spends
from services.accounting.families.api import router as families
from services.accounting.households.api import router as households
from services.accounting.ledger.api import internal as holds
from services.accounting.ledger.api import router as ledger
from services.accounting.methodologies.api import router as methodologies
from services.accounting.methodologies.service import Library
from services.accounting.methodologies.shelf_api import router as shelf
from services.accounting.operations.api import router as operations
from services.accounting.operations.service import kinds as kinds_of_operations
from services.accounting.operations.targets_api import router as capture_targets
from services.accounting.personal_data import TABLES
from services.accounting.posting.api import router as posting
from services.accounting.posting.closing import ProgrammeSource
from services.accounting.proofs.api import router as proofs
from services.accounting.publishing.api import router as publishing
from services.accounting.publishing.proposals import kinds as kinds_of_publishing
from services.accounting.settings import Settings
from services.accounting.totals.api import router as totals
from services.accounting.what_if.api import router as what_if
from shared.app import build_app
from shared.approvals import Approvals
from shared.auth.tokens import ServiceTokens
from shared.contracts import topics
from shared.httpclient import ServiceAuth, new_client
from shared.live_sessions import SessionChecks
from shared.personal_routes import personal_data_router
from shared.personal_rows import PersonalRows
from shared.settings import ServiceSettings

DESCRIPTION = (
    "按公布的方法学把低碳行为折算成减碳量，记入复式账本。"
    "Turns low-carbon acts into grams by published methodologies and keeps them in a double-entry ledger."
)


def create_app(
    settings: Settings | None = None,
    *,
    accounts_transport: httpx.AsyncBaseTransport | None = None,
    jwks_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    settings = settings or Settings()
    library = Library()
    accounts = new_client(settings.accounts_url, transport=accounts_transport)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with accounts:
            yield

    app = build_app(
        service="accounting",
        settings=settings,
        routers=[
            ledger,
            holds,
            spends,
            households,
            enterprises,
            enterprise_holdings,
            families,
            family_cards,
            explaining,
            entries,
            claims,
            allowances,
            posting,
            methodologies,
            shelf,
            publishing,
            audit,
            what_if,
            proofs,
            totals,
            checks,
            operations,
            capture_targets,
            dead_letters,
            personal_data_router(SCHEMA, PersonalRows(SCHEMA, TABLES)),
        ],
        title_zh="碳核算与账本",
        title_en="Accounting",
        description=DESCRIPTION,
        lifespan=lifespan,
        jwks_transport=jwks_transport,
    )
    app.state.library = library
    tokens = ServiceTokens(settings.service_key.get_secret_value(), SCHEMA)
    app.state.session_checks = SessionChecks(accounts, ServiceAuth(tokens, "accounts"))
    app.state.approvals = approvals_for(settings, library)
    return app


def approvals_for(settings: ServiceSettings, library: Library) -> Approvals:
    """Return the two-person approval with the kinds of all rooms."""
    programmes = ProgrammeSource.of(library, settings)
    return approvals_of(
        [
            *kinds_of_operations(programmes.current, freezes_topic=settings.topic_prefix + topics.FREEZES),
            *kinds_of_publishing(settings.time_zone),
            mends.kind(),
        ]
    )

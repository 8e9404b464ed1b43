"""HTTP application of the accounting service: what an act is worth, and whose grams they are."""

import httpx
from fastapi import FastAPI

from services.accounting.activities.api import router as activities
from services.accounting.audit.api import router as audit
from services.accounting.dead_letters.api import router as dead_letters
from services.accounting.households.api import router as households
from services.accounting.ledger.api import internal as holds
from services.accounting.ledger.api import router as ledger
from services.accounting.methodologies.api import router as methodologies
from services.accounting.methodologies.service import Library
from services.accounting.methodologies.shelf_api import router as shelf
from services.accounting.operations.api import router as operations
from services.accounting.proofs.api import router as proofs
from services.accounting.publishing.api import router as publishing
from services.accounting.settings import Settings
from services.accounting.what_if.api import router as what_if
from shared.app import build_app

DESCRIPTION = (
    "按公布的方法学把低碳行为折算成减碳量，记入复式账本。Turns low-carbon acts into grams by published methodologies."
)


def create_app(settings: Settings | None = None, *, jwks_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    app = build_app(
        service="accounting",
        settings=settings or Settings(),
        routers=[
            ledger,
            holds,
            households,
            activities,
            methodologies,
            shelf,
            publishing,
            audit,
            what_if,
            proofs,
            operations,
            dead_letters,
        ],
        title_zh="碳核算与账本",
        title_en="Accounting",
        description=DESCRIPTION,
        jwks_transport=jwks_transport,
    )
    app.state.library = Library()
    return app

"""HTTP application of the ingest service, which receives signed events from partners."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.ingest.approvals.service import approvals_of
from services.ingest.archive.api import router as archive
from services.ingest.audit.api import router as audit
from services.ingest.database import SCHEMA
from services.ingest.dead_letters.api import router as dead_letters
from services.ingest.dead_letters.service import mends
from services.ingest.debugging.api import router as debugging
from services.ingest.deliveries.api import operators as webhook_operators
from services.ingest.deliveries.api import router as deliveries
from services.ingest.events.api import EVENTS_BODY_BYTES, EVENTS_PATH
from services.ingest.events.api import router as events
from services.ingest.imports.api import IMPORTS_PATH, IMPORTS_PATHS
from services.ingest.imports.api import router as imports
from services.ingest.imports.domain import PART_BYTES
from services.ingest.imports.reconciliation_api import RECONCILIATION_PATH
from services.ingest.imports.reconciliation_api import router as reconciliation_uploads
from services.ingest.outcomes.api import router as outcomes
from services.ingest.partners.api import VERIFY_BODY_BYTES, VERIFY_PATH
from services.ingest.partners.api import router as partners
from services.ingest.partners.ops_api import decisions as partner_decisions
from services.ingest.partners.ops_api import router as partner_ops
from services.ingest.partners.proposals import kinds as kinds_of_partners
from services.ingest.personal_data import TABLES
from services.ingest.profile.api import router as profile
from services.ingest.reconciliation.api import router as reconciliation
from services.ingest.records.api import router as records
from services.ingest.reports.api import router as reports
from services.ingest.resources import Resources
from services.ingest.settings import Settings
from services.ingest.signed import QuotaHeaders
from shared.app import build_app
from shared.eventlog import EventLog, open_event_log
from shared.openapi.headers import RATE_LIMITS
from shared.personal_routes import personal_data_router
from shared.personal_rows import PersonalRows

DESCRIPTION = (
    "合作方以 CP1 签名推送低碳行为事件，逐条得到结果，并可查询每条的去向。"
    "Partners push signed events, get a result for each one, and can query its status."
)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    resources: Resources = app.state.resources
    async with resources.running():
        yield


def create_app(
    settings: Settings | None = None,
    *,
    jwks_transport: httpx.AsyncBaseTransport | None = None,
    log: EventLog | None = None,
) -> FastAPI:
    settings = settings or Settings()
    log = log or open_event_log(settings.event_log_url, client_id="ingest-api")

    async def registry_fresh() -> None:
        await resources.checks.registry.check_fresh()

    app = build_app(
        service="ingest",
        settings=settings,
        routers=[
            debugging,
            events,
            archive,
            outcomes,
            profile,
            imports,
            reconciliation,
            reconciliation_uploads,
            deliveries,
            webhook_operators,
            partners,
            partner_ops,
            partner_decisions,
            dead_letters,
            audit,
            records,
            personal_data_router(SCHEMA, PersonalRows(SCHEMA, TABLES)),
            reports,
        ],
        signed_headers=RATE_LIMITS,
        title_zh="数据接入",
        title_en="Ingest",
        description=DESCRIPTION,
        lifespan=_running,
        readiness={"log": log.ping, "partners": registry_fresh},
        body_limits={
            EVENTS_PATH: EVENTS_BODY_BYTES,
            VERIFY_PATH: VERIFY_BODY_BYTES,
            IMPORTS_PATH: PART_BYTES,
            IMPORTS_PATHS: PART_BYTES,
            RECONCILIATION_PATH: PART_BYTES,
        },
        jwks_transport=jwks_transport,
    )
    app.add_middleware(QuotaHeaders)
    resources = Resources.of(settings, app.state.db, log)
    app.state.resources = resources
    app.state.approvals = approvals_of([*kinds_of_partners(resources.sealer), mends.kind()])
    resources.give_to_routes(app)
    return app

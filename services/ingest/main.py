"""HTTP application of the ingest service: what happened, as the partners that recorded it report it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import structlog
from fastapi import FastAPI

from services.ingest.archive.api import router as archive
from services.ingest.audit.api import router as audit
from services.ingest.dead_letters.api import router as dead_letters
from services.ingest.debugging.api import router as debugging
from services.ingest.deliveries.api import operators as webhook_operators
from services.ingest.deliveries.api import router as deliveries
from services.ingest.events.api import EVENTS_BODY_BYTES, EVENTS_PATH
from services.ingest.events.api import router as events
from services.ingest.events.service import ensure_topics
from services.ingest.imports.api import IMPORTS_PATH, IMPORTS_PATHS
from services.ingest.imports.api import router as imports
from services.ingest.imports.domain import PART_BYTES
from services.ingest.in_flight import InFlight
from services.ingest.limits.service import Limits
from services.ingest.partners.api import VERIFY_BODY_BYTES, VERIFY_PATH
from services.ingest.partners.api import router as partners
from services.ingest.partners.ops_api import router as partner_ops
from services.ingest.partners.service import News, PartnerRegistry, SeenNonces, SlowLane
from services.ingest.reconciliation.api import RECONCILIATION_PATH
from services.ingest.reconciliation.api import router as reconciliation
from services.ingest.resources import Resources
from services.ingest.settings import Settings
from shared.app import build_app
from shared.eventlog import EventLog, EventLogError, open_event_log
from shared.sealing import Sealer

DESCRIPTION = (
    "合作方以 CP1 签名推送低碳行为事件，逐条得到结果，并可查询每条的去向。"
    "Partners push signed events, get a result for each, and can ask what became of it."
)
_TOPICS_PAUSE_S = 1.0

_log = structlog.get_logger(__name__)


async def _make_topics(log: EventLog, prefix: str) -> None:
    """Until it works once: the process starts and answers 503 while the log is away."""
    while True:
        try:
            await ensure_topics(log, prefix)
        except EventLogError as exc:
            _log.warning("topics_not_ensured", error=repr(exc)[:300])
            await asyncio.sleep(_TOPICS_PAUSE_S)
        else:
            return


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    parts: Resources = app.state.resources
    await parts.registry.start()
    await parts.limits.start()
    await parts.log.start()
    topics = asyncio.create_task(_make_topics(parts.log, parts.settings.topic_prefix))
    try:
        yield
    finally:
        topics.cancel()
        await asyncio.wait([topics])
        await parts.limits.stop()
        await parts.registry.stop()
        await parts.log.stop()
        parts.slow_lane.stop()


def create_app(
    settings: Settings | None = None,
    *,
    jwks_transport: httpx.AsyncBaseTransport | None = None,
    log: EventLog | None = None,
) -> FastAPI:
    settings = settings or Settings()
    log = log or open_event_log(settings.event_log_url, client_id="ingest-api")

    async def registry_fresh() -> None:
        await resources.registry.check_fresh()

    app = build_app(
        service="ingest",
        settings=settings,
        routers=[
            debugging,
            events,
            archive,
            imports,
            reconciliation,
            deliveries,
            webhook_operators,
            partners,
            partner_ops,
            dead_letters,
            audit,
        ],
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
    sealer = Sealer(settings.sealing_key)
    resources = Resources(
        settings=settings,
        sealer=sealer,
        registry=PartnerRegistry(app.state.db, sealer, News(settings.database_url)),
        nonces=SeenNonces(),
        slow_lane=SlowLane(),
        limits=Limits(app.state.db, settings.time_zone),
        log=log,
        in_flight=InFlight(),
    )
    app.state.resources = resources
    return app

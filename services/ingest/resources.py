"""What lives as long as the API process, in the order in which it starts, and the parts of it that routes get."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from services.ingest.events.service import IntakePorts, ensure_topics
from services.ingest.in_flight import InFlightLimit
from services.ingest.limits.service import Limits
from services.ingest.partners.service import (
    ChangeListener,
    PartnerRegistry,
    SeenNonces,
    SignatureChecks,
    SlowCheckQueue,
)
from services.ingest.reports.service import ReportPorts
from services.ingest.sandbox.service import SandboxJudge
from services.ingest.settings import Settings, sealer_of
from services.ingest.signed import CallerPorts
from shared.db import Database
from shared.eventlog import EventLog, EventLogError
from shared.sealing import Sealer

_TOPICS_PAUSE_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    sealer: Sealer
    checks: SignatureChecks
    limits: Limits
    log: EventLog
    sandbox: SandboxJudge

    @classmethod
    def of(cls, settings: Settings, database: Database, log: EventLog) -> "Resources":
        sealer = sealer_of(settings.sealing_keys)
        registry = PartnerRegistry(database, sealer, ChangeListener(settings.database_url))
        return cls(
            settings=settings,
            sealer=sealer,
            checks=SignatureChecks(registry, SeenNonces(), SlowCheckQueue()),
            limits=Limits(database, settings.time_zone),
            log=log,
            sandbox=SandboxJudge(
                database, pepper=settings.account_ref_pepper.get_secret_value(), time_zone=settings.time_zone
            ),
        )

    def give_to_routes(self, app: FastAPI) -> None:
        """Put into the application's state what single routes ask for, each part under its own name."""
        app.state.sealer = self.sealer
        app.state.in_flight = InFlightLimit()
        app.state.signature_checks = self.checks
        app.state.caller_ports = CallerPorts(self.checks, self.limits, self.settings.trusted_proxies)
        app.state.intake_ports = IntakePorts(
            limits=self.limits,
            nonces=self.checks.nonces,
            log=self.log,
            pepper=self.settings.account_ref_pepper.get_secret_value(),
            topic_prefix=self.settings.topic_prefix,
            judge_sandbox=self.sandbox.judge,
        )

        app.state.report_ports = ReportPorts(
            log=self.log,
            pepper=self.settings.account_ref_pepper.get_secret_value(),
            topic_prefix=self.settings.topic_prefix,
            time_zone=self.settings.time_zone,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything. A database or a log that is away does not keep the process from starting."""
        await self.checks.registry.start()
        await self.limits.start()
        await self.log.start()
        topics = asyncio.create_task(self._ensure_topics())
        try:
            yield
        finally:
            topics.cancel()
            await asyncio.wait([topics])
            await self.limits.stop()
            await self.checks.registry.stop()
            await self.log.stop()
            self.checks.slow_queue.stop()

    async def _ensure_topics(self) -> None:
        """Try until it works once. Until then requests are answered with 503."""
        while True:
            try:
                await ensure_topics(self.log, self.settings.topic_prefix)
            except EventLogError as exc:
                _log.warning("topics_not_ensured", error=repr(exc)[:300])
                await asyncio.sleep(_TOPICS_PAUSE_S)
            else:
                return

"""Accounting and ingest on one database: events go to both, and accounting's outbox goes to ingest's archive.

No worker runs. A test decides when a sweep happens and when outcomes are archived, and in which order.
"""

import asyncio
import base64
import json
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from services.accounting.main import create_app as create_accounting
from services.accounting.settings import Settings as AccountingSettings
from services.ingest.archive import service as archive
from services.ingest.deliveries import service as deliveries
from services.ingest.main import create_app as create_ingest
from services.ingest.seed import seed as seed_partners
from services.ingest.settings import Settings as IngestSettings
from services.ingest.settings import sealer_of
from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Database
from shared.eventlog import EventLog, open_event_log
from shared.outbox import records_in
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, as_records
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables
from tests.ingest.conftest import Reader
from tests.ingest.samples import PartnerClient, archive_outcomes, archive_reports, seed_partner
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

PEPPER_OF_INGEST = "pepper-of-both-services"
_COPIES = {"duplicate", "conflict"}


def settings_of(dsns: Dsns) -> tuple[AccountingSettings, IngestSettings]:
    shared = {
        "event_log_url": dsns.event_log,
        "jwks_url": "http://accounts.test/jwks",
        "service_callers": SERVICE_CALLERS,
        "log_level": "ERROR",
    }
    its_own = {"service_key": SERVICE_KEYS["accounting"]}
    own = {
        "account_ref_pepper": PEPPER_OF_INGEST,
        "key_encryption_key": base64.b64encode(b"k" * 32).decode(),
        "webhook_allow_loopback": True,
    }
    return (
        AccountingSettings.model_validate({"database_url": dsns.app("accounting"), **shared, **its_own}),
        IngestSettings.model_validate({"database_url": dsns.app("ingest"), **shared, **own}),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What one reader is told of an event. `amount_mg` is what counts now: 0 after a reversal."""

    status: str
    reason_code: str | None = None
    amount_mg: int = 0


@dataclass
class BothServices:
    accounting: Accounting
    ingest: Database
    http: httpx.AsyncClient
    log: EventLog
    admin: "asyncpg.Connection[asyncpg.Record]"
    settings: IngestSettings
    reported: Reader

    @property
    def partner(self) -> PartnerClient:
        return PartnerClient(self.http, f"ak-{PARTNER}")

    async def push(self, *events: Any) -> str:
        """Send events over HTTP, then let both services read them from the log. Return the receipt."""
        answer = await self.partner.push(*events)
        assert not answer["rejected"], answer
        records = await self.reported.new_records()
        await self._read(records)
        return str(answer["receipt_id"])

    async def send(self, *reports: ActivityReported) -> None:
        """Reports as ingest publishes them, without the signed request."""
        await self._read(as_records(reports))

    async def _read(self, records: Sequence[Any]) -> None:
        async with self.ingest.transaction() as session:
            await archive_reports(session, records, time_zone=self.settings.time_zone)
        await self.accounting.post(*(record.value for record in records))

    async def sweep(self) -> None:
        """The timed jobs of accounting's worker, then ingest's archive."""
        await self.accounting.release()
        await self.archive_outcomes()

    async def archive_outcomes(self, *, newest_first: bool = False, shuffled_by: random.Random | None = None) -> None:
        """Move the outbox to the archive, each record in a poll of its own."""
        rows = await self.admin.fetch("DELETE FROM accounting.outbox RETURNING id, records")
        records = [record for row in sorted(rows, key=lambda row: row["id"]) for record in records_in(row["records"])]
        if shuffled_by is not None:
            shuffled_by.shuffle(records)
        for record in reversed(records) if newest_first else records:
            async with self.ingest.transaction() as session:
                await archive_outcomes(session, as_records([record.value]))

    # What each reader is told

    async def partner_view(self, event_id: str) -> Told:
        """`GET /ingest/events/{id}`, without HTTP."""
        async with self.ingest.transaction() as session:
            view = await archive.event_view(session, partner_id=PARTNER, event_id=event_id)
        return Told(view.status, view.reason_code, view.amount_mg or 0)

    async def receipt_view(self, receipt_id: uuid.UUID) -> dict[str, Told]:
        async with self.ingest.transaction() as session:
            view = await archive.receipt_view(session, partner_id=PARTNER, pepper="p", receipt_id=receipt_id)
        return {one.id: Told(one.status, one.reason_code, one.amount_mg or 0) for one in view.accepted_items}

    async def webhook_view(self) -> dict[str, tuple[int, Told]]:
        """The newest queued result of each event by its sequence, as a receiver keeps it. Copies are left out."""
        newest: dict[str, tuple[int, Told]] = {}
        for row in await self.admin.fetch("SELECT payload FROM ingest.webhook_delivery ORDER BY delivery_id"):
            for item in json.loads(row["payload"])["data"]:
                known = newest.get(item["id"])
                if item["status"] not in _COPIES and (known is None or known[0] < item["sequence"]):
                    told = Told(item["status"], item["reason_code"], item["amount_mg"])
                    newest[item["id"]] = (item["sequence"], told)
        return newest

    async def reconciled_mg(self) -> int:
        """The sum of all acts by the archive, as operators and reconciliation see it."""
        days = await self.admin.fetch(
            "SELECT DISTINCT occurred_on FROM ingest.reported_event WHERE occurred_on IS NOT NULL"
        )
        async with self.ingest.transaction() as session:
            sums = [
                one
                for row in days
                for one in await archive.sum_acts_of_day(
                    session, day=row[0], time_zone=self.settings.time_zone, partner_id=PARTNER
                )
            ]
        return sum(one.amount_mg for one in sums)


@asynccontextmanager
async def both_services(
    settings: tuple[AccountingSettings, IngestSettings], dsns: Dsns, tokens: TokenFactory, jwks: httpx.MockTransport
) -> AsyncIterator[BothServices]:
    """Run both applications on the database. Partners and methodologies are seeded."""
    ours, theirs = settings
    await seed_partners(theirs, json.dumps([seed_partner(PARTNER, late_window_s=30 * 86_400, cities=[])]).encode())
    first, second = create_accounting(ours, jwks_transport=jwks), create_ingest(theirs, jwks_transport=jwks)
    accounting, ingest = Database(ours.database_url, pool_size=4), Database(theirs.database_url, pool_size=2)
    log = open_event_log(theirs.event_log_url, client_id="both")
    async with (
        first.router.lifespan_context(first),
        second.router.lifespan_context(second),
        httpx.AsyncClient(transport=httpx.ASGITransport(first), base_url="http://accounting.test") as citizens,
        httpx.AsyncClient(transport=httpx.ASGITransport(second), base_url="http://ingest.test") as partners,
    ):
        await log.start()
        admin = await asyncpg.connect(dsns.admin)
        reader = Reader(log, topics.ACTIVITIES)
        both = BothServices(
            Accounting(ours, accounting, citizens, tokens), ingest, partners, log, admin, theirs, reader
        )
        try:
            await _register_webhook(both)
            async with asyncio.timeout(10):
                while (await partners.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
            await reader.mark()
            yield both
        finally:
            await admin.close()
            await log.stop()
            await accounting.stop()
            await ingest.stop()


async def _register_webhook(both: BothServices) -> None:
    async with both.ingest.transaction() as session:
        await deliveries.register_endpoint(
            session,
            partner_id=PARTNER,
            url="http://127.0.0.1:9/results",
            changed_by="test",
            sealer=sealer_of(both.settings.sealing_keys),
            allow_loopback=True,
            parked=True,
        )


async def empty_both(dsns: Dsns) -> None:
    """Delete all events of both services. Partners, methodologies and the webhook's address stay."""
    await empty_tables(dsns, "accounting", keep=LIBRARY_TABLES)
    connection = await connect_past_triggers(dsns)
    try:
        await connection.execute("TRUNCATE ingest.reported_event, ingest.webhook_delivery, ingest.webhook_attempt")
    finally:
        await connection.close()

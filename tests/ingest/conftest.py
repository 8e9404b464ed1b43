"""Fixtures: the whole ingest service over HTTP, on a real PostgreSQL and the embedded log."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.ingest.main import create_app
from services.ingest.seed import seed
from services.ingest.settings import Settings
from services.ingest.worker import build
from shared import clock
from shared.contracts import topics
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.eventlog import EventLog, EventLogError, Record, StoredRecord, TopicPartition, open_event_log
from tests.cloud_events import read_event
from tests.databases import Dsns, connect_past_triggers, make_database
from tests.ingest.operators import OperatorClient
from tests.ingest.receivers import Receiver, receiving
from tests.ingest.samples import ALGORITHM, PartnerClient, oauth_terms, secret_of, seed_partner
from tests.ingest.superuser import SEEDED, Ingest
from tests.tokens import SERVICE_CALLERS, TokenFactory

OAUTH = oauth_terms("s3cret-of-oauth")


def _key(app_key: str, **changes: Any) -> dict[str, Any]:
    return {"app_key": app_key, "algorithm": ALGORITHM, "secret": secret_of(app_key), **changes}


def partners() -> list[dict[str, Any]]:
    now = clock.now()
    future, past = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    return [
        seed_partner("bike"),
        seed_partner("metro", event_types=["transit.ridden"], phone_pepper="pepper-of-metro", oauth=OAUTH),
        seed_partner("anywhere", cities=[]),
        seed_partner("box", environment="sandbox"),
        seed_partner("rotating", keys=[_key("ak-later", not_before=future), _key("ak-ended", not_after=past)]),
        seed_partner("revoked"),
    ]


@pytest.fixture(scope="session")
def ingest_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "ingest_test", ["ingest"])


@pytest.fixture(scope="session")
def settings(ingest_dsns: Dsns) -> Settings:
    return Settings.model_validate(
        {
            "database_url": ingest_dsns.app("ingest"),
            "event_log_url": ingest_dsns.event_log,
            "jwks_url": "http://accounts.test/jwks.json",
            "service_callers": SERVICE_CALLERS,
            "account_ref_pepper": "pepper-of-the-tests-1234",
            "key_encryption_key": base64.b64encode(b"k" * 32).decode(),
            "log_level": "ERROR",
            "lease_s": 2,
            "webhook_allow_loopback": True,
            "import_lines_per_s": 1_000_000,
        }
    )


@pytest.fixture(scope="session")
async def seeded(settings: Settings) -> Settings:
    await seed(settings, json.dumps(partners()).encode())
    return settings


RunApp = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def run_app(jwks_transport: httpx.MockTransport) -> RunApp:
    """Run an application with its lifespan and give a client of it."""

    @asynccontextmanager
    async def run(settings: Settings, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        app: FastAPI = create_app(settings, jwks_transport=jwks_transport, **options)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
                yield client

    return run


@pytest.fixture(scope="session")
async def api(seeded: Settings, run_app: RunApp) -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(seeded) as client:
        yield client


@pytest.fixture
def operators(api: httpx.AsyncClient, tokens: TokenFactory) -> OperatorClient:
    return OperatorClient(api, tokens.operator(), tokens.operator(subject="operator-2"))


@pytest.fixture
def bike(api: httpx.AsyncClient) -> PartnerClient:
    return PartnerClient(api, "ak-bike")


@pytest.fixture
def box(api: httpx.AsyncClient) -> PartnerClient:
    """A sandbox partner: checked strictly, never published."""
    return PartnerClient(api, "ak-box")


@pytest.fixture
def metro(api: httpx.AsyncClient) -> PartnerClient:
    return PartnerClient(api, "ak-metro")


Settle = Callable[[Callable[[], Any]], Any]


@pytest.fixture(scope="session")
def settle() -> Settle:
    """Wait until an async condition is true. Fails after half a minute: the machine may be busy."""

    async def wait(condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not await condition():
                await asyncio.sleep(0.05)

    return wait


Outage = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def database_away(ingest_dsns: Dsns, api: httpx.AsyncClient, settle: Settle) -> Outage:
    """During the block no process of the service reaches its database. Afterwards all of them do again."""

    async def is_back() -> bool:
        return (await api.get("/readyz")).status_code == 200

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        admin = await asyncpg.connect(ingest_dsns.admin)
        try:
            await admin.execute("ALTER ROLE ingest NOLOGIN")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest'")
            yield
        finally:
            await admin.execute("ALTER ROLE ingest LOGIN")
            await admin.close()
            await settle(is_back)

    return away


class Reader:
    """Reads the records that were appended to a topic after `mark`."""

    def __init__(self, log: EventLog, topic: str) -> None:
        self._log, self._topic = log, topic
        self._positions: dict[TopicPartition, int] = {}

    async def mark(self) -> None:
        count = await self._log.partition_count(self._topic)
        self._positions = await self._log.end_offsets([TopicPartition(self._topic, n) for n in range(count)])

    async def new_records(self, *, are_ours: bool = True) -> list[StoredRecord]:
        """Read on. An official package must be able to read each record, unless a test wrote rubbish itself."""
        fetched = await self._log.fetch(self._positions, max_records=1000, max_wait_s=0.2)
        for tp, records in fetched.items():
            self._positions[tp] = records[-1].offset + 1
        records = [record for tp in sorted(fetched) for record in fetched[tp]]
        for record in records if are_ours else ():
            read_event(record.topic, record.key, record.value or b"", record.headers)
        return records


@pytest.fixture(scope="session")
async def log(seeded: Settings, api: httpx.AsyncClient) -> AsyncIterator[EventLog]:
    found = open_event_log(seeded.event_log_url, client_id="test")
    await found.start()
    async with asyncio.timeout(5):
        while (await api.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)
    yield found
    await found.stop()


@pytest.fixture
async def published(log: EventLog) -> Reader:
    reader = Reader(log, topics.ACTIVITIES)
    await reader.mark()
    return reader


@pytest.fixture
async def refusals(log: EventLog) -> Reader:
    reader = Reader(log, topics.REJECTIONS)
    await reader.mark()
    return reader


@pytest.fixture(scope="session")
async def worker(seeded: Settings) -> AsyncIterator[EventLog]:
    """Run the worker and give a log to publish verdicts with."""
    stopping = asyncio.Event()
    running = asyncio.create_task(build(seeded).run_until(stopping))
    log = open_event_log(seeded.event_log_url, client_id="judge")
    await log.start()
    async with asyncio.timeout(10):
        while True:
            try:
                await log.partition_count(topics.OUTCOMES)
                break
            except EventLogError:
                await asyncio.sleep(0.05)
    yield log
    stopping.set()
    await running
    await log.stop()


class Judge:
    """Publishes verdicts on the events of a receipt, in place of accounting."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def publish(self, receipt_id: str, index: int, event_id: str, status: Any, **more: Any) -> None:
        await self._publish([self._verdict(receipt_id, index, event_id, status, **more)])

    async def publish_all(self, verdicts: list[tuple[str, int, str, Any]]) -> None:
        """Publish many verdicts, each given as (receipt, index, event id, status)."""
        await self._publish([self._verdict(*one) for one in verdicts])

    def _verdict(self, receipt_id: str, index: int, event_id: str, status: Any, **more: Any) -> ActivityJudged:
        return ActivityJudged(
            activity_id=event_key("bike", event_id),
            partner_id="bike",
            event_id=event_id,
            receipt_id=uuid.UUID(receipt_id),
            index=index,
            status=status,
            judged_at=clock.now(),
            **more,
        )

    async def _publish(self, verdicts: list[ActivityJudged]) -> None:
        records = [Record(key=b"k", value=msgspec.json.encode(verdict)) for verdict in verdicts]
        await self._log.publish(topics.OUTCOMES, records)


@pytest.fixture
def judge(worker: EventLog) -> Judge:
    return Judge(worker)


@pytest.fixture(scope="session")
def records_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "ingest_records", ["ingest"])


@pytest.fixture
async def ingest(
    records_dsns: Dsns, settings: Settings, run_app: RunApp, tokens: TokenFactory
) -> AsyncIterator[Ingest]:
    admin = await connect_past_triggers(records_dsns)
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ingest' AND tablename !~ 'alembic'")
    await admin.execute(
        f"TRUNCATE {', '.join('ingest.' + row['tablename'] for row in tables)} RESTART IDENTITY CASCADE"
    )
    mine = settings.model_copy(
        update={"database_url": records_dsns.app("ingest"), "event_log_url": records_dsns.event_log}
    )
    await seed(mine, SEEDED)
    async with run_app(mine) as client:
        operators = OperatorClient(client, tokens.operator(), tokens.operator(subject="operator-2"))
        made = Ingest(mine, records_dsns, operators, admin)
        yield made
        await made.database.stop()
    await admin.close()


@pytest.fixture(params=["with triggers", "past triggers"])
async def superuser(request: pytest.FixtureRequest, records_dsns: Dsns) -> AsyncIterator[Any]:
    if request.param == "with triggers":
        connection = await asyncpg.connect(records_dsns.admin)
    else:
        connection = await connect_past_triggers(records_dsns)
    yield connection
    await connection.execute("NOTIFY ingest_partners")
    await connection.close()


@pytest.fixture
async def database(ingest_dsns: Dsns) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(ingest_dsns.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def fresh(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    """Start without addresses, deliveries and verdicts in the feed, and remove them after the test."""

    async def empty() -> None:
        for table in ("webhook_endpoint", "webhook_delivery", "outcome_feed", "outcome_block", "bulk_receipts"):
            await database.execute(f"DELETE FROM ingest.{table}")  # TRUNCATE would deadlock with the running worker

    await empty()
    yield
    await empty()


@pytest.fixture
async def receiver(fresh: None) -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found

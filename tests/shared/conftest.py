"""The plumbing tables in their own schema, and an embedded log."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import Database, metadata_for
from shared.eventlog import EventLog, open_event_log
from shared.ids import new_id
from shared.plumbing import add_plumbing_tables
from shared.settings import ServiceSettings
from tests.databases import Dsns, empty_tables, in_own_loop, make_database
from tests.tokens import SERVICE_CALLERS

SCHEMA = "plumbing"


@pytest.fixture(scope="session")
def plumbing_dsns(postgres_admin_dsn: str) -> Dsns:
    dsns = make_database(postgres_admin_dsn, "test_plumbing", [])

    async def create() -> None:
        metadata = metadata_for(SCHEMA)
        add_plumbing_tables(metadata)
        engine = create_async_engine(dsns.admin.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            await connection.execute(text(f"CREATE TABLE {SCHEMA}.seen (value text, worker text)"))
            await connection.run_sync(metadata.create_all)
        await engine.dispose()

    in_own_loop(create)
    return dsns


@pytest.fixture(scope="session")
def plumbing_settings(plumbing_dsns: Dsns) -> ServiceSettings:
    return ServiceSettings(
        database_url=plumbing_dsns.admin,
        event_log_url=plumbing_dsns.event_log,
        jwks_url="http://accounts.test/jwks",
        service_callers=SERVICE_CALLERS,
        lease_s=2,
        poll_records_max=50,
    )


@pytest.fixture
async def database(plumbing_settings: ServiceSettings, plumbing_dsns: Dsns) -> AsyncIterator[Database]:
    await empty_tables(plumbing_dsns, SCHEMA)
    database = Database(plumbing_settings.database_url)
    yield database
    await database.stop()


@pytest.fixture
async def log(plumbing_settings: ServiceSettings) -> AsyncIterator[EventLog]:
    log = open_event_log(plumbing_settings.event_log_url, client_id="test")
    await log.start()
    yield log
    await log.stop()


@pytest.fixture
async def topic(log: EventLog) -> str:
    name = f"test.{new_id()}"
    await log.ensure_topic(name, partitions=4)
    await log.ensure_topic(f"{name}.deadletter", partitions=1)
    return name


async def seen(dsns: Dsns) -> list[str]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        return [row["value"] for row in await connection.fetch(f"SELECT value FROM {SCHEMA}.seen")]
    finally:
        await connection.close()

"""Fixtures: the four services on one database of their own, and the two ways to them."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.contract.personal_data_page import SERVICES
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables, in_own_loop, make_database
from tests.privacy.city import City, run_city
from tests.privacy.ways import DIRECTLY, GATEWAY, Gateway, Way, open_gateway, way_to
from tests.tokens import TokenFactory

_KEPT = {
    "accounts": ["policy"],
    "ingest": ["partner", "partner_key", "partner_record", "audit_log", "approval", "archive_partition"],
    "accounting": list(LIBRARY_TABLES),
    "rewards": [],
}


@pytest.fixture(scope="session")
def city_dsns(postgres_admin_dsn: str) -> Dsns:
    dsns = make_database(postgres_admin_dsn, "privacy_test", SERVICES)
    in_own_loop(lambda: _log_long_waits(dsns))
    return dsns


async def _log_long_waits(dsns: Dsns) -> None:
    """Let the server log each wait for a lock of more than a second (its default `deadlock_timeout`)."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        await connection.execute(f'ALTER DATABASE "{dsns.name}" SET log_lock_waits = on')
    finally:
        await connection.close()


@pytest.fixture
async def city(city_dsns: Dsns, tokens: TokenFactory, jwks_transport: httpx.MockTransport) -> AsyncIterator[City]:
    for schema, kept in _KEPT.items():
        await empty_tables(city_dsns, schema, keep=kept)
    async with run_city(city_dsns, tokens, jwks_transport) as running:
        yield running


@pytest.fixture(scope="session")
async def gateway(tokens: TokenFactory, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with open_gateway(tokens, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


@pytest.fixture(params=[DIRECTLY, GATEWAY])
async def way(city: City, gateway: Gateway, request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    async with way_to(city, request.param, gateway) as found:
        yield found


@pytest.fixture
async def inside(city: City, gateway: Gateway) -> AsyncIterator[Way]:
    """The way past the gateway, for what no gateway knows."""
    async with way_to(city, DIRECTLY, gateway) as found:
        yield found


@pytest.fixture
async def outside(city: City, gateway: Gateway) -> AsyncIterator[Way]:
    """The way through the gateway, for what is asked of the gateway alone."""
    async with way_to(city, GATEWAY, gateway) as found:
        yield found

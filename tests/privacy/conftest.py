"""Fixtures: the four services on one database of their own."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.contract.personal_data_page import SERVICES
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables, make_database
from tests.privacy.city import City, run_city
from tests.tokens import TokenFactory

_KEPT = {
    "accounts": ["policy"],
    "ingest": ["partner", "partner_key", "partner_record", "audit_log", "approval", "archive_partition"],
    "accounting": list(LIBRARY_TABLES),
    "rewards": [],
}


@pytest.fixture(scope="session")
def city_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "privacy_test", SERVICES)


@pytest.fixture
async def city(city_dsns: Dsns, tokens: TokenFactory, jwks_transport: httpx.MockTransport) -> AsyncIterator[City]:
    for schema, kept in _KEPT.items():
        await empty_tables(city_dsns, schema, keep=kept)
    async with run_city(city_dsns, tokens, jwks_transport) as running:
        yield running

"""Fixtures: the accounting service on its own database, and clients of its routes."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.accounting import seed
from services.accounting.main import approvals_for, create_app
from services.accounting.methodologies.service import Library
from services.accounting.settings import Settings
from shared.db import Database
from tests.accounting.both_services import BothServices, both_services, empty_both, settings_of
from tests.accounting.driver import Accounting, publish_vesting_bus, remove_vesting_bus
from tests.accounting.holds import Holds
from tests.accounting.operators import LedgerOperators, Operators
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables, in_own_loop, make_database
from tests.fake_accounts import FakeAccounts
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory


@pytest.fixture(scope="session")
def accounting_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "test_accounting", ["accounting"])


# Receivers of captures that tests use.
RECEIVERS = ("redeemed:noodles", "redeemed:guozao", "donated:marathon", "donated:zero-carbon-marathon")


@pytest.fixture(scope="session")
def accounting_settings(accounting_dsns: Dsns) -> Settings:
    settings = Settings(
        database_url=accounting_dsns.app("accounting"),
        event_log_url=accounting_dsns.event_log,
        jwks_url="http://accounts.test/jwks",
        service_key=SERVICE_KEYS["accounting"],
        service_callers=SERVICE_CALLERS,
    )
    in_own_loop(lambda: seed.seed(settings))
    return settings


@pytest.fixture(scope="module")
def accounts() -> FakeAccounts:
    return FakeAccounts("accounting")


@pytest.fixture(scope="module")
async def accounting_app(
    accounting_settings: Settings, accounts: FakeAccounts, jwks_transport: httpx.MockTransport
) -> AsyncIterator[FastAPI]:
    """One application for a file: making it takes as long as most tests."""
    built = create_app(accounting_settings, accounts_transport=accounts, jwks_transport=jwks_transport)
    async with built.router.lifespan_context(built):
        yield built


@pytest.fixture(scope="module")
def accounting_database(accounting_settings: Settings) -> Database:
    """Keeps the compiled statements of a file. Each test opens connections of its own."""
    return Database(accounting_settings.database_url, pool_size=10)


@pytest.fixture
async def accounting(
    accounting_app: FastAPI,
    accounting_database: Database,
    accounting_settings: Settings,
    accounting_dsns: Dsns,
    accounts: FakeAccounts,
    tokens: TokenFactory,
) -> AsyncIterator[Accounting]:
    await empty_tables(accounting_dsns, "accounting", keep=LIBRARY_TABLES)
    accounts.reset()
    accounting_app.state.library = library = Library()
    accounting_app.state.approvals = approvals_for(accounting_settings, library)
    transport = httpx.ASGITransport(accounting_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://accounting.test") as client:
        driver = Accounting(accounting_settings, accounting_database, client, tokens)
        driver.accounts = accounts
        await driver.know_receivers(*RECEIVERS)
        yield driver
        check = await driver.check()
        assert check["ok"], check
    await accounting_database.stop()


@pytest.fixture
async def vesting_bus(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    await publish_vesting_bus(accounting.database)
    yield
    await remove_vesting_bus(accounting_dsns)


@pytest.fixture
async def admin(accounting_dsns: Dsns) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A superuser without triggers: it may do what the service and the owner of the tables may not."""
    connection = await connect_past_triggers(accounting_dsns)
    yield connection
    await connection.close()


@pytest.fixture
def holds(accounting: Accounting) -> Holds:
    return Holds(accounting)


@pytest.fixture
async def operators(
    accounting: Accounting, accounting_settings: Settings, accounting_dsns: Dsns
) -> AsyncIterator[Operators]:
    yield Operators(accounting)
    connection = await connect_past_triggers(accounting_dsns)
    try:
        await connection.execute(
            "TRUNCATE accounting.methodology_version, accounting.factor, accounting.library_journal"
        )
    finally:
        await connection.close()
    await seed.seed(accounting_settings)


@pytest.fixture
async def ready(operators: Operators) -> Operators:
    """Operators with the registered factor of the bus methodology."""
    await operators.factors()
    return operators


@pytest.fixture
def ledger_operators(accounting: Accounting) -> LedgerOperators:
    return LedgerOperators(accounting)


@pytest.fixture(scope="session")
def both_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "test_both", ["accounting", "ingest"])


@pytest.fixture
async def both(
    both_dsns: Dsns, tokens: TokenFactory, jwks_transport: httpx.MockTransport
) -> AsyncIterator[BothServices]:
    settings = settings_of(both_dsns)
    in_own_loop(lambda: seed.seed(settings[0]))
    await empty_both(both_dsns)
    async with both_services(settings, both_dsns, tokens, jwks_transport) as running:
        yield running
        check = await running.accounting.check()
        assert check["ok"], check

"""A client for operators. Each test ends by restoring the shipped library."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.accounting import seed
from services.accounting.settings import Settings
from tests.accounting.conftest import Accounting
from tests.accounting.publishing.operators import Operators
from tests.databases import Dsns


@pytest.fixture
async def operators(
    accounting: Accounting, accounting_settings: Settings, accounting_dsns: Dsns
) -> AsyncIterator[Operators]:
    yield Operators(accounting)
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        await connection.execute("TRUNCATE accounting.methodology_version, accounting.factor")
    finally:
        await connection.close()
    await seed.seed(accounting_settings)


@pytest.fixture
async def ready(operators: Operators) -> Operators:
    """Operators, with the factor of the bus methodology registered."""
    await operators.factors()
    return operators

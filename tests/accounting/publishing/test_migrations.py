"""The tables in the code are those that the migrations make."""

import asyncio

from shared import migrations
from tests.databases import Dsns


async def test_code_and_database_agree(accounting_dsns: Dsns) -> None:
    await asyncio.to_thread(migrations.check, "accounting", accounting_dsns.owner("accounting"))

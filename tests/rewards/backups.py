"""The real accounting service behind rewards, and backups of one service."""

from typing import Any

import httpx

from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables
from tests.rewards.fake_accounting import FaultyNetwork, Ledger


class RealAccounting(FaultyNetwork):
    """The network to the real accounting service, with the faults of the fake one."""

    def __init__(self, app: Any) -> None:
        super().__init__(Ledger())
        self._inner = httpx.ASGITransport(app)


class Backup:
    """A copy of all rows of one schema."""

    def __init__(self, dsns: Dsns, schema: str) -> None:
        self._dsns, self._schema = dsns, schema

    async def take(self) -> None:
        await self._run("CREATE TABLE backup.{t} AS TABLE {s}.{t}", before="CREATE SCHEMA backup")

    async def restore(self) -> None:
        await empty_tables(self._dsns, self._schema, keep=LIBRARY_TABLES)
        await self._run("INSERT INTO {s}.{t} OVERRIDING SYSTEM VALUE TABLE backup.{t} ON CONFLICT DO NOTHING")

    async def drop(self) -> None:
        connection = await connect_past_triggers(self._dsns)
        await connection.execute("DROP SCHEMA IF EXISTS backup CASCADE")
        await connection.close()

    async def _run(self, statement: str, before: str = "SELECT 1") -> None:
        connection = await connect_past_triggers(self._dsns)
        await connection.execute(before)
        for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", self._schema):
            await connection.execute(statement.format(s=self._schema, t=row["tablename"]))
        await connection.close()

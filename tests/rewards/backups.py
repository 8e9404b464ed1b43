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
        await self._run(
            "INSERT INTO {s}.{t} ({c}) OVERRIDING SYSTEM VALUE SELECT {c} FROM backup.{t} ON CONFLICT DO NOTHING"
        )

    async def drop(self) -> None:
        connection = await connect_past_triggers(self._dsns)
        await connection.execute("DROP SCHEMA IF EXISTS backup CASCADE")
        await connection.close()

    async def _run(self, statement: str, before: str = "SELECT 1") -> None:
        connection = await connect_past_triggers(self._dsns)
        await connection.execute(before)
        # The database computes generated columns itself, and takes no values for them.
        tables = await connection.fetch(
            "SELECT tablename, string_agg(quote_ident(column_name), ', ') AS columns FROM pg_tables"
            " JOIN information_schema.columns ON table_schema = schemaname AND table_name = tablename"
            " WHERE schemaname = $1 AND is_generated = 'NEVER' GROUP BY 1",
            self._schema,
        )
        for row in tables:
            await connection.execute(statement.format(s=self._schema, t=row["tablename"], c=row["columns"]))
        await connection.close()

"""Test databases: the roles, schemas and migrations of production, on a throw-away cluster."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import asyncpg

from deploy.local.database import create_test_database, role_dsn
from shared import migrations


def in_own_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs a coroutine to its end beside whatever loop the test session has."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(work())).result()


@dataclass(frozen=True)
class Dsns:
    """Addresses of one test database, by role."""

    admin_server: str
    name: str

    def app(self, service: str) -> str:
        return role_dsn(self.admin_server, service, service, self.name)

    def owner(self, service: str) -> str:
        return role_dsn(self.admin_server, f"{service}_owner", f"{service}_owner", self.name)

    @property
    def event_log(self) -> str:
        return role_dsn(self.admin_server, "eventlog", "eventlog", self.name)

    @property
    def admin(self) -> str:
        return self.admin_server.rsplit("/", 1)[0] + f"/{self.name}"


# The published methodologies with their approvals, and the receivers of captures: a test that empties the rest of
# accounting keeps them.
LIBRARY_TABLES = ("methodology_version", "factor", "library_journal", "capture_target")


def make_database(admin_dsn: str, name: str, services: Iterable[str]) -> Dsns:
    """A fresh database with the migrations of `services` applied."""
    in_own_loop(lambda: create_test_database(admin_dsn, name))
    dsns = Dsns(admin_dsn, name)
    for service in services:
        with ThreadPoolExecutor(1) as executor:
            executor.submit(migrations.upgrade, service, dsns.owner(service)).result()
    return dsns


async def connect_past_triggers(dsns: Dsns) -> "asyncpg.Connection[asyncpg.Record]":
    """A superuser whom no trigger stops: changes what nobody else can, to see that it is found."""
    return await asyncpg.connect(dsns.admin, server_settings={"session_replication_role": "replica"})


async def empty_tables(dsns: Dsns, schema: str, keep: Iterable[str] = ()) -> None:
    """Empties the tables of a schema between two tests, except those that migrations fill and those in `keep`.

    TRUNCATE makes new files for a table and each of its indexes. Most tables are empty, and looking costs a tenth.
    """
    connection = await connect_past_triggers(dsns)
    try:
        rows = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> ALL($2::text[])",
            schema,
            ["alembic_version", "posting_rule", *keep],
        )
        names = [f'"{schema}"."{row["tablename"]}"' for row in rows]
        looks = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names]
        filled = [row[0] for row in await connection.fetch(" UNION ALL ".join(looks))] if looks else []
        if filled:
            await connection.execute(f"TRUNCATE {', '.join(filled)} RESTART IDENTITY CASCADE")
    finally:
        await connection.close()

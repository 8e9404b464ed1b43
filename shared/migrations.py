"""The Alembic runner of the four services. Each has its own history, schema, version table and owner role.

python -m shared.migrations upgrade accounts ingest accounting rewards
python -m shared.migrations check accounts
"""

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

SERVICES = ("accounts", "ingest", "accounting", "rewards")
AfterUpgrade = Callable[[Connection], None]
_ROOT = Path(__file__).resolve().parent.parent
# While a migration waits for a lock, every request behind it waits as well.
_LOCK_TIMEOUT = "5s"
# Two migrations of one schema change the same rows of the catalogue: the second waits for the first. No request waits
# behind this lock. Longer than any migration, so that only a hung one fails a deployment.
_TURN_TIMEOUT_S = 600.0
_TURN_POLL_S = 0.2
TURN_LOCK = 20_261_127  # distinguishes this advisory lock from others in the database


def config_for(service: str, dsn: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations").replace("%", "%%"))
    config.attributes["service"] = service
    config.attributes["dsn"] = dsn
    return config


def run_env(after_upgrade: AfterUpgrade | None = None) -> None:
    """The body of every service's `env.py`. It sees one schema only, so it cannot drop tables of another service.

    `after_upgrade` runs in the transaction of every upgrade, after its migrations: for reference rows kept in code.
    """
    attributes = context.config.attributes
    service: str = attributes["service"]
    metadata: MetaData = importlib.import_module(f"services.{service}.tables").metadata
    last = after_upgrade if attributes.get("upgrading") else None
    asyncio.run(_run(service, str(attributes["dsn"]), metadata, last))


async def _run(service: str, dsn: str, metadata: MetaData, last: AfterUpgrade | None) -> None:
    engine = create_async_engine(
        dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
        poolclass=pool.NullPool,
        # If the owner's search path named the schema, PostgreSQL would report its tables without a schema, and the
        # comparison with the code would find all of them missing.
        connect_args={"server_settings": {"search_path": "pg_catalog"}},
    )
    try:
        async with engine.connect() as connection:
            await _wait_for_turn(connection, service)
            await connection.run_sync(_migrate, service, metadata, last)
            await connection.commit()
    finally:
        await engine.dispose()


async def _wait_for_turn(connection: AsyncConnection, service: str) -> None:
    """Take the lock of the schema's migrations. The end of the session releases it, not the end of a transaction.

    It is tried again and again: a waiting statement would hold a snapshot, and CREATE INDEX CONCURRENTLY of the
    migration before would wait for that one. Raises CommandError.
    """
    values = {"turn": TURN_LOCK, "service": service}
    try:
        async with asyncio.timeout(_TURN_TIMEOUT_S):
            while not await connection.scalar(text("SELECT pg_try_advisory_lock(:turn, hashtext(:service))"), values):
                await connection.rollback()
                await asyncio.sleep(_TURN_POLL_S)
    except TimeoutError as exc:
        raise CommandError(f"another migration of {service} has been running for {_TURN_TIMEOUT_S:.0f} s") from exc
    await connection.commit()  # what follows must see what the migration before has committed


def _migrate(connection: Connection, service: str, metadata: MetaData, last: AfterUpgrade | None) -> None:
    connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{service}"'))
    connection.execute(text(f'GRANT USAGE ON SCHEMA "{service}" TO "{service}"'))
    for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        connection.execute(
            text(f'ALTER DEFAULT PRIVILEGES IN SCHEMA "{service}" GRANT {rights} ON {kind} TO "{service}"')
        )
    # Partitions are made and dropped over time. The code declares only their parent tables.
    partitions = set(
        connection.scalars(
            text("SELECT relname FROM pg_class WHERE relispartition AND relnamespace = to_regnamespace(:schema)"),
            {"schema": f'"{service}"'},
        )
    )
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=service,
        include_schemas=True,
        include_name=lambda name, kind, _parents: name == service if kind == "schema" else name not in partitions,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
        if last is not None:
            last(connection)


def upgrade(service: str, dsn: str) -> None:
    """Migrate the schema of one service to its newest version. Waits while another process migrates it."""
    config = config_for(service, dsn)
    config.attributes["upgrading"] = True
    command.upgrade(config, "head")


def check(service: str, dsn: str) -> None:
    """Raise CommandError if the tables in the code and in the database differ."""
    command.check(config_for(service, dsn))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.migrations")
    parser.add_argument("action", choices=["upgrade", "check"])
    parser.add_argument("services", nargs="+", choices=SERVICES)
    options = parser.parse_args(arguments)
    for service in options.services:
        variable = f"{service.upper()}_MIGRATION_DATABASE_URL"
        dsn = os.environ.get(variable)
        if not dsn:
            print(f"缺少环境变量 {variable} is not set", file=sys.stderr)
            return 2
        try:
            (upgrade if options.action == "upgrade" else check)(service, dsn)
        except CommandError as exc:
            print(f"{service}: {exc}", file=sys.stderr)
            return 1
        print(f"{service}: {options.action} ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

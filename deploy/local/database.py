"""Database, roles and schemas of the platform: what a database administrator prepares before the first migration.

Each service S has the schema S, the role `S_owner` that owns it and runs its migrations, and the role `S` its processes
use: it may read and write rows there, may not change tables, and sees nothing of the other schemas. A migration takes
single rights away again where the rules ask for it (postings are INSERT only). The embedded event log has the role and
schema `eventlog`; it makes its own tables.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

SERVICES = ("accounts", "ingest", "accounting", "rewards")
EVENT_LOG = "eventlog"
DATABASE = "carbon"
ROLES = (*(f"{service}_owner" for service in SERVICES), *SERVICES, EVENT_LOG)

APP_LIMITS = {
    "lock_timeout": "5s",  # a request waiting longer for a row is better answered 503 and tried again
    "statement_timeout": "30s",  # below the gateway's 60 s, so that nobody works for a client that has gone
    "idle_in_transaction_session_timeout": "30s",  # a cancelled request must not keep its row locks
}
OWNER_LIMITS = {"lock_timeout": "5s"}  # a migration that waits for a lock queues every request behind it
BOOTSTRAP_LOCK = 0x636172626F6E  # advisory: two starters at once would both try to create the roles


async def bootstrap(admin_dsn: str, passwords: Mapping[str, str], database: str = DATABASE) -> None:
    """Creates what is missing, sets passwords and limits anew; can be run at every start.

    `passwords`: role name to password, for every name in ROLES. `admin_dsn`: a superuser, any database.
    """
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", BOOTSTRAP_LOCK)
        await _roles(admin, passwords)
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await admin.execute(f"CREATE DATABASE {_name(database)}")
        inside = await asyncpg.connect(with_database(admin_dsn, database))
        try:
            async with inside.transaction():
                await _schemas(inside, database)
        finally:
            await inside.close()
    finally:
        await admin.close()


async def create_test_database(
    admin_dsn: str, name: str, passwords: Mapping[str, str] | None = None, template: str | None = None
) -> None:
    """A database with all roles and schemas under another name, dropped first if it is there.

    Without `passwords` every role gets its own name as password (on a cluster that trusts local connections nobody asks
    for it). `template`: copy this prepared, at the moment unused database instead, which takes some 50 ms.
    """
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {_name(name)} WITH (FORCE)")
        if template is not None:
            await admin.execute(f"CREATE DATABASE {_name(name)} TEMPLATE {_name(template)}")
            await _admit_roles(admin, name)
    finally:
        await admin.close()
    if template is None:
        await bootstrap(admin_dsn, passwords or {role: role for role in ROLES}, name)


def with_database(dsn: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


def role_dsn(admin_dsn: str, role: str, password: str, database: str = DATABASE) -> str:
    """URL of a role on the server of `admin_dsn`."""
    parts = urlsplit(admin_dsn)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}@{place}"
    return urlunsplit(parts._replace(netloc=login, path=f"/{quote(database, safe='')}"))


async def _roles(admin: "asyncpg.Connection[asyncpg.Record]", passwords: Mapping[str, str]) -> None:
    present = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        if role not in present:
            await admin.execute(f"CREATE ROLE {_name(role)} LOGIN")
        await admin.execute(
            f"ALTER ROLE {_name(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {_literal(passwords[role])}"
        )
        owner = role.endswith("_owner")
        for setting, value in (OWNER_LIMITS if owner else APP_LIMITS).items():
            await admin.execute(f"ALTER ROLE {_name(role)} SET {setting} = {_literal(value)}")
        schema = role.removesuffix("_owner")
        await admin.execute(f"ALTER ROLE {_name(role)} SET search_path = {_name(schema)}")


async def _schemas(inside: "asyncpg.Connection[asyncpg.Record]", database: str) -> None:
    await _admit_roles(inside, database)
    await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for service in SERVICES:
        schema, app, owner = _name(service), _name(service), _name(f"{service}_owner")
        await inside.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
        await inside.execute(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
        await inside.execute(f"GRANT USAGE ON SCHEMA {schema} TO {app}")
        for grant in (
            "SELECT, INSERT, UPDATE, DELETE ON TABLES",
            "USAGE, SELECT ON SEQUENCES",
            "EXECUTE ON FUNCTIONS",
        ):
            await inside.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {grant} TO {app}")
        await inside.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    await inside.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(EVENT_LOG)} AUTHORIZATION {_name(EVENT_LOG)}")
    await inside.execute(f"REVOKE ALL ON SCHEMA {_name(EVENT_LOG)} FROM PUBLIC")


async def _admit_roles(admin: "asyncpg.Connection[asyncpg.Record]", database: str) -> None:
    """Rights on a database are not copied from a template, those inside it are."""
    await admin.execute(f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC")
    names = ", ".join(_name(role) for role in ROLES)
    await admin.execute(f"GRANT CONNECT ON DATABASE {_name(database)} TO {names}")
    # Migrations say CREATE SCHEMA IF NOT EXISTS, for which the right is asked even when the schema is there.
    owners = ", ".join(_name(f"{service}_owner") for service in SERVICES)
    await admin.execute(f"GRANT CREATE ON DATABASE {_name(database)} TO {owners}")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        raise ValueError("backslash or NUL in a value for a role")
    return "'" + text.replace("'", "''") + "'"

"""Database, roles and schemas of the platform, as an administrator prepares them before the first migration.

Each service S has the schema S and two roles. `S_owner` owns the schema and runs its migrations. The processes use
`S`, which reads and writes rows, may not change tables, and sees no other schema. A migration revokes single rights
where the rules demand it (postings are INSERT only). The embedded event log has the role and schema `eventlog` and
creates its own tables.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

SERVICES = ("accounts", "ingest", "accounting", "rewards")
EVENT_LOG = "eventlog"
DATABASE = "carbon"
ROLES = (*(f"{service}_owner" for service in SERVICES), *SERVICES, EVENT_LOG)

APP_LIMITS = {
    "lock_timeout": "5s",  # a request that waits longer for a row is answered 503 and repeated
    "statement_timeout": "30s",  # below the gateway's 60 s: no work for a client that has gone
    "idle_in_transaction_session_timeout": "30s",  # frees the row locks of a cancelled request
}
OWNER_LIMITS = {"lock_timeout": "5s"}  # a migration that waits for a lock blocks every request behind it
BOOTSTRAP_LOCK = 0x636172626F6E  # advisory: two starts at once would both create the roles


async def bootstrap(admin_dsn: str, passwords: Mapping[str, str], database: str = DATABASE) -> None:
    """Create missing roles, database and schemas; set passwords and limits again. Safe to run at every start.

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
    """Create a database with all roles and schemas under another name. An existing one is dropped first.

    Without `passwords` every role gets its own name as password; a cluster that trusts local connections ignores it.
    `template`: copy this prepared database, which must have no connections. The copy takes some 50 ms.
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
    """Return the URL of another database with the same server and user."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


def role_dsn(admin_dsn: str, role: str, password: str, database: str = DATABASE) -> str:
    """Return the URL of a role on the server of `admin_dsn`."""
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
    """Grant the rights on the database. A template passes on only the rights inside it."""
    await admin.execute(f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC")
    names = ", ".join(_name(role) for role in ROLES)
    await admin.execute(f"GRANT CONNECT ON DATABASE {_name(database)} TO {names}")
    # Migrations run CREATE SCHEMA IF NOT EXISTS, which needs this right even if the schema exists.
    owners = ", ".join(_name(f"{service}_owner") for service in SERVICES)
    await admin.execute(f"GRANT CREATE ON DATABASE {_name(database)} TO {owners}")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        raise ValueError("backslash or NUL in a value for a role")
    return "'" + text.replace("'", "''") + "'"

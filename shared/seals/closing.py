"""When a day is closed, and which transaction may seal it."""

from datetime import datetime

from shared.db import Connection


async def settled_before(connection: Connection) -> datetime:
    """Return a time before which no row can appear any more: all transactions that began earlier have ended.

    The time of a row is the start of its transaction. Only the role of this service writes, and a role sees its own
    sessions. One second is subtracted for a transaction that has its start time but is not listed yet.
    """
    moment: datetime = await connection.fetchval(
        "SELECT least(min(xact_start), statement_timestamp() - interval '1 second') FROM pg_stat_activity"
        " WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    return moment


async def try_lock(connection: Connection, name: str) -> bool:
    """Try to take the lock `name` until the end of the transaction. Return whether it succeeded."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", name))

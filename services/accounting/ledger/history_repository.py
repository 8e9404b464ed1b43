"""SQL that reads postings in the order of time, for seals, counts and checks."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from shared.db import Connection

_COLUMNS = """SELECT posting_id, posted_at, kind, debit_account_id, credit_account_id, amount_mg, activity_id, hold_id,
    reverses_posting_id, requested_by FROM accounting.posting """
_FIRST_POSTINGS = 10_000  # ids are in the order of time up to the length of a transaction, so the first is among these


async def settled_before(connection: Connection) -> datetime:
    """All transactions that began earlier than this have ended: no posting can still appear with an earlier time.

    A posting's time is the start of its transaction. Sessions of one's own role are visible to it, and only this role
    posts. The second taken off covers a transaction that has its start time and is not shown yet.
    """
    moment: datetime = await connection.fetchval(
        "SELECT least(min(xact_start), statement_timestamp() - interval '1 second') FROM pg_stat_activity"
        " WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    return moment


async def first_posted_at(connection: Connection) -> datetime | None:
    found: datetime | None = await connection.fetchval(
        "SELECT min(posted_at) FROM"
        " (SELECT posted_at FROM accounting.posting ORDER BY posting_id LIMIT $1) AS earliest",
        _FIRST_POSTINGS,
    )
    return found


async def postings_between(
    connection: Connection, begin: datetime, end: datetime, batch: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Postings with begin <= posted_at < end in their canonical order, a batch at a time."""
    cursor = await connection.cursor(
        _COLUMNS + "WHERE posted_at >= $1 AND posted_at < $2 ORDER BY posted_at, posting_id", begin, end
    )
    while rows := await cursor.fetch(batch):
        yield rows


async def postings_from(
    connection: Connection, first_at: datetime, first_id: uuid.UUID, last_at: datetime, limit: int
) -> Sequence[asyncpg.Record]:
    """At most `limit` postings from this one on in canonical order, none later than `last_at`."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        _COLUMNS + "WHERE posted_at >= $1 AND posted_at <= $3 AND (posted_at, posting_id) >= ($1, $2)"
        " ORDER BY posted_at, posting_id LIMIT $4",
        first_at,
        first_id,
        last_at,
        limit,
    )
    return rows


async def credit_of(connection: Connection, activity_id: uuid.UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(_COLUMNS + "WHERE activity_id = $1 AND kind = 'credit'", activity_id)


async def count_before(connection: Connection, moment: datetime) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM accounting.posting WHERE posted_at < $1", moment))


async def try_lock(connection: Connection, name: str) -> bool:
    """Whether this transaction is now the only one doing `name`."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", name))


# A reversal may be two postings, from the person and from the debt, of one transaction and so of one time.
_ACTS = """
    SELECT account_id, sum(acts)::bigint, sum(seen)::bigint FROM (
        SELECT debit_account_id AS account_id, count(*) AS acts, count(*) AS seen FROM accounting.posting
        WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'credit' GROUP BY 1
        UNION ALL SELECT credit_account_id, -count(DISTINCT activity_id), count(DISTINCT activity_id)
        FROM accounting.posting
        WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'reversal' GROUP BY 1) moved GROUP BY 1 ORDER BY 1"""


async def acts_between(connection: Connection, begin: datetime, end: datetime) -> Sequence[asyncpg.Record]:
    """(issuance account, acts credited less acts reversed, acts seen) of postings in [begin, end)."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(_ACTS, begin, end)
    return rows

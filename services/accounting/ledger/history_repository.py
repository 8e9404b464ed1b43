"""SQL that reads postings in time order, for seals, counts and checks."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from shared.db import Connection

_COLUMNS = """SELECT posting_id, posted_at, kind, debit_account_id, credit_account_id, amount_mg, activity_id, hold_id,
    reverses_posting_id, requested_by FROM accounting.posting """
# Posting ids grow with time, except for the length of a transaction. So the earliest posting is among the first ids.
_FIRST_POSTINGS = 10_000


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
    """Yield batches of postings with begin <= posted_at < end, in canonical order."""
    cursor = await connection.cursor(
        _COLUMNS + "WHERE posted_at >= $1 AND posted_at < $2 ORDER BY posted_at, posting_id", begin, end
    )
    while rows := await cursor.fetch(batch):
        yield rows


async def credit_of(connection: Connection, activity_id: uuid.UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(_COLUMNS + "WHERE activity_id = $1 AND kind = 'credit'", activity_id)


async def count_before(connection: Connection, moment: datetime) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM accounting.posting WHERE posted_at < $1", moment))


# A reversal has up to two postings, from the person and from the debt, with the same time.
_ACTS = """
    SELECT account_id, sum(acts)::bigint, sum(seen)::bigint FROM (
        SELECT debit_account_id AS account_id, count(*) AS acts, count(*) AS seen FROM accounting.posting
        WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'credit' GROUP BY 1
        UNION ALL SELECT credit_account_id, -count(DISTINCT activity_id), count(DISTINCT activity_id)
        FROM accounting.posting
        WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'reversal' GROUP BY 1) moved GROUP BY 1 ORDER BY 1"""


async def acts_between(connection: Connection, begin: datetime, end: datetime) -> Sequence[asyncpg.Record]:
    """Return (issuance account, credited minus reversed acts, acts read) of postings in [begin, end)."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(_ACTS, begin, end)
    return rows


async def largest_credits(
    connection: Connection, begin: datetime, end: datetime, limit: int
) -> Sequence[asyncpg.Record]:
    """Return the largest credits posted in [begin, end). A pending credit has the account of its owner."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "SELECT p.posting_id AS entry_id, p.posted_at AS at, coalesce(a.owner_id, p.credit_account_id) AS account_id,"
        " p.amount_mg, 1 AS acts, p.activity_id"
        " FROM (SELECT * FROM accounting.posting WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'credit'"
        "  ORDER BY amount_mg DESC, posting_id LIMIT $3) p"
        " LEFT JOIN accounting.ledger_account a ON a.account_id = p.credit_account_id",
        begin,
        end,
        limit,
    )
    return rows


async def largest_receivers(
    connection: Connection, begin: datetime, end: datetime, limit: int
) -> Sequence[asyncpg.Record]:
    """Return the accounts that were credited most in [begin, end), with their sums, pending credits included."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "WITH credited AS (SELECT credit_account_id, sum(amount_mg)::bigint AS amount_mg, count(*) AS acts"
        "  FROM accounting.posting WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'credit' GROUP BY 1),"
        " owned AS (SELECT coalesce(a.owner_id, c.credit_account_id) AS account_id, sum(c.amount_mg) AS amount_mg,"
        "  sum(c.acts) AS acts FROM credited c LEFT JOIN accounting.ledger_account a"
        "  ON a.account_id = c.credit_account_id AND a.kind = 'pending' GROUP BY 1)"
        " SELECT account_id AS entry_id, $1::timestamptz AS at, account_id, amount_mg::bigint, acts::int,"
        "  NULL::uuid AS activity_id FROM owned ORDER BY owned.amount_mg DESC, account_id LIMIT $3",
        begin,
        end,
        limit,
    )
    return rows


async def arrivals(
    connection: Connection, people: Sequence[uuid.UUID], *, first_id: uuid.UUID, since: datetime, until: datetime
) -> Sequence[asyncpg.Record]:
    """Return (account, milligrams, acts) that became available in [since, until). Ids from `first_id` on are read."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "SELECT credit_account_id, sum(amount_mg)::bigint, count(*)::int FROM accounting.posting"
        " WHERE credit_account_id = ANY($1::uuid[]) AND posting_id >= $2 AND posted_at >= $3 AND posted_at < $4"
        " AND kind IN ('credit', 'vest') GROUP BY 1 ORDER BY 1",
        list(people),
        first_id,
        since,
        until,
    )
    return rows

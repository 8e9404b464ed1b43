"""SQL that reads the ledger to check it: postings in the order of time, increments of balances, differences."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg

from services.accounting.ledger.repository import _CHECK, WAIT_S

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

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


async def lock(connection: Connection, name: str) -> bool:
    """Whether this transaction is now the only one doing `name`."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", name))


async def begin_checking(connection: Connection, moment: datetime) -> None:
    await connection.execute(
        "INSERT INTO accounting.ledger_check_state (began_at, checked_before) VALUES ($1, $1) ON CONFLICT DO NOTHING",
        moment,
    )


async def checked_before(connection: Connection) -> datetime:
    moment: datetime = await connection.fetchval("SELECT checked_before FROM accounting.ledger_check_state")
    return moment


# One statement is one snapshot. What the balances hold of postings at or after the new mark is taken off again, so that
# both sides speak of the same postings; everything before the mark has settled.
_INCREMENT = """
WITH sides AS (
    SELECT credit_account_id AS account_id, posted_at, amount_mg AS mg FROM accounting.posting WHERE posted_at >= $1
    UNION ALL SELECT debit_account_id, posted_at, -amount_mg FROM accounting.posting WHERE posted_at >= $1
), moved AS (
    SELECT account_id, coalesce(sum(mg) FILTER (WHERE posted_at < $2), 0) AS before_mg,
        coalesce(sum(mg) FILTER (WHERE posted_at >= $2), 0) AS after_mg, bool_or(posted_at < $2) AS touched
    FROM sides GROUP BY account_id
), looked_at AS (
    SELECT account_id FROM moved WHERE touched
    UNION SELECT account_id FROM accounting.ledger_checkpoint WHERE drift_mg <> 0
), compared AS (
    SELECT account_id, coalesce(a.balance_mg, 0) - coalesce(m.after_mg, 0) AS actual_mg,
        CASE WHEN c.account_id IS NOT NULL THEN c.postings_mg + coalesce(m.before_mg, 0)
             WHEN a.created_at >= s.began_at OR a.account_id IS NULL THEN m.before_mg END AS expected_mg
    FROM looked_at CROSS JOIN accounting.ledger_check_state s
    LEFT JOIN moved m USING (account_id) LEFT JOIN accounting.ledger_account a USING (account_id)
    LEFT JOIN accounting.ledger_checkpoint c USING (account_id)
)
INSERT INTO accounting.ledger_checkpoint AS c (account_id, postings_mg, drift_mg)
SELECT account_id, coalesce(expected_mg, actual_mg), actual_mg - coalesce(expected_mg, actual_mg) FROM compared
ON CONFLICT (account_id) DO UPDATE SET postings_mg = EXCLUDED.postings_mg, drift_mg = EXCLUDED.drift_mg"""


async def check_increment(connection: Connection, begin: datetime, end: datetime) -> None:
    """Moves the checkpoints of all accounts touched in [begin, end) and of those that drifted."""
    await connection.execute(_INCREMENT, begin, end)
    await connection.execute("UPDATE accounting.ledger_check_state SET checked_before = $1", end)


async def drift_mg(connection: Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT coalesce(sum(abs(drift_mg)), 0) FROM accounting.ledger_checkpoint WHERE drift_mg <> 0"
        )
    )


_LISTED = {
    "balances_differing": "account_id::text AS name, coalesce(a.balance_mg, 0) AS stored, coalesce(s.mg, 0) AS rebuilt",
    "caps_differing": "concat_ws(' ', account_id, cap_id, period_start) AS name,"
    " coalesce(u.amount_mg, 0) AS stored, coalesce(s.mg, 0) AS rebuilt",
}


async def differences(connection: Connection, check: str, limit: int) -> Sequence[Any]:
    """The rows behind a count of the ledger check: (name, stored, rebuilt) milligrams."""
    listing = _CHECK[check].replace("SELECT count(*)", f"SELECT {_LISTED[check]}", 1)
    rows: Sequence[Any] = await connection.fetch(f"{listing} ORDER BY 1 LIMIT $1", limit, timeout=WAIT_S)
    return rows


async def counted_before(connection: Connection) -> datetime | None:
    moment: datetime | None = await connection.fetchval("SELECT counted_before FROM accounting.credit_count_state")
    return moment


# A reversal may be two postings, from the person and from the debt, of one transaction and so of one time.
_COUNT = """
WITH moved AS (
    SELECT debit_account_id AS account_id, count(*) AS acts FROM accounting.posting
    WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'credit' GROUP BY 1
    UNION ALL SELECT credit_account_id, -count(DISTINCT activity_id) FROM accounting.posting
    WHERE posted_at >= $1 AND posted_at < $2 AND kind = 'reversal' GROUP BY 1
), counted AS (
    INSERT INTO accounting.credit_count AS c (account_id, acts)
    SELECT account_id, sum(acts) FROM moved GROUP BY 1
    ON CONFLICT (account_id) DO UPDATE SET acts = c.acts + EXCLUDED.acts
)
SELECT coalesce(sum(abs(acts)), 0)::bigint FROM moved"""


async def count_credits(connection: Connection, begin: datetime, end: datetime) -> int:
    """Adds what was posted in [begin, end), all of it settled; returns how many credits and reversals that was."""
    found = int(await connection.fetchval(_COUNT, begin, end))
    await connection.execute(
        "INSERT INTO accounting.credit_count_state (counted_before) VALUES ($1)"
        " ON CONFLICT (id) DO UPDATE SET counted_before = EXCLUDED.counted_before",
        end,
    )
    return found


async def credit_counts(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = await connection.fetch(
        "SELECT account_id, acts FROM accounting.credit_count WHERE account_id = ANY($1::uuid[])", list(account_ids)
    )
    return {row[0]: row[1] for row in rows}

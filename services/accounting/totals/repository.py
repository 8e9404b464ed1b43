"""SQL of totals."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from shared.db import Connection


async def counted_before(connection: Connection) -> datetime | None:
    moment: datetime | None = await connection.fetchval("SELECT counted_before FROM accounting.credit_count_state")
    return moment


async def add_counts(connection: Connection, acts: Mapping[uuid.UUID, int], upto: datetime) -> None:
    """Add counted acts by issuance account. Everything before `upto` is counted now."""
    await connection.execute(
        "INSERT INTO accounting.credit_count AS c (account_id, acts) SELECT * FROM unnest($1::uuid[], $2::bigint[])"
        " ON CONFLICT (account_id) DO UPDATE SET acts = c.acts + EXCLUDED.acts",
        list(acts),
        list(acts.values()),
    )
    await connection.execute(
        "INSERT INTO accounting.credit_count_state (counted_before) VALUES ($1)"
        " ON CONFLICT (id) DO UPDATE SET counted_before = EXCLUDED.counted_before",
        upto,
    )


async def credit_counts(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = await connection.fetch(
        "SELECT account_id, acts FROM accounting.credit_count WHERE account_id = ANY($1::uuid[])", list(account_ids)
    )
    return {row[0]: row[1] for row in rows}


async def ranked_before(connection: Connection) -> datetime | None:
    moment: datetime | None = await connection.fetchval("SELECT ranked_before FROM accounting.largest_credit_state")
    return moment


async def move_rank(connection: Connection, upto: datetime) -> None:
    await connection.execute(
        "INSERT INTO accounting.largest_credit_state (ranked_before) VALUES ($1)"
        " ON CONFLICT (id) DO UPDATE SET ranked_before = EXCLUDED.ranked_before",
        upto,
    )


async def add_largest(connection: Connection, day: date, span: str, rows: Sequence[Any], kept: int) -> None:
    """Add candidates and keep the `kept` largest of the day."""
    await connection.executemany(
        "INSERT INTO accounting.largest_credit (day, span, at, entry_id, account_id, amount_mg, acts, activity_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        [
            (day, span, r["at"], r["entry_id"], r["account_id"], r["amount_mg"], r["acts"], r["activity_id"])
            for r in rows
        ],
    )
    await connection.execute(
        "DELETE FROM accounting.largest_credit l USING (SELECT at, entry_id FROM accounting.largest_credit"
        "  WHERE day = $1 AND span = $2 ORDER BY amount_mg DESC, at, entry_id OFFSET $3) AS rest"
        " WHERE l.day = $1 AND l.span = $2 AND l.at = rest.at AND l.entry_id = rest.entry_id",
        day,
        span,
        kept,
    )


async def delete_largest_before(connection: Connection, day: date) -> None:
    await connection.execute("DELETE FROM accounting.largest_credit WHERE day < $1", day)


async def largest(connection: Connection, day: date, span: str, limit: int) -> Sequence[Any]:
    """Return the largest ones of a day, largest first."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT at, account_id, amount_mg, acts, activity_id FROM accounting.largest_credit"
        " WHERE day = $1 AND span = $2 ORDER BY amount_mg DESC, at, entry_id LIMIT $3",
        day,
        span,
        limit,
    )
    return rows

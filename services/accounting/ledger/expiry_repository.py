"""SQL of the expiry of grams, set-wise over up to 1,000 people. The caller has locked their accounts."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.accounting.ledger.chart import sub_account_id
from shared.db import Connection

# Posting ids grow with time, except for clock differences and the length of a transaction. A day exceeds both.
_ID_SLACK = timedelta(days=1)
_FIRST_POSTINGS = 100  # the earliest posting is among the first ids, for the same reason


class PersonGrams(NamedTuple):
    """The current grams of a person, in milligrams.

    `received_mg` is the total that ever became available, including what was spent, reversed or expired later.
    """

    account_id: uuid.UUID
    available_mg: int
    held_mg: int
    received_mg: int
    frozen: bool


async def first_posted_at(connection: Connection) -> datetime | None:
    found: datetime | None = await connection.fetchval(
        "SELECT min(posted_at) FROM"
        " (SELECT posted_at FROM accounting.posting ORDER BY posting_id LIMIT $1) AS earliest",
        _FIRST_POSTINGS,
    )
    return found


async def last_period(connection: Connection) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT year, position, closed_at IS NOT NULL AS closed FROM accounting.gram_period ORDER BY year DESC LIMIT 1"
    )


async def save_period(connection: Connection, year: int, position: uuid.UUID | None, *, closed: bool) -> None:
    await connection.execute(
        "INSERT INTO accounting.gram_period (year, position, closed_at)"
        " VALUES ($1, $2, CASE WHEN $3 THEN clock_timestamp() END)"
        " ON CONFLICT (year) DO UPDATE SET position = EXCLUDED.position, closed_at = EXCLUDED.closed_at",
        year,
        position,
        closed,
    )


async def people_with_grams(connection: Connection, after: uuid.UUID | None, limit: int) -> Sequence[uuid.UUID]:
    """Return the next people by account id who have available or held grams."""
    rows = await connection.fetch(
        "SELECT account_id FROM accounting.ledger_account a WHERE kind = 'person'"
        " AND ($1::uuid IS NULL OR account_id > $1) AND (balance_mg > 0 OR EXISTS ("
        "  SELECT 1 FROM accounting.hold h WHERE h.account_id = a.account_id AND h.status = 'held'))"
        " ORDER BY account_id LIMIT $2",
        after,
        limit,
    )
    return [row[0] for row in rows]


async def grams_of(connection: Connection, people: Sequence[uuid.UUID]) -> dict[uuid.UUID, PersonGrams]:
    """Return the grams of people in one snapshot. Received = lifetime - pending + reversed."""
    rows = await connection.fetch(
        "SELECT a.account_id, a.balance_mg, coalesce(h.mg, 0),"
        " a.lifetime_mg - coalesce(p.balance_mg, 0) + coalesce(r.mg, 0), a.frozen_at IS NOT NULL"
        " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS v(person, pending, debt)"
        " JOIN accounting.ledger_account a ON a.account_id = v.person"
        " LEFT JOIN accounting.ledger_account p ON p.account_id = v.pending"
        " LEFT JOIN LATERAL (SELECT sum(amount_mg)::bigint AS mg FROM accounting.posting"
        "  WHERE debit_account_id IN (v.person, v.debt) AND kind = 'reversal') r ON true"
        " LEFT JOIN LATERAL (SELECT sum(amount_mg)::bigint AS mg FROM accounting.hold"
        "  WHERE account_id = v.person AND status = 'held') h ON true",
        list(people),
        [sub_account_id(account_id, "pending") for account_id in people],
        [sub_account_id(account_id, "debt") for account_id in people],
    )
    return {row[0]: PersonGrams(*row) for row in rows}


async def received_since(connection: Connection, people: Sequence[uuid.UUID], moment: datetime) -> dict[uuid.UUID, int]:
    """Return milligrams that became available at or after a time. People who received none are left out."""
    first_id = uuid.UUID(int=max(int((moment - _ID_SLACK).timestamp() * 1000), 0) << 80)
    rows = await connection.fetch(
        "SELECT credit_account_id, sum(amount_mg)::bigint FROM accounting.posting"
        " WHERE credit_account_id = ANY($1::uuid[]) AND posting_id >= $2 AND posted_at >= $3"
        " AND kind IN ('credit', 'vest') GROUP BY 1",
        list(people),
        first_id,
        moment,
    )
    return {row[0]: row[1] for row in rows}


async def add_years(connection: Connection, year: int, received_mg: dict[uuid.UUID, int]) -> None:
    await connection.execute(
        "INSERT INTO accounting.gram_year (account_id, year, received_mg)"
        " SELECT account_id, $1, mg FROM unnest($2::uuid[], $3::bigint[]) AS v(account_id, mg) ON CONFLICT DO NOTHING",
        year,
        list(received_mg),
        list(received_mg.values()),
    )


async def due_years(connection: Connection, *, upto: int, today: date, limit: int) -> Sequence[asyncpg.Record]:
    """Return rows of the earliest due year that were not checked today."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT account_id, year, received_mg FROM accounting.gram_year"
        "  WHERE NOT done AND year <= $1 AND (looked_on IS NULL OR looked_on < $2) ORDER BY year, account_id LIMIT $3)"
        " SELECT account_id, year, received_mg FROM due WHERE year = (SELECT min(year) FROM due)",
        upto,
        today,
        limit,
    )
    return rows


async def open_years(connection: Connection, account_id: uuid.UUID) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "SELECT year, received_mg FROM accounting.gram_year WHERE account_id = $1 AND NOT done ORDER BY year",
        account_id,
    )
    return rows


async def add_expired(connection: Connection, year: int, expired_mg: Mapping[uuid.UUID, int]) -> None:
    """Add to the expired grams of people for a year."""
    await connection.execute(
        "UPDATE accounting.gram_year g SET expired_mg = g.expired_mg + v.mg"
        " FROM unnest($1::uuid[], $2::bigint[]) AS v(person, mg) WHERE g.account_id = v.person AND g.year = $3",
        list(expired_mg),
        list(expired_mg.values()),
        year,
    )


async def mark_checked(
    connection: Connection, year: int, people: Sequence[uuid.UUID], done: Sequence[bool], today: date
) -> None:
    await connection.execute(
        "UPDATE accounting.gram_year g SET looked_on = $4, done = v.done"
        " FROM unnest($1::uuid[], $2::boolean[]) AS v(person, done) WHERE g.account_id = v.person AND g.year = $3",
        list(people),
        list(done),
        year,
        today,
    )

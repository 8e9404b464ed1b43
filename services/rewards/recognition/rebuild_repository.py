"""SQL of a rebuild: the sums of a generation, made anew from the acts, a range of accounts at a time."""

import uuid
from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Connection, driver

_SUMS = ("earned_day", "earned_scene", "earned_total")
_DAYS = """
INSERT INTO rewards.earned_day (generation, account_id, day, scene, acts, amount_mg)
SELECT $1, account_id, day, scene, count(*), sum(amount_mg) FROM rewards.recognised_act
WHERE account_id > $2 AND account_id <= $3 AND day IS NOT NULL GROUP BY account_id, day, scene"""
_SCENES = """
INSERT INTO rewards.earned_scene (generation, account_id, scene, acts, days, amount_mg)
SELECT $1, account_id, scene, sum(acts), count(*), sum(amount_mg) FROM rewards.earned_day
WHERE generation = $1 AND account_id > $2 AND account_id <= $3 GROUP BY account_id, scene"""
_TOTALS = """
INSERT INTO rewards.earned_total (generation, account_id, acts, amount_mg, active_days)
SELECT $1, account_id, sum(acts), sum(amount_mg), range_agg(daterange(day, day + 1)) FROM rewards.earned_day
WHERE generation = $1 AND account_id > $2 AND account_id <= $3 GROUP BY account_id"""
_COLUMNS = {
    "earned_day": "account_id, day, scene, acts, amount_mg",
    "earned_scene": "account_id, scene, acts, days, amount_mg",
    "earned_total": "account_id, acts, amount_mg, active_days",
}


async def end_of_range(session: AsyncSession, after: uuid.UUID, acts: int) -> uuid.UUID | None:
    """Return the last account of the next `acts` acts, None after the last account."""
    row = await (await driver(session)).fetchrow(
        "SELECT account_id FROM (SELECT account_id FROM rewards.recognised_act WHERE account_id > $1"
        " ORDER BY account_id LIMIT $2) a ORDER BY account_id DESC LIMIT 1",
        after,
        acts,
    )
    return None if row is None else row[0]


async def build_range(session: AsyncSession, generation: int, after: uuid.UUID, through: uuid.UUID) -> None:
    connection = await driver(session)
    for statement in (_DAYS, _SCENES, _TOTALS):
        await connection.execute(statement, generation, after, through)


async def count_differences(session: AsyncSession, one: int, other: int, after: uuid.UUID, through: uuid.UUID) -> int:
    """Count the rows of a range of accounts that are in one generation only."""
    connection = await driver(session)
    return sum([await _differing(connection, table, one, other, after, through) for table in _SUMS])


async def _differing(
    connection: Connection, table: str, one: int, other: int, after: uuid.UUID, through: uuid.UUID
) -> int:
    there = "generation = {} AND account_id > $3 AND account_id <= $4"
    rows = f"SELECT {_COLUMNS[table]} FROM rewards.{table} WHERE {there}"
    left, right = rows.format("$1"), rows.format("$2")
    differing = f"(({left} EXCEPT {right}) UNION ALL ({right} EXCEPT {left}))"
    found = await connection.fetchval(f"SELECT count(*) FROM {differing} d", one, other, after, through)
    return int(found)


async def delete_others(session: AsyncSession, in_use: Sequence[int], limit: int) -> int:
    """Delete up to `limit` rows of each table whose generation is not in use. Return how many.

    Each gap between the generations in use is a range of the primary keys.
    """
    bounds = [-1, *sorted(in_use), 2**15 - 1]
    deleted = 0
    for table in _SUMS:
        for above, below in pairwise(bounds):
            rows = await (await driver(session)).fetch(
                f"DELETE FROM rewards.{table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM rewards.{table}"
                " WHERE generation > $1 AND generation < $2 ORDER BY generation LIMIT $3)) RETURNING 1",
                above,
                below,
                limit,
            )
            deleted += len(rows)
    return deleted

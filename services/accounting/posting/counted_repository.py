"""SQL of the numbers, meters and vehicles that credited acts have used up, and of the acts refused for that.

Meters and vehicles are locked before they are read (`homes`). Numbers are not: if two transactions credit one number at
once, the unique key refuses the second. Its poll is then repeated and finds the number.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.accounting.judging.uniqueness import CountedNumber, CountedUse
from shared.db import Connection

# OFFSET 0 forces one index search per key, also while the statistics say that the tables are small.
_NUMBERS = """
SELECT k.number_key, n.activity_id,
    (SELECT a.account_id FROM accounting.activity a WHERE a.activity_id = n.activity_id)
FROM unnest($1::bigint[]) AS k(number_key)
CROSS JOIN LATERAL (SELECT activity_id FROM accounting.counted_number n
    WHERE n.number_key = k.number_key OFFSET 0) n"""
_USES = """
SELECT k.use_key, u.activity_id, u.started_at, u.ended_at, u.people
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS k(use_key, first, last)
CROSS JOIN LATERAL (SELECT activity_id, started_at, ended_at, people FROM accounting.counted_use u
    WHERE u.use_key = k.use_key AND u.ended_at >= k.first AND u.started_at <= k.last OFFSET 0) u"""


class Counted(NamedTuple):
    """What a batch of credited acts uses up."""

    numbers: list[tuple[int, uuid.UUID]]  # (key, activity)
    uses: list[CountedUse]


class RefusedClaim(NamedTuple):
    """An act that was refused because another act has used its number, meter or vehicle."""

    activity_id: uuid.UUID
    number_key: int | None
    use_key: uuid.UUID | None


async def counted_by(
    connection: Connection, number_keys: Sequence[int], spans: Mapping[uuid.UUID, tuple[datetime, datetime]]
) -> tuple[list[CountedNumber], list[CountedUse]]:
    """Return the numbers among these that are used up, and the uses of meters and vehicles that touch their spans."""
    numbers = [CountedNumber(*row) for row in await connection.fetch(_NUMBERS, number_keys)] if number_keys else []
    if not spans:
        return numbers, []
    firsts, lasts = [first for first, _ in spans.values()], [last for _, last in spans.values()]
    return numbers, [CountedUse(*row) for row in await connection.fetch(_USES, list(spans), firsts, lasts)]


async def insert_counted(connection: Connection, counted: Counted) -> None:
    """Insert by COPY. A number that another transaction has used up meanwhile fails the batch."""
    if counted.numbers:
        # In one order, so that two transactions with common numbers wait for each other and do not deadlock.
        await connection.copy_records_to_table(
            "counted_number",
            schema_name="accounting",
            columns=("number_key", "activity_id"),
            records=sorted(counted.numbers),
        )
    if counted.uses:
        await connection.copy_records_to_table(
            "counted_use", schema_name="accounting", columns=_USE_COLUMNS, records=counted.uses
        )


async def insert_claims(connection: Connection, claims: Sequence[RefusedClaim]) -> None:
    """Insert refused claims. One that is judged again and refused again stays."""
    await connection.executemany(
        "INSERT INTO accounting.refused_claim (activity_id, number_key, use_key) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        claims,
    )


async def delete_claims(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    await connection.execute("DELETE FROM accounting.refused_claim WHERE activity_id = ANY($1::uuid[])", activity_ids)


_USE_COLUMNS = ("use_key", *CountedUse._fields[1:])


async def give_back(
    connection: Connection, activity_id: uuid.UUID, number_key: int | None, use_key: uuid.UUID | None
) -> None:
    """Free what an activity has used up."""
    if number_key is not None:
        await connection.execute(
            "DELETE FROM accounting.counted_number WHERE number_key = $1 AND activity_id = $2", number_key, activity_id
        )
    if use_key is not None:
        await connection.execute(
            "DELETE FROM accounting.counted_use WHERE use_key = $1 AND activity_id = $2", use_key, activity_id
        )

"""SQL of freed room: activities that were taken back, and refused acts that may be credited instead."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.accounting.judging import reasons
from shared.db import Connection

_LOCK = "accounting.freed_room"
# OFFSET 0 forces one index search per queued activity, also while the statistics say that the tables are small.
_FREED = """
SELECT a.*, f.after_at, f.after_id FROM accounting.freed_room f
CROSS JOIN LATERAL (SELECT activity_id, account_id, amount_mg, scene, methodology_code, methodology_version, judgement,
    occurred_at, partner_id, act FROM accounting.activity a WHERE a.activity_id = f.activity_id OFFSET 0) a
WHERE NOT EXISTS (SELECT 1 FROM unnest($2::text[], $3::int[]) AS h(code, version)
    WHERE h.code = a.methodology_code AND h.version = a.methodology_version)
ORDER BY f.activity_id LIMIT $1"""
# One index search per person. Rows that another transaction has locked are skipped: it decides them itself. A cap keeps
# out acts of its period. A repeat names its original in its detail, and may be of any time.
_REFUSED = """
SELECT s.freed_by, s.account_id AS search, a.*
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
    AS s(freed_by, account_id, period_start, after_at, after_id)
CROSS JOIN LATERAL (SELECT * FROM accounting.activity a
    WHERE a.account_id = s.account_id AND (a.occurred_at, a.activity_id) > (s.after_at, s.after_id)
        AND a.status = 'refused' AND a.act IS NOT NULL
        AND (a.reason_code = ANY($6::text[]) AND a.occurred_at >= s.period_start
            OR a.reason_code = $7 AND a.judgement->'detail'->>'original' = s.freed_by::text)
    ORDER BY a.occurred_at, a.activity_id LIMIT $8 FOR UPDATE SKIP LOCKED) a"""

# Acts of anybody that were refused because the freed act had used their number, meter or vehicle.
_CLAIMS = """
SELECT s.freed_by, s.freed_by AS search, a.*
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::uuid[])
    AS s(freed_by, number_key, use_key, after_at, after_id)
CROSS JOIN LATERAL (SELECT a.* FROM (
        SELECT activity_id FROM accounting.refused_claim WHERE number_key = s.number_key
        UNION SELECT activity_id FROM accounting.refused_claim WHERE use_key = s.use_key) r
    JOIN accounting.activity a USING (activity_id)
    WHERE (a.occurred_at, a.activity_id) > (s.after_at, s.after_id)
        AND a.status = 'refused' AND a.act IS NOT NULL AND a.reason_code = ANY($6::text[])
    ORDER BY a.occurred_at, a.activity_id LIMIT $7 FOR UPDATE OF a SKIP LOCKED) a"""


class Search(NamedTuple):
    """A search for refused acts of one person that come after a place in the order of acts.

    `period_start` is the begin of the earliest period of a cap that has room now.
    """

    freed_by: uuid.UUID
    account_id: uuid.UUID
    period_start: datetime
    after_at: datetime
    after_id: uuid.UUID


async def add(connection: Connection, activity_id: uuid.UUID) -> None:
    """Queue an activity that was taken back."""
    await connection.execute("INSERT INTO accounting.freed_room (activity_id) VALUES ($1)", activity_id)


async def try_lock(connection: Connection) -> bool:
    """Let one transaction at a time work on the queue. Never waits."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", _LOCK))


async def freed(connection: Connection, held: Collection[tuple[str, int]], limit: int) -> Sequence[Any]:
    """Return queued activities with their judgement, and the place in the order of acts that is reached.

    Activities of a `held` methodology stay queued.
    """
    codes, versions = [code for code, _ in held], [version for _, version in held]
    rows: Sequence[Any] = await connection.fetch(_FREED, limit, codes, versions)
    return rows


async def refused_acts(connection: Connection, searches: Sequence[Search], limit: int) -> Sequence[Any]:
    """Return at most `limit` acts a search that were refused for a cap or as a repeat of `freed_by`, locked."""
    rows: Sequence[Any] = await connection.fetch(
        _REFUSED,
        *(list(column) for column in zip(*searches, strict=True)),
        reasons.CAP_REASONS,
        reasons.DUPLICATE_ACT,
        limit,
    )
    return rows


class ClaimSearch(NamedTuple):
    """A search for refused acts that named the number, meter or vehicle of a freed one."""

    freed_by: uuid.UUID
    number_key: int | None
    use_key: uuid.UUID | None
    after_at: datetime
    after_id: uuid.UUID


async def refused_claims(connection: Connection, searches: Sequence[ClaimSearch], limit: int) -> Sequence[Any]:
    """Return at most `limit` acts a search that were refused as counted elsewhere, locked."""
    if not searches:
        return ()
    columns = (list(column) for column in zip(*searches, strict=True))
    rows: Sequence[Any] = await connection.fetch(_CLAIMS, *columns, reasons.CLAIM_REASONS, limit)
    return rows


async def finish(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    await connection.execute("DELETE FROM accounting.freed_room WHERE activity_id = ANY($1::uuid[])", activity_ids)


async def move_on(connection: Connection, reached: Iterable[tuple[uuid.UUID, datetime, uuid.UUID]]) -> None:
    """Note how far the acts of some queued activities were judged again."""
    await connection.executemany(
        "UPDATE accounting.freed_room SET after_at = $2, after_id = $3 WHERE activity_id = $1", reached
    )

"""SQL that reads the versions of activities in time order: the recorded verdict and every later one."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from shared.db import Connection

# A version is the row as it was until the next change. `c` is that change and holds the values it replaced.
_STATE = """c.activity_id IS NULL AS current,
    CASE WHEN c.activity_id IS NULL THEN a.status ELSE c.status END AS status,
    CASE WHEN c.activity_id IS NULL THEN a.reason_code ELSE c.reason_code END AS reason_code,
    CASE WHEN c.activity_id IS NULL THEN a.amount_mg ELSE c.amount_mg END AS amount_mg,
    CASE WHEN c.activity_id IS NULL THEN a.account_id ELSE c.account_id END AS account_id,
    CASE WHEN c.activity_id IS NULL THEN a.scene ELSE c.scene END AS scene,
    CASE WHEN c.activity_id IS NULL THEN a.methodology_code ELSE c.methodology_code END AS methodology_code,
    CASE WHEN c.activity_id IS NULL THEN a.methodology_version ELSE c.methodology_version END AS methodology_version,
    a.received_at, a.raw_sha256, CASE WHEN e.activity_id IS NULL THEN a.act::text
        ELSE jsonb_build_object('kind', e.act_kind)::text END AS act_text,
    a.judgement::text AS judgement_text, coalesce(c.act_sha256, e.act_sha256) AS act_sha256,
    c.judgement_sha256"""
# The act of an erased person is gone. Its hash and kind stay, so that the leaf is the sealed one.
_ERASED = "LEFT JOIN accounting.erased_act e ON e.activity_id = a.activity_id"
_NEXT = """LEFT JOIN LATERAL (SELECT * FROM accounting.activity_change n
    WHERE n.activity_id = a.activity_id AND n.sequence > {after} ORDER BY n.sequence LIMIT 1) c ON true"""
_RECORDED = f"""SELECT a.activity_id, a.recorded_at AS at, coalesce(c.old_sequence, a.sequence)::int AS sequence,
    {_STATE}
    FROM accounting.activity a {_ERASED} {_NEXT.format(after="-1")}"""
_CHANGED = f"""SELECT a.activity_id, h.changed_at AS at, h.sequence::int AS sequence, {_STATE}
    FROM accounting.activity_change h JOIN accounting.activity a USING (activity_id)
    {_ERASED} {_NEXT.format(after="h.sequence")}"""
_ORDER = "ORDER BY at, activity_id, sequence"
_BETWEEN = f"""{_RECORDED} WHERE a.recorded_at >= $1 AND a.recorded_at < $2
    UNION ALL {_CHANGED} WHERE h.changed_at >= $1 AND h.changed_at < $2 {_ORDER}"""
_ONE = f"""SELECT * FROM ({_RECORDED} WHERE a.activity_id = $1 UNION ALL {_CHANGED} WHERE h.activity_id = $1) v
    WHERE at = $2"""


async def versions_between(
    connection: Connection, begin: datetime, end: datetime, batch: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Yield batches of versions that began in [begin, end), in canonical order (time, activity, sequence)."""
    cursor = await connection.cursor(_BETWEEN, begin, end)
    while rows := await cursor.fetch(batch):
        yield rows


async def version_at(connection: Connection, activity_id: uuid.UUID, at: datetime) -> asyncpg.Record | None:
    """Return the version of an activity that began at this time."""
    return await connection.fetchrow(_ONE, activity_id, at)


async def first_recorded_at(connection: Connection) -> datetime | None:
    """Return the time of the earliest activity. Reads the whole table: for the first sealed day only."""
    found: datetime | None = await connection.fetchval("SELECT min(recorded_at) FROM accounting.activity")
    return found


async def count_before(connection: Connection, moment: datetime) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM accounting.activity WHERE recorded_at < $1", moment))


async def clear_acts(connection: Connection, account_id: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Remove the acts of a person, keeping hash and kind for the seals. Skips rows that others hold."""
    rows = await connection.fetch(
        """WITH taken AS (
            SELECT activity_id, act FROM accounting.activity WHERE account_id = $1 AND act IS NOT NULL
            LIMIT $2 FOR UPDATE SKIP LOCKED
        ), kept AS (
            INSERT INTO accounting.erased_act (activity_id, act_sha256, act_kind)
            SELECT activity_id, sha256(convert_to(act::text, 'UTF8')), act->>'kind' FROM taken ON CONFLICT DO NOTHING
        )
        UPDATE accounting.activity a SET act = NULL FROM taken t WHERE a.activity_id = t.activity_id
        RETURNING a.activity_id""",
        account_id,
        limit,
    )
    return [row[0] for row in rows]


async def has_acts(connection: Connection, account_id: uuid.UUID) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM accounting.activity WHERE account_id = $1 AND act IS NOT NULL)", account_id
        )
    )

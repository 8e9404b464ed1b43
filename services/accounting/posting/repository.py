"""SQL of the posting path. Every statement takes the whole batch as arrays, so its cost per event is small.

All workers share the tallies, so a transaction writes them among its last statements.
"""

import uuid
from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from services.accounting.judging.domain import CapUsed
from services.accounting.judging.subjects import CapKey
from services.accounting.posting.domain import KnownEvent
from shared.db import UNPLANNED_IDS, Connection


class ActivityRow(NamedTuple):
    """One row of `activity`, in the order of its columns."""

    activity_id: uuid.UUID
    fingerprint: bytes
    partner_id: str
    event_id: str
    receipt_id: uuid.UUID
    receipt_index: int
    account_id: uuid.UUID | None
    account_key: str | None
    status: str
    reason_code: str
    scene: str | None
    occurred_at: datetime
    ended_at: datetime | None
    received_at: datetime
    amount_mg: int
    methodology_code: str | None
    methodology_version: int | None
    judgement: str | None
    act: str | None
    raw_sha256: bytes
    sequence: int


async def known_events(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, KnownEvent]:
    rows = await connection.fetch(
        "SELECT activity_id, fingerprint, receipt_id, receipt_index FROM accounting.activity"
        f" WHERE activity_id = ANY({UNPLANNED_IDS})",
        activity_ids,
    )
    return {row[0]: KnownEvent(row[1], row[2], row[3]) for row in rows}


async def add_mends(connection: Connection, rows: Sequence[tuple[uuid.UUID, uuid.UUID, list[str]]]) -> None:
    """Rows of (activity, proposal, fields). The first mark of an event stays."""
    await connection.executemany(
        "INSERT INTO accounting.mended_report (activity_id, proposal_id, fields) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        rows,
    )


_CAP_COLUMNS = ("subject_id", "cap_id", "period_start", "acts", "amount_mg")


async def cap_usage_of(connection: Connection, keys: Sequence[CapKey]) -> dict[CapKey, CapUsed]:
    """Return the usage of the counters that exist."""
    rows = await connection.fetch(
        "SELECT subject_id, cap_id, period_start, u.acts, u.amount_mg"
        " FROM unnest($1::uuid[], $2::text[], $3::date[]) AS k(subject_id, cap_id, period_start)"
        # OFFSET 0: see credited_near.
        " CROSS JOIN LATERAL (SELECT acts, amount_mg FROM accounting.cap_usage u WHERE u.subject_id = k.subject_id"
        " AND u.cap_id = k.cap_id AND u.period_start = k.period_start OFFSET 0) u",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    return {CapKey(row[0], row[1], row[2]): CapUsed(row[3], row[4]) for row in rows}


async def credited_near(
    connection: Connection, spans: Mapping[uuid.UUID, tuple[datetime, datetime]], horizon: timedelta
) -> Sequence[Any]:
    """Return credited acts of accounts at most `horizon` from a time span, for the check of duplicates."""
    firsts = [first for first, _ in spans.values()]
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.activity_id, s.account_id, a.partner_id, a.occurred_at, a.ended_at, a.methodology_code,"
        " a.methodology_version"
        " FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) AS s(account_id, first, lasts_s)"
        # OFFSET 0 forces one index search per person. With a plain join the planner reads the whole table while its
        # statistics say that the table is small.
        " CROSS JOIN LATERAL (SELECT activity_id, partner_id, occurred_at, ended_at, methodology_code,"
        " methodology_version FROM accounting.activity a"
        " WHERE a.account_id = s.account_id"
        " AND a.occurred_at BETWEEN s.first - $4::interval"
        " AND s.first + make_interval(secs => s.lasts_s) + $4::interval"
        " AND a.status IN ('credited', 'pending') OFFSET 0) a",
        list(spans),
        firsts,
        [_whole_seconds(last - first) for first, last in spans.values()],
        horizon,
    )
    return rows


def _whole_seconds(span: timedelta) -> int:
    """Round up to seconds. Integers are cheaper to send than timestamps."""
    return span.days * 86_400 + span.seconds + (span.microseconds > 0)


_WRITE_NEW_VERDICTS = """
UPDATE accounting.activity a SET account_id = v.account_id, account_key = v.account_key, status = v.status,
    reason_code = v.reason_code, scene = v.scene, amount_mg = v.amount_mg, methodology_code = v.methodology_code,
    methodology_version = v.methodology_version, judgement = v.judgement, act = v.act, sequence = a.sequence + 1
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::int[],
    $10::jsonb[], $11::jsonb[]) AS v(activity_id, account_id, account_key, status, reason_code, scene, amount_mg,
    methodology_code, methodology_version, judgement, act)
WHERE a.activity_id = v.activity_id"""


async def insert_activities(connection: Connection, rows: Sequence[ActivityRow]) -> None:
    """Insert activities by COPY, at half the cost of an insert from arrays. An existing id fails the batch."""
    await connection.copy_records_to_table(
        "activity", schema_name="accounting", columns=ActivityRow._fields, records=rows
    )


async def write_new_verdicts(connection: Connection, rows: Sequence[ActivityRow]) -> None:
    """Write the next verdicts of activities that were parked or refused."""
    columns = zip(
        *(
            (
                row.activity_id,
                row.account_id,
                row.account_key,
                row.status,
                row.reason_code,
                row.scene,
                row.amount_mg,
                row.methodology_code,
                row.methodology_version,
                row.judgement,
                row.act,
            )
            for row in rows
        ),
        strict=True,
    )
    await connection.execute(_WRITE_NEW_VERDICTS, *(list(column) for column in columns))


async def add_cap_usage(connection: Connection, usage: Mapping[CapKey, CapUsed], existing: Container[CapKey]) -> None:
    """Add to counters. `existing` are those that `cap_usage_of` has found; their people, homes and meters are locked.

    Most counters are new. They are inserted by COPY, at a third of the cost of an insert that may conflict. A counter
    that another transaction has opened meanwhile fails the batch.
    """
    new = [(*key, *used) for key, used in usage.items() if key not in existing]
    if new:
        await connection.copy_records_to_table("cap_usage", schema_name="accounting", columns=_CAP_COLUMNS, records=new)
    known = sorted(key for key in usage if key in existing)
    if known:
        await connection.execute(
            "INSERT INTO accounting.cap_usage AS u (subject_id, cap_id, period_start, acts, amount_mg)"
            " SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::bigint[])"
            " ON CONFLICT (subject_id, cap_id, period_start)"
            " DO UPDATE SET acts = u.acts + EXCLUDED.acts, amount_mg = u.amount_mg + EXCLUDED.amount_mg",
            [key[0] for key in known],
            [key[1] for key in known],
            [key[2] for key in known],
            [usage[key][0] for key in known],
            [usage[key][1] for key in known],
        )


async def add_tallies(connection: Connection, tallies: Mapping[tuple[str, date, str, str], tuple[int, int]]) -> None:
    """Add counts by partner, day of receipt, status and reason. A replaced verdict has negative counts."""
    keys = sorted(tallies)
    await connection.execute(
        "INSERT INTO accounting.intake_tally AS t (partner_id, received_on, status, reason_code, events, amount_mg)"
        " SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])"
        " ON CONFLICT (partner_id, received_on, status, reason_code)"
        " DO UPDATE SET events = t.events + EXCLUDED.events, amount_mg = t.amount_mg + EXCLUDED.amount_mg",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [key[3] for key in keys],
        [tallies[key][0] for key in keys],
        [tallies[key][1] for key in keys],
    )


async def insert_pending(connection: Connection, rows: Sequence[tuple[uuid.UUID, datetime]]) -> None:
    """Insert rows of (activity, time at which its credit becomes available)."""
    await connection.execute(
        "INSERT INTO accounting.vesting (activity_id, due_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])",
        [row[0] for row in rows],
        [row[1] for row in rows],
    )


async def due_credits(connection: Connection, limit: int) -> Sequence[Any]:
    """Return activities whose credit is due by the clock of the database, oldest first, locked.

    Rows that another worker has locked are skipped.
    """
    rows: Sequence[Any] = await connection.fetch(
        # The queue first, by its index: a time that may change within the statement would be compared row by row.
        "SELECT a.* FROM (SELECT activity_id, due_at FROM accounting.vesting WHERE due_at <= statement_timestamp()"
        " ORDER BY due_at, activity_id LIMIT $1 FOR UPDATE SKIP LOCKED) v"
        # OFFSET 0: see credited_near.
        " CROSS JOIN LATERAL (SELECT * FROM accounting.activity a WHERE a.activity_id = v.activity_id"
        " OFFSET 0 FOR UPDATE SKIP LOCKED) a ORDER BY v.due_at, v.activity_id",
        limit,
    )
    return rows


async def mark_available(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    """Set pending activities to credited."""
    await connection.execute(
        "UPDATE accounting.activity SET status = 'credited', sequence = sequence + 1"
        " WHERE activity_id = ANY($1::uuid[]) AND status = 'pending'",
        activity_ids,
    )
    await delete_pending(connection, activity_ids)


async def delete_pending(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    await connection.execute("DELETE FROM accounting.vesting WHERE activity_id = ANY($1::uuid[])", activity_ids)


async def locked_activity(connection: Connection, activity_id: uuid.UUID) -> Any | None:
    return await connection.fetchrow("SELECT * FROM accounting.activity WHERE activity_id = $1 FOR UPDATE", activity_id)


async def mark_taken_back(connection: Connection, activity_id: uuid.UUID, status: str, reason_code: str) -> None:
    """Set the status of a taken-back activity.

    `reversed` keeps the judgement. `refused`, for an activity that was parked or not credited, deletes its content.
    """
    await connection.execute(
        "UPDATE accounting.activity SET status = $2, reason_code = $3, sequence = sequence + 1,"
        " account_key = CASE WHEN $4 THEN NULL ELSE account_key END, act = CASE WHEN $4 THEN NULL ELSE act END,"
        " judgement = CASE WHEN $4 THEN NULL ELSE judgement END WHERE activity_id = $1",
        activity_id,
        status,
        reason_code,
        status == "refused",
    )


async def give_back_caps(connection: Connection, usage: Mapping[CapKey, CapUsed]) -> None:
    """Subtract acts and milligrams from their cap counters."""
    keys = sorted(usage)
    await connection.execute(
        "UPDATE accounting.cap_usage u SET acts = u.acts - v.acts, amount_mg = u.amount_mg - v.amount_mg"
        " FROM unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::bigint[])"
        " AS v(subject_id, cap_id, period_start, acts, amount_mg) WHERE u.subject_id = v.subject_id"
        " AND u.cap_id = v.cap_id AND u.period_start = v.period_start",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [usage[key][0] for key in keys],
        [usage[key][1] for key in keys],
    )

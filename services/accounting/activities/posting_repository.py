"""SQL of the posting path: every statement takes the whole batch as arrays, so its cost per event stays small.

Order of locks: people (sorted by id), then households and meters (sorted by id), then tallies and issuance accounts
(sorted) as the very last statements, because those rows are shared by all workers and held only until the commit that
follows.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class BindingRow(NamedTuple):
    """One binding as accounts published it; times are aware."""

    account_id: uuid.UUID
    counts_from: datetime
    ended_at: datetime | None
    consent_withdrawn_at: datetime | None


class KnownEvent(NamedTuple):
    """An event of the inbox: its content, and the copy that was judged (None for a correction)."""

    fingerprint: bytes
    receipt_id: uuid.UUID | None
    receipt_index: int | None


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


class CreditRow(NamedTuple):
    """One credit in columns of `posting`: issuance account of the methodology → account, `amount_mg` > 0."""

    posting_id: uuid.UUID
    debit_account_id: uuid.UUID
    credit_account_id: uuid.UUID
    amount_mg: int
    activity_id: uuid.UUID
    requested_by: str
    kind: str = "credit"


async def known_events(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, KnownEvent]:
    rows = await connection.fetch(
        "SELECT activity_id, fingerprint, receipt_id, receipt_index FROM accounting.activity"
        " WHERE activity_id = ANY($1::uuid[])"
        " UNION ALL SELECT event_key, fingerprint, NULL, NULL FROM accounting.correction"
        " WHERE event_key = ANY($1::uuid[])",
        activity_ids,
    )
    return {row[0]: KnownEvent(row[1], row[2], row[3]) for row in rows}


async def bindings_of(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[BindingRow]]:
    """Bindings, active and ended, of (partner, account key) pairs."""
    rows = await connection.fetch(
        "SELECT b.partner_id, b.account_key, b.account_id, b.counts_from, b.ended_at, b.consent_withdrawn_at"
        " FROM accounting.binding b JOIN unnest($1::text[], $2::text[]) AS k(partner_id, account_key)"
        " USING (partner_id, account_key) WHERE b.status <> 'pending' ORDER BY b.counts_from",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    found: dict[tuple[str, str], list[BindingRow]] = {}
    for row in rows:
        found.setdefault((row[0], row[1]), []).append(BindingRow(row[2], row[3], row[4], row[5]))
    return found


async def lock_people(connection: Connection, account_ids: Sequence[uuid.UUID]) -> None:
    """Makes missing personal accounts, then locks all in order: two workers can wait for each other only in line."""
    await connection.execute(
        "INSERT INTO accounting.ledger_account (account_id, kind) SELECT id, 'person' FROM unnest($1::uuid[]) AS id"
        # Nearly everybody is there: to look is a third of the cost of an insert that conflicts.
        " WHERE NOT EXISTS (SELECT 1 FROM accounting.ledger_account a WHERE a.account_id = id)"
        " ORDER BY id ON CONFLICT DO NOTHING",
        account_ids,
    )
    await connection.execute(
        "SELECT 1 FROM accounting.ledger_account WHERE account_id = ANY($1::uuid[]) ORDER BY account_id FOR UPDATE",
        account_ids,
    )


async def lock_free_people(connection: Connection, account_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Locks whoever can be locked at once and returns them; waits for nobody, so it may come in any order."""
    rows = await connection.fetch(
        "SELECT account_id FROM accounting.ledger_account WHERE account_id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED",
        account_ids,
    )
    return {row[0] for row in rows}


async def make_households(connection: Connection, account_ids: Sequence[uuid.UUID]) -> None:
    """Missing accounts of households, whose subjects are locked."""
    await connection.execute(
        "INSERT INTO accounting.ledger_account (account_id, kind)"
        " SELECT id, 'household' FROM unnest($1::uuid[]) AS id ORDER BY id ON CONFLICT DO NOTHING",
        account_ids,
    )


async def cap_usage_of(
    connection: Connection, keys: Sequence[tuple[uuid.UUID, str, date]]
) -> list[tuple[uuid.UUID, str, date, int, int]]:
    rows = await connection.fetch(
        "SELECT account_id, cap_id, period_start, u.acts, u.amount_mg"
        " FROM unnest($1::uuid[], $2::text[], $3::date[]) AS k(account_id, cap_id, period_start)"
        # OFFSET 0: see credited_near.
        " CROSS JOIN LATERAL (SELECT acts, amount_mg FROM accounting.cap_usage u WHERE u.account_id = k.account_id"
        " AND u.cap_id = k.cap_id AND u.period_start = k.period_start OFFSET 0) u",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    return [tuple(row) for row in rows]


async def credited_near(
    connection: Connection, spans: Mapping[uuid.UUID, tuple[datetime, datetime]], horizon: timedelta
) -> Sequence[Any]:
    """Credited acts of these accounts at most `horizon` from their span of time, for the double-reporting check."""
    firsts = [first for first, _ in spans.values()]
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.activity_id, s.account_id, a.partner_id, a.occurred_at, a.ended_at, a.methodology_code,"
        " a.methodology_version, a.natural_key"
        " FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) AS s(account_id, first, lasts_s)"
        # OFFSET 0: one descent of the index per person. A plain join reads the whole table as long as the planner
        # believes it to be small.
        " CROSS JOIN LATERAL (SELECT activity_id, partner_id, occurred_at, ended_at, methodology_code,"
        " methodology_version, act->>'natural_key' AS natural_key FROM accounting.activity a"
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
    """Rounded up; numbers travel at a fraction of the cost of times."""
    return span.days * 86_400 + span.seconds + (span.microseconds > 0)


_RELEASE_PARKED = """
UPDATE accounting.activity a SET account_id = v.account_id, account_key = v.account_key, status = v.status,
    reason_code = v.reason_code, scene = v.scene, amount_mg = v.amount_mg, methodology_code = v.methodology_code,
    methodology_version = v.methodology_version, judgement = v.judgement, act = v.act, sequence = a.sequence + 1
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::int[],
    $10::jsonb[], $11::jsonb[]) AS v(activity_id, account_id, account_key, status, reason_code, scene, amount_mg,
    methodology_code, methodology_version, judgement, act)
WHERE a.activity_id = v.activity_id"""


async def insert_activities(connection: Connection, rows: Sequence[ActivityRow]) -> None:
    """By COPY, which costs half of an insert from arrays on either side. What is there already fails the batch."""
    await connection.copy_records_to_table(
        "activity", schema_name="accounting", columns=ActivityRow._fields, records=rows
    )


async def release_parked(connection: Connection, rows: Sequence[ActivityRow]) -> None:
    """Writes the new verdict of rows that were parked."""
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
    await connection.execute(_RELEASE_PARKED, *(list(column) for column in columns))


async def insert_credits(connection: Connection, rows: Sequence[CreditRow]) -> None:
    await connection.copy_records_to_table("posting", schema_name="accounting", columns=CreditRow._fields, records=rows)


async def debts_of(connection: Connection, people: Sequence[uuid.UUID]) -> Sequence[tuple[uuid.UUID, uuid.UUID, int]]:
    """(debt account, whose it is, milligrams owed) of those of the people who owe anything, by account."""
    rows = await connection.fetch(
        "SELECT account_id, owner_id, -balance_mg FROM accounting.ledger_account"
        " WHERE kind = 'debt' AND balance_mg < 0 AND owner_id = ANY($1::uuid[]) ORDER BY account_id",
        people,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def repay(connection: Connection, rows: Sequence[tuple[uuid.UUID, uuid.UUID, uuid.UUID, int, str]]) -> None:
    """Postings person → debt: (posting id, person, debt account, milligrams, requested by), and both balances."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(
        "INSERT INTO accounting.posting"
        " (posting_id, kind, debit_account_id, credit_account_id, amount_mg, requested_by)"
        " SELECT id, 'repayment', person, debt, mg, requested"
        " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[])"
        " AS v(id, person, debt, mg, requested)",
        *columns,
    )
    await connection.execute(
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg FROM ("
        " SELECT unnest($1::uuid[]) AS account_id, -unnest($3::bigint[]) AS mg"
        " UNION ALL SELECT unnest($2::uuid[]), unnest($3::bigint[])) v WHERE a.account_id = v.account_id",
        columns[1],
        columns[2],
        columns[3],
    )


async def add_to_people(connection: Connection, deltas_mg: Mapping[uuid.UUID, int]) -> None:
    await connection.execute(
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg, lifetime_mg = a.lifetime_mg + v.mg"
        " FROM unnest($1::uuid[], $2::bigint[]) AS v(account_id, mg) WHERE a.account_id = v.account_id",
        list(deltas_mg),
        list(deltas_mg.values()),
    )


async def add_cap_usage(connection: Connection, usage: Mapping[tuple[uuid.UUID, str, date], tuple[int, int]]) -> None:
    keys = sorted(usage)
    await connection.execute(
        "INSERT INTO accounting.cap_usage AS u (account_id, cap_id, period_start, acts, amount_mg)"
        " SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::bigint[])"
        " ON CONFLICT (account_id, cap_id, period_start)"
        " DO UPDATE SET acts = u.acts + EXCLUDED.acts, amount_mg = u.amount_mg + EXCLUDED.amount_mg",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [usage[key][0] for key in keys],
        [usage[key][1] for key in keys],
    )


async def add_tallies(connection: Connection, tallies: Mapping[tuple[str, date, str, str], tuple[int, int]]) -> None:
    """Counts per partner, day of receipt, status and reason; a release counts the parked copy down."""
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


async def take_from_issuance(connection: Connection, deltas_mg: Mapping[tuple[uuid.UUID, str], int]) -> None:
    """Debits the issuance accounts, (account id, code) → milligrams, once per batch and last of all."""
    keys = sorted(deltas_mg)
    await connection.execute(
        "INSERT INTO accounting.ledger_account AS a (account_id, kind, code, balance_mg)"
        " SELECT id, 'issuance', code, -mg FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS v(id, code, mg)"
        " ON CONFLICT (account_id) DO UPDATE SET balance_mg = a.balance_mg + EXCLUDED.balance_mg",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [deltas_mg[key] for key in keys],
    )


# Receipts are numbered in time: as one partner's events came, so they are judged, parked in between or not.
_ORDER_OF_THE_LOG = "a.received_at, a.receipt_id, a.receipt_index"


async def parked_with_binding(connection: Connection, limit: int) -> Sequence[Any]:
    """Parked acts whose person is bound by now, oldest first, locked; rows another worker has are left to it."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.* FROM accounting.activity a WHERE a.status = 'parked' AND EXISTS (SELECT 1 FROM accounting.binding b"
        " WHERE b.partner_id = a.partner_id AND b.account_key = a.account_key AND b.status <> 'pending')"
        f" ORDER BY {_ORDER_OF_THE_LOG} LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    return rows


async def parked_of(connection: Connection, keys: Sequence[tuple[str, str]]) -> Sequence[Any]:
    """Parked acts of (partner, account key) pairs, in the order of the log, locked."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.* FROM accounting.activity a JOIN unnest($1::text[], $2::text[]) AS k(partner_id, account_key)"
        " USING (partner_id, account_key) WHERE a.status = 'parked'"
        f" ORDER BY {_ORDER_OF_THE_LOG} FOR UPDATE OF a",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return rows


async def parked_too_long(connection: Connection, life_s: int, limit: int) -> Sequence[Any]:
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.* FROM accounting.activity a WHERE a.status = 'parked'"
        " AND a.received_at < clock_timestamp() - make_interval(secs => $1)"
        " ORDER BY a.received_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        life_s,
        limit,
    )
    return rows


async def forget_parked(connection: Connection, activity_ids: Sequence[uuid.UUID], reason_code: str) -> None:
    """Refuses parked acts nobody claimed and drops what was done: only the inbox key stays."""
    await connection.execute(
        "UPDATE accounting.activity SET status = 'refused', reason_code = $2, account_key = NULL, act = NULL,"
        " judgement = NULL, sequence = sequence + 1 WHERE activity_id = ANY($1::uuid[]) AND status = 'parked'",
        activity_ids,
        reason_code,
    )

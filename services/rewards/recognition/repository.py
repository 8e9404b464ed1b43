"""SQL of acts, sums and the queue. Set-wise, with arrays."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.recognition.domain import (
    Act,
    Cell,
    Due,
    SceneSum,
    State,
    Sum,
    Sums,
    multirange,
)
from shared.db import Connection, driver

# Projections of verdicts share the first lock. A step of a rebuild takes it alone. The second belongs to whoever
# refreshes badges and rankings.
_SUMS_LOCK, _REFRESH_LOCK = 20_261_140, 20_261_141


async def share_sums(session: AsyncSession) -> None:
    await (await driver(session)).execute("SELECT pg_advisory_xact_lock_shared($1)", _SUMS_LOCK)


async def lock_sums(session: AsyncSession) -> None:
    """Wait for projections under way, and let new ones wait until the commit."""
    await (await driver(session)).execute("SELECT pg_advisory_xact_lock($1)", _SUMS_LOCK)


async def lock_refresh(session: AsyncSession) -> None:
    await (await driver(session)).execute("SELECT pg_advisory_xact_lock($1)", _REFRESH_LOCK)


async def try_lock_refresh(session: AsyncSession) -> bool:
    return bool(await (await driver(session)).fetchval("SELECT pg_try_advisory_xact_lock($1)", _REFRESH_LOCK))


async def get_state(session: AsyncSession) -> State:
    """Return the state. Without a row it is that of a new programme."""
    row = await (await driver(session)).fetchrow(
        "SELECT live, building, built_through, sweep_after, rules_sha256 FROM rewards.recognition_state"
    )
    return State(0, None, None, None, "") if row is None else State(*row)


async def set_generations(
    session: AsyncSession, *, live: int, building: int | None, built_through: uuid.UUID | None
) -> None:
    """The caller has locked the sums."""
    await (await driver(session)).execute(
        "INSERT INTO rewards.recognition_state (single, live, building, built_through) VALUES (1, $1, $2, $3)"
        " ON CONFLICT (single) DO UPDATE SET live = EXCLUDED.live, building = EXCLUDED.building,"
        " built_through = EXCLUDED.built_through",
        live,
        building,
        built_through,
    )


async def set_sweep(session: AsyncSession, *, after: uuid.UUID | None, rules_sha256: str) -> None:
    """The caller is the only refresher."""
    await (await driver(session)).execute(
        "INSERT INTO rewards.recognition_state (single, sweep_after, rules_sha256) VALUES (1, $1, $2)"
        " ON CONFLICT (single) DO UPDATE SET sweep_after = EXCLUDED.sweep_after, rules_sha256 = EXCLUDED.rules_sha256",
        after,
        rules_sha256,
    )


# --- acts ----------------------------------------------------------------------------------------------------------


async def lock_acts(session: AsyncSession, activity_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Act]:
    rows = await (await driver(session)).fetch(
        "SELECT activity_id, sequence, account_id, scene, amount_mg, day, day_sequence FROM rewards.recognised_act"
        " WHERE activity_id = ANY($1::uuid[]) ORDER BY activity_id FOR UPDATE",
        activity_ids,
    )
    return {row[0]: Act(*row) for row in rows}


async def insert_acts(session: AsyncSession, acts: Sequence[Act]) -> None:
    """Another consumer that inserted one of them a moment ago makes this a violated key, and the poll is repeated."""
    if acts:
        await (await driver(session)).execute(
            "INSERT INTO rewards.recognised_act"
            " (activity_id, sequence, account_id, scene, amount_mg, day, day_sequence)"
            " SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::bigint[], $6::date[], $7::int[])",
            *zip(*acts, strict=True),
        )


async def update_acts(session: AsyncSession, acts: Sequence[Act]) -> None:
    if acts:
        await (await driver(session)).execute(
            "UPDATE rewards.recognised_act a SET sequence = v.sequence, account_id = v.account_id, scene = v.scene,"
            " amount_mg = v.amount_mg, day = v.day, day_sequence = v.day_sequence"
            " FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::bigint[], $6::date[], $7::int[])"
            " AS v(activity_id, sequence, account_id, scene, amount_mg, day, day_sequence)"
            " WHERE a.activity_id = v.activity_id",
            *zip(*acts, strict=True),
        )


# --- sums ----------------------------------------------------------------------------------------------------------


async def lock_sums_of(session: AsyncSession, generation: int, cells: Collection[Cell]) -> Sums:
    """Return the sums that changes of these cells concern. The rows of totals are locked, in the order of accounts."""
    connection = await driver(session)
    accounts = sorted({cell[0] for cell in cells})
    sums = Sums()
    for row in await connection.fetch(
        "SELECT account_id, acts, amount_mg FROM rewards.earned_total"
        " WHERE generation = $1 AND account_id = ANY($2::uuid[]) ORDER BY account_id FOR UPDATE",
        generation,
        accounts,
    ):
        sums.totals[row[0]] = Sum(row[1], row[2])
    days = sorted({cell[:2] for cell in cells})
    for row in await connection.fetch(
        "SELECT d.account_id, d.day, d.scene, d.acts, d.amount_mg"
        " FROM unnest($2::uuid[], $3::date[]) v(account_id, day)"
        " JOIN rewards.earned_day d ON d.generation = $1 AND d.account_id = v.account_id AND d.day = v.day",
        generation,
        [one[0] for one in days],
        [one[1] for one in days],
    ):
        sums.days[row[0], row[1], row[2]] = Sum(row[3], row[4])
    for row in await connection.fetch(
        "SELECT account_id, scene, acts, days, amount_mg FROM rewards.earned_scene"
        " WHERE generation = $1 AND account_id = ANY($2::uuid[])",
        generation,
        accounts,
    ):
        sums.scenes[row[0], row[1]] = SceneSum(*row[2:])
    return sums


class _Rows(NamedTuple):
    """Rows to insert, to update and to delete."""

    new: list[tuple[Any, ...]]
    changed: list[tuple[Any, ...]]
    gone: list[tuple[Any, ...]]


def _sorted_rows(found: Iterable[tuple[tuple[Any, ...], tuple[Any, ...], int]], stored: Collection[Any]) -> _Rows:
    """`found`: the key, the values and the number of acts of each row."""
    rows = _Rows([], [], [])
    for key, values, acts in sorted(found, key=lambda one: one[0]):
        known = (key if len(key) > 1 else key[0]) in stored
        if acts and not known:
            rows.new.append((*key, *values))
        elif acts:
            rows.changed.append((*key, *values))
        elif known:
            rows.gone.append(key)
    return rows


async def _write(connection: Connection, generation: int, rows: _Rows, *, table: str, types: str, keys: int) -> None:
    """`types`: the name and type of each column behind the generation, of which the first `keys` are the key."""
    columns = [one.split() for one in types.split(", ")]
    names = [name for name, _ in columns]
    same = " AND ".join(f"t.{name} = v.{name}" for name in names[:keys])
    if rows.new:
        values = ", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(columns, 2))
        await connection.execute(
            f"INSERT INTO rewards.{table} (generation, {', '.join(names)}) SELECT $1, v.* FROM unnest({values}) v",
            generation,
            *zip(*rows.new, strict=True),
        )
    if rows.changed:
        values = ", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(columns, 2))
        sets = ", ".join(f"{name} = v.{name}" for name in names[keys:])
        await connection.execute(
            f"UPDATE rewards.{table} t SET {sets} FROM unnest({values}) v({', '.join(names)})"
            f" WHERE t.generation = $1 AND {same}",
            generation,
            *zip(*rows.changed, strict=True),
        )
    if rows.gone:
        values = ", ".join(f"${n}::{kind}[]" for n, (_, kind) in enumerate(columns[:keys], 2))
        await connection.execute(
            f"DELETE FROM rewards.{table} t USING unnest({values}) v({', '.join(names[:keys])})"
            f" WHERE t.generation = $1 AND {same}",
            generation,
            *zip(*rows.gone, strict=True),
        )


class Stored(NamedTuple):
    """The keys of the rows that the sums were read from."""

    days: frozenset[Cell]
    scenes: frozenset[tuple[uuid.UUID, str]]
    totals: frozenset[uuid.UUID]

    @classmethod
    def of(cls, sums: Sums) -> "Stored":
        return cls(frozenset(sums.days), frozenset(sums.scenes), frozenset(sums.totals))


async def store_sums(session: AsyncSession, generation: int, sums: Sums, stored: Stored) -> None:
    """Write sums after `Sums.apply`. The totals come first: who holds their locks writes the rest."""
    connection = await driver(session)
    await _store_totals(connection, generation, sums, stored.totals)
    changed_days = sums.days_added | sums.days_removed
    days = [(cell, (one.acts, one.amount_mg), one.acts) for cell, one in sums.days.items() if cell[:2] in changed_days]
    await _write(
        connection,
        generation,
        _sorted_rows(days, stored.days),
        table="earned_day",
        types="account_id uuid, day date, scene text, acts int, amount_mg bigint",
        keys=3,
    )
    scenes = [(key, (one.acts, one.days, one.amount_mg), one.acts) for key, one in sums.scenes.items()]
    await _write(
        connection,
        generation,
        _sorted_rows(scenes, stored.scenes),
        table="earned_scene",
        types="account_id uuid, scene text, acts int, days int, amount_mg bigint",
        keys=2,
    )


_NEW_TOTALS = """
INSERT INTO rewards.earned_total (generation, account_id, acts, amount_mg, active_days)
SELECT $1, v.account_id, v.acts, v.amount_mg, v.added::datemultirange
FROM unnest($2::uuid[], $3::int[], $4::bigint[], $5::text[]) v(account_id, acts, amount_mg, added)"""
_CHANGED_TOTALS = """
UPDATE rewards.earned_total t SET acts = v.acts, amount_mg = v.amount_mg,
    active_days = t.active_days + v.added::datemultirange - v.removed::datemultirange
FROM unnest($2::uuid[], $3::int[], $4::bigint[], $5::text[], $6::text[]) v(account_id, acts, amount_mg, added, removed)
WHERE t.generation = $1 AND t.account_id = v.account_id"""


async def _store_totals(connection: Connection, generation: int, sums: Sums, stored: Collection[uuid.UUID]) -> None:
    added, removed = _by_account(sums.days_added), _by_account(sums.days_removed)
    new, changed, gone = [], [], []
    for account_id, total in sorted(sums.totals.items()):
        values = (account_id, total.acts, total.amount_mg, multirange(added[account_id]))
        if total.acts and account_id not in stored:
            new.append(values)
        elif total.acts:
            changed.append((*values, multirange(removed[account_id])))
        elif account_id in stored:
            gone.append(account_id)
    if new:
        await connection.execute(_NEW_TOTALS, generation, *zip(*new, strict=True))
    if changed:
        await connection.execute(_CHANGED_TOTALS, generation, *zip(*changed, strict=True))
    if gone:
        await connection.execute(
            "DELETE FROM rewards.earned_total WHERE generation = $1 AND account_id = ANY($2::uuid[])", generation, gone
        )


def _by_account(days: Iterable[tuple[uuid.UUID, date]]) -> dict[uuid.UUID, list[date]]:
    found: dict[uuid.UUID, list[date]] = defaultdict(list)
    for account_id, day in days:
        found[account_id].append(day)
    return found


# --- donations -----------------------------------------------------------------------------------------------------


async def add_donations(
    session: AsyncSession, rows: Sequence[tuple[uuid.UUID, uuid.UUID, str, date, int]]
) -> Sequence[uuid.UUID]:
    """`rows`: donation, account, campaign, day, milligrams. Return the accounts of those that are new."""
    found = await (await driver(session)).fetch(
        "INSERT INTO rewards.recognised_donation (donation_id, account_id, campaign_id, day, amount_mg)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::bigint[])"
        " ON CONFLICT DO NOTHING RETURNING account_id",
        *zip(*rows, strict=True),
    )
    return [row[0] for row in found]


# --- the queue -----------------------------------------------------------------------------------------------------


async def add_due(session: AsyncSession, kind: str, subjects: Collection[uuid.UUID]) -> None:
    await (await driver(session)).execute(
        "INSERT INTO rewards.recognition_due (kind, subject) SELECT $1, unnest($2::uuid[])", kind, sorted(subjects)
    )


async def take_due(session: AsyncSession, limit: int) -> list[Due]:
    """Remove and return the oldest entries, each subject once."""
    rows = await (await driver(session)).fetch(
        "DELETE FROM rewards.recognition_due WHERE due_id = ANY(ARRAY("
        "SELECT due_id FROM rewards.recognition_due ORDER BY due_id LIMIT $1)) RETURNING kind, subject",
        limit,
    )
    return sorted({Due(*row) for row in rows})


async def oldest_due_s(session: AsyncSession) -> float:
    """Return the age of the oldest entry in seconds, 0 without one."""
    age = await (await driver(session)).fetchval(
        "SELECT extract(epoch FROM clock_timestamp() - since)::float8 FROM rewards.recognition_due"
        " ORDER BY due_id LIMIT 1"
    )
    return max(float(age or 0), 0.0)


async def accounts_after(session: AsyncSession, generation: int, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Return accounts with acts or donations, by id."""
    rows = await (await driver(session)).fetch(
        "(SELECT account_id FROM rewards.earned_total WHERE generation = $1 AND account_id > $2"
        " ORDER BY account_id LIMIT $3)"
        " UNION (SELECT DISTINCT account_id FROM rewards.recognised_donation WHERE account_id > $2"
        " ORDER BY account_id LIMIT $3) ORDER BY account_id LIMIT $3",
        generation,
        after,
        limit,
    )
    return [row[0] for row in rows]


async def erase(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> None:
    connection = await driver(session)
    for table in ("recognised_act", "recognised_donation", "earned_day", "earned_scene", "earned_total"):
        await connection.execute(f"DELETE FROM rewards.{table} WHERE account_id = ANY($1::uuid[])", account_ids)

"""The floor of the cost of posting: plain set-wise SQL writes the rows of a drain again.

It has no inbox look-up, no bindings, no locks, no judging and no encoding. Arrays prepared before the clock starts go
through `unnest` inserts and updates into the same tables with the same indexes, one transaction per 2,000 events.

    python -m tests.bench.floor DSN FILE   prints "ready", waits for a line, writes, prints the seconds it took
"""

import asyncio
import pickle
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from services.accounting.ledger.chart import issuance_code
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged

CHUNK = 2000
_ACTIVITY = (
    "activity_id", "fingerprint", "partner_id", "event_id", "receipt_id", "receipt_index", "account_id", "account_key",
    "status", "reason_code", "scene", "occurred_at", "ended_at", "received_at", "amount_mg", "methodology_code",
    "methodology_version", "judgement", "act", "raw_sha256",
)  # fmt: skip
_POSTING = ("posting_id", "debit_account_id", "credit_account_id", "amount_mg", "activity_id", "requested_by")
_NOT_INSERTED = {"tableoid"}


@dataclass
class Chunk:
    """The statements of one transaction with their arguments."""

    statements: list[tuple[str, list[list[Any]]]]
    events: int


def _insert(table: str, columns: Sequence[str], types: dict[str, str], rows: Sequence[Any]) -> tuple[str, list[Any]]:
    arrays = ", ".join(f"${place}::{types[name]}[]" for place, name in enumerate(columns, start=1))
    names = ", ".join(columns)
    statement = f"INSERT INTO accounting.{table} ({names}) SELECT * FROM unnest({arrays})"
    return statement, [[row[name] for row in rows] for name in columns]


async def _types(connection: "asyncpg.Connection[Any]", table: str) -> dict[str, str]:
    rows = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
        f" WHERE attrelid = 'accounting.{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return {row["attname"]: row["type"] for row in rows}


async def chunks_of(dsn: str, reports: Sequence[ActivityReported]) -> list[Chunk]:
    """Read the rows that the drain of these reports left at `dsn`. Returns the statements that write them again."""
    connection = await asyncpg.connect(dsn)
    try:
        activity_types = await _types(connection, "activity")
        posting_types = await _types(connection, "posting")
        columns = [name for name in _ACTIVITY if name in activity_types]
        chunks = []
        seen: set[uuid.UUID] = set()
        for first in range(0, len(reports), CHUNK):
            part = reports[first : first + CHUNK]
            ids = list(dict.fromkeys(one.event_key for one in part if one.event_key not in seen))
            seen.update(ids)
            activities = await connection.fetch("SELECT * FROM accounting.activity WHERE activity_id = ANY($1)", ids)
            postings = await connection.fetch(
                "SELECT * FROM accounting.posting WHERE activity_id = ANY($1) AND kind = 'credit'", ids
            )
            statements = [_insert("activity", columns, activity_types, activities)]
            statement, arguments = _insert("posting", _POSTING, posting_types, postings)
            statement = statement.replace("(posting_id,", "(kind, posting_id,").replace(
                "SELECT *", "SELECT 'credit', *"
            )
            statements.append((statement, arguments))
            statements += _caps(activities) + _people(activities) + [_outbox(part, activities)]
            statements += _tallies(part, activities) + _issuance(activities)
            chunks.append(Chunk(statements, len(part)))
        return chunks
    finally:
        await connection.close()


def _caps(activities: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    used: dict[tuple[uuid.UUID, str, date], list[int]] = defaultdict(lambda: [0, 0])
    for row in activities:
        if row["status"] == "credited":
            for cap in msgspec.json.decode(row["judgement"]).get("caps", ()):
                counter = used[row["account_id"], cap["cap_id"], date.fromisoformat(cap["period_start"])]
                counter[0] += 1
                counter[1] += row["amount_mg"]
    keys = sorted(used)
    statement = (
        "INSERT INTO accounting.cap_usage AS u (subject_id, cap_id, period_start, acts, amount_mg)"
        " SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::bigint[])"
        " ON CONFLICT (subject_id, cap_id, period_start)"
        " DO UPDATE SET acts = u.acts + EXCLUDED.acts, amount_mg = u.amount_mg + EXCLUDED.amount_mg"
    )
    columns = [[key[place] for key in keys] for place in range(3)]
    return [(statement, [*columns, [used[key][0] for key in keys], [used[key][1] for key in keys]])]


def _people(activities: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    amounts: dict[uuid.UUID, int] = defaultdict(int)
    for row in activities:
        if row["status"] == "credited":
            amounts[row["account_id"]] += row["amount_mg"]
    ids = sorted(amounts)
    statement = (
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg, lifetime_mg = a.lifetime_mg + v.mg"
        " FROM unnest($1::uuid[], $2::bigint[]) AS v(account_id, mg) WHERE a.account_id = v.account_id"
    )
    return [(statement, [ids, [amounts[key] for key in ids]])]


def _outbox(part: Sequence[ActivityReported], activities: Sequence[Any]) -> tuple[str, list[Any]]:
    rows = {row["activity_id"]: row for row in activities}
    encode = msgspec.json.Encoder().encode
    packed: list[tuple[bytes, bytes, list[Any]]] = []
    for one in part:
        row = rows.get(one.event_key)
        outcome = ActivityJudged(
            activity_id=one.event_key,
            partner_id=one.partner_id,
            event_id=one.event_id,
            receipt_id=one.receipt_id,
            index=one.index,
            status=row["status"] if row else "duplicate",
            reason_code=row["reason_code"] if row else None,
            amount_mg=row["amount_mg"] if row else 0,
            account_id=row["account_id"] if row else None,
            scene=row["scene"] if row else None,
            methodology=row["methodology_code"] if row else None,
            occurred_at=row["occurred_at"] if row else None,
            judged_at=one.received_at,
        )
        packed.append((f"{one.partner_id}:{one.account_key}".encode(), encode(outcome), []))
    statement = "INSERT INTO accounting.outbox (topic, records) VALUES ($1, $2)"
    return statement, ["bench", msgspec.msgpack.encode(packed)]


def _tallies(part: Sequence[ActivityReported], activities: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in activities:
        counter = counts[row["partner_id"], row["status"], row["reason_code"]]
        counter[0] += 1
        counter[1] += row["amount_mg"]
    keys = sorted(counts)
    statement = (
        "INSERT INTO accounting.intake_tally AS t (partner_id, received_on, status, reason_code, events, amount_mg)"
        " SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])"
        " ON CONFLICT (partner_id, received_on, status, reason_code)"
        " DO UPDATE SET events = t.events + EXCLUDED.events, amount_mg = t.amount_mg + EXCLUDED.amount_mg"
    )
    day = part[0].received_at.date()
    return [
        (
            statement,
            [
                [key[0] for key in keys],
                [day] * len(keys),
                [key[1] for key in keys],
                [key[2] for key in keys],
                [counts[key][0] for key in keys],
                [counts[key][1] for key in keys],
            ],
        )
    ]


def _issuance(activities: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    amounts: dict[str, int] = defaultdict(int)
    for row in activities:
        if row["amount_mg"]:
            amounts[issuance_code(row["methodology_code"])] += row["amount_mg"]
    statement = (
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg - v.mg"
        " FROM unnest($1::text[], $2::bigint[]) AS v(code, mg) WHERE a.code = v.code"
    )
    codes = sorted(amounts)
    return [(statement, [codes, [amounts[code] for code in codes]])]


async def write(dsn: str, chunks: Sequence[Chunk]) -> float:
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
    try:
        for chunk in chunks[:1]:
            for statement, _ in chunk.statements:
                await connection.prepare(statement)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        started = time.perf_counter()
        for chunk in chunks:
            async with connection.transaction():
                for statement, arguments in chunk.statements:
                    await connection.execute(statement, *arguments)
        return time.perf_counter() - started
    finally:
        await connection.close()


async def measure(dsn: str, parts: Sequence[Sequence[Chunk]], directory: Path) -> float:
    """Write each part in a process of its own, all started together. Returns the seconds until the last one ends."""
    writers = []
    for number, part in enumerate(parts):
        file = directory / f"floor-{number}.pickle"
        file.write_bytes(pickle.dumps(list(part)))
        writers.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.bench.floor",
                dsn,
                str(file),
                cwd=Path(__file__).resolve().parents[2],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )
    for writer in writers:
        assert writer.stdout is not None
        if (await writer.stdout.readline()).strip() != b"ready":
            raise RuntimeError("the floor's writer did not start")
    started = time.perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        await writer.stdin.drain()
    codes = [await writer.wait() for writer in writers]
    if any(codes):
        raise RuntimeError("the floor's writer failed")
    taken_s = [float((await writer.stdout.readline()).decode()) for writer in writers if writer.stdout]
    return min(max(taken_s), time.perf_counter() - started)


def main() -> None:
    chunks: list[Chunk] = pickle.loads(Path(sys.argv[2]).read_bytes())
    print(asyncio.run(write(sys.argv[1], chunks)))


if __name__ == "__main__":
    from tests.bench.floor import Chunk, main  # pickle needs the importable name of the module, not __main__

    main()

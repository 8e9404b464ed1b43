"""Cost of posting with full tables: SQL inserts a million people and activities of past months.

The default is half a million past activities. BENCH_PAST=10000000 makes ten million, which exceeds the ten minutes.
"""

import asyncio
import os
import time
from typing import Any

import asyncpg

from tests.bench import people
from tests.bench.figures import Figure, compared
from tests.bench.lab import Lab, drain
from tests.bench.posting import prepare
from tests.bench.progress import Progress
from tests.databases import Dsns

PART = "scale"
SMALL, LARGE = 100_000, 1_000_000
EVENTS = 15_000
ROUNDS = 3
STEPS = ROUNDS * 2 + 2
WARM_UP = 6_000
PAST = int(os.environ.get("BENCH_PAST", "500000"))
_SIZES = """
SELECT relname, pg_table_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes,
    (SELECT n_live_tup FROM pg_stat_user_tables s WHERE s.relid = c.oid) AS rows
FROM pg_class c WHERE relnamespace = 'accounting'::regnamespace AND relkind = 'r'
    AND relname IN ('activity', 'posting', 'cap_usage', 'ledger_account', 'binding')
"""


async def measure(lab: Lab, progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    small = await prepare(lab, "bench_small", progress, SMALL)
    large = await prepare(lab, "bench_large", progress, LARGE)
    progress.step()
    for dsns, size in ((small, SMALL), (large, LARGE)):
        await _drained(lab, dsns, 1, WARM_UP, size)
    progress.say(f"{PAST:,} past activities")
    filled_s = await _fill(large)
    progress.step()
    sizes = await _bytes_per_row(large)
    taken: dict[str, list[float]] = {small.name: [], large.name: []}
    for number in range(ROUNDS):
        for dsns, size in ((small, SMALL), (large, LARGE)):
            progress.say(f"{size:,} people, {number + 1}/{ROUNDS}")
            taken[dsns.name].append(await _drained(lab, dsns, 50 + number, EVENTS, size) / EVENTS * 1e6)
            progress.step()
    figure = compared(
        PART,
        ("一百万账户与历史记录下的单条成本", f"cost of an event with {LARGE:,} people and {PAST:,} past activities"),
        taken[large.name],
        taken[small.name],
        unit="us",
        limit_name=f"{SMALL:,} people, empty",
        target=1.3,
        at_most=True,
        note=f"filled in {filled_s:.0f} s",
    )
    return [figure], {"bytes_per_row": sizes, "past_activities": PAST}


async def _drained(lab: Lab, dsns: Dsns, seed: int, count: int, size: int) -> float:
    await lab.start_workers(dsns, 1)
    taken_s = await drain(lab, dsns, people.make_records(people.make_reports(seed, count, size)))
    await lab.start_workers(dsns, 0)
    return taken_s


async def _fill(dsns: Dsns) -> float:
    started = time.perf_counter()
    half = PAST // 2
    await asyncio.gather(
        people.make_past(dsns.admin, 1, half, LARGE), people.make_past(dsns.admin, half + 1, PAST, LARGE)
    )
    connection = await asyncpg.connect(dsns.admin)
    try:
        await connection.execute("VACUUM ANALYZE accounting.activity")
    finally:
        await connection.close()
    return time.perf_counter() - started


async def _bytes_per_row(dsns: Dsns) -> dict[str, dict[str, float]]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        await connection.execute("ANALYZE")
        found = await connection.fetch(_SIZES)
    finally:
        await connection.close()
    return {
        row["relname"]: {
            "heap": round(row["heap"] / max(row["rows"], 1)),
            "indexes": round(row["indexes"] / max(row["rows"], 1)),
        }
        for row in found
    }

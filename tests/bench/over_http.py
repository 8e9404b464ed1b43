"""Intake, reads and the path from HTTP to the ledger, on the running stack, with peers behind an equal gateway."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.bench.city import HOST, City, credited
from tests.bench.figures import Figure, compared
from tests.bench.load import LoadJob, LoadResult, run_load
from tests.bench.progress import Progress

ROUNDS = 3
SECONDS = 2.0
BATCH = 100
CONNECTIONS = 32  # with a hundred events a request, neither side then waits for answers
SINGLE_CONNECTIONS = 128  # with fewer, single events wait for the broker while processors idle
READERS = 16
READ_SECONDS = 1.5
READERS_OF_EVENTS = ("accounting-worker", "ingest-worker", "rewards-worker")
READ_PEOPLE = 500
LAG_TARGET_S = 2.0
RATE_TARGET = 15_000
SUSTAINED_S = 30.0
SOAK_MINUTES = 10
SOAK_RATE = 1500
_SAMPLE_S = 0.05
_SETTLE_S = 60.0


async def _offer(city: City, port: int, requests: list[bytes], **more: Any) -> LoadResult:
    job = LoadJob(HOST, port, requests, **{"connections": CONNECTIONS, "seconds": SECONDS, **more})
    found = await run_load(job, city.directory)
    if any(int(status) >= 400 for status in found.statuses):
        raise RuntimeError(f"refused under load: {found.statuses}")
    return found


async def wait_idle(city: City) -> None:
    """Wait until no event is in transit, so that the next measurement pays only for its own work."""
    connection = await asyncpg.connect(city.admin)
    deadline, before = time.monotonic() + _SETTLE_S, -1
    try:
        while time.monotonic() < deadline:
            now = await connection.fetchval(
                "SELECT (SELECT coalesce(sum(events), 0) FROM accounting.intake_tally)"
                " + (SELECT coalesce(sum(next_offset), 0) FROM ingest.consumer_partition)"
            )
            if now == before:
                return
            before = now
            await asyncio.sleep(0.7)
    finally:
        await connection.close()


async def intake(city: City, progress: Progress, *, rounds: int = ROUNDS) -> list[Figure]:
    peer = city.start_peer()
    figures = []
    for size, count, connections, target, names in (
        (BATCH, 300, CONNECTIONS, 0.6, (f"接入，每批 {BATCH} 条", f"intake in batches of {BATCH}")),
        (1, 5_000, SINGLE_CONNECTIONS, 0.4, ("接入，单条", "intake of single events")),
    ):
        ours, theirs = [], []
        for number in range(rounds):
            progress.say(f"{names[1]}, {number + 1}/{rounds}")
            requests = city.signed_requests(count, size, seed=1000 * size + number)
            # Other parts measure the consumers. Here they must not use the processor.
            with city.frozen(*READERS_OF_EVENTS):
                found = await _offer(city, peer, requests, weight=size, connections=connections)
                theirs.append(found.per_s)
                found = await _offer(city, city.port, requests, weight=size, connections=connections)
                ours.append(found.per_s)
            progress.step()
            await wait_idle(city)
        figures.append(
            compared("intake", names, ours, theirs, unit="/s", limit_name="body and HMAC only", target=target)
        )
    return figures


async def reads(city: City, progress: Progress, *, rounds: int = ROUNDS) -> list[Figure]:
    peer = city.start_peer()
    people = range(1, READ_PEOPLE + 1)
    ids = [city.account_of(person) for person in people]
    rows = [f"GET /api/v1/accounting/methodologies?id={one} HTTP/1.1\r\nhost: bench\r\n\r\n".encode() for one in ids]
    routes = {
        "balance": ("余额", city.read_requests("/api/v1/accounting/me/balance", people)),
        "activities": ("减碳记录页", city.read_requests("/api/v1/accounting/me/activities?limit=20", people)),
        "allowances": ("今日额度", city.read_requests("/api/v1/accounting/me/allowances", people)),
        "catalogue": ("商品目录", city.read_requests("/api/v1/rewards/items", None)),
    }
    figures = []
    for name, (zh, requests) in routes.items():
        ours, theirs, p99 = [], [], []
        for number in range(rounds):
            progress.say(f"读取 {name}, {number + 1}/{rounds}")
            options = {"connections": READERS, "seconds": READ_SECONDS, "repeat": True}
            theirs.append((await _offer(city, peer, rows, **options)).per_s)
            found = await _offer(city, city.port, requests, **options)
            ours.append(found.per_s)
            p99.append(found.p99_ms)
            progress.step()
        note = f"p99 {sorted(p99)[len(p99) // 2]:.0f} ms"
        names = (f"读取{zh}", f"read {name}, {note}")
        figures.append(compared("reads", names, ours, theirs, unit="/s", limit_name="one row by key", note=note))
    return figures


@dataclass
class LedgerRun:
    """One run from HTTP to the ledger. Lags are seconds between the accepted and the credited curve."""

    offered: float
    accepted: float
    credited: float
    p50_s: float
    p99_s: float
    resident: list[dict[str, float]] = field(default_factory=list)


async def _sample_credited(
    city: City, stop: asyncio.Event, resident: list[dict[str, float]]
) -> list[tuple[float, int]]:
    connection = await asyncpg.connect(city.admin)
    marks: list[tuple[float, int]] = []
    looked_at = 0.0
    try:
        first = await credited(connection)
        while not stop.is_set():
            marks.append((time.time(), await credited(connection) - first))
            if time.monotonic() - looked_at > 5:
                resident.append(city.resident_mib())
                looked_at = time.monotonic()
            await asyncio.sleep(_SAMPLE_S)
    finally:
        await connection.close()
    return marks


def _lags(accepted: list[tuple[float, int]], done: list[tuple[float, int]]) -> list[float]:
    """Return the lag of every accepted request: until as many events are credited as were accepted by then."""
    counts = [count for _, count in done]
    lags = []
    for at, count in accepted:
        place = bisect_left(counts, count)
        if place < len(done):
            lags.append(max(done[place][0] - at, 0.0))
    return sorted(lags)


async def run_to_ledger(city: City, *, rate: float, seconds: float, seed: int) -> LedgerRun:
    """Run once. `rate` in events per second; 0 sends the next request after each answer."""
    per_s = rate / BATCH
    count = int(seconds * per_s) if rate else int(seconds * 400)
    requests = await asyncio.to_thread(city.signed_requests, count, BATCH, seed=seed)
    stop = asyncio.Event()
    resident: list[dict[str, float]] = []
    sampling = asyncio.create_task(_sample_credited(city, stop, resident))
    await asyncio.sleep(0.2)
    started = time.time()
    job = LoadJob(HOST, city.port, requests, connections=CONNECTIONS, seconds=seconds, rate=per_s, weight=BATCH)
    found = await run_load(job, city.directory)
    await wait_idle(city)
    stop.set()
    marks = await sampling
    total = marks[-1][1]
    finished = next(at for at, count in marks if count >= total)
    lags = _lags(found.marks, marks)
    return LedgerRun(
        rate or found.per_s,
        found.per_s,
        total / (finished - started),
        lags[len(lags) // 2] if lags else float("inf"),
        lags[int(len(lags) * 0.99)] if lags else float("inf"),
        resident,
    )


async def end_to_end(
    city: City, progress: Progress, *, seconds: float = SUSTAINED_S
) -> tuple[list[Figure], dict[str, Any]]:
    """Measure the flooded rate, then the highest offered rate with a p99 lag within LAG_TARGET_S."""
    where = f"end to end, {city.log}"
    progress.say(f"{where}: flooded")
    flooded = await run_to_ledger(city, rate=0, seconds=6, seed=71)
    progress.step()
    rate, held, seed = flooded.credited * 0.9, None, 80
    for _ in range(3):
        seed += 1
        progress.say(f"{where}: {rate:,.0f}/s")
        held = await run_to_ledger(city, rate=rate, seconds=seconds, seed=seed)
        if held.p99_s <= LAG_TARGET_S:
            break
        rate *= 0.8
    progress.step()
    assert held is not None
    name, name_zh = ("Kafka", "Kafka") if city.log == "kafka" else ("embedded log", "内嵌日志")
    figures = [
        Figure(
            f"end to end {city.log}",
            f"端到端持续（{name_zh}）",
            f"HTTP to ledger, held for {seconds:.0f} s, {name}",
            held.credited,
            "/s",
            limit=RATE_TARGET,
            limit_name=f"p50 {held.p50_s:.2f} s, p99 {held.p99_s:.2f} s; aim",
            ratio=held.credited / RATE_TARGET,
            target=1.0,
            note=f"flooded {flooded.credited:.0f}/s",
        ),
        Figure(
            f"end to end {city.log}",
            f"端到端满载（{name_zh}）",
            f"HTTP to ledger, flooded, {name}",
            flooded.credited,
            "/s",
            limit=6000,
            limit_name="floor",
            ratio=flooded.credited / 6000,
            target=1.0,
            note=f"accepted {flooded.accepted:.0f}/s",
        ),
    ]
    return figures, {f"memory_mib_{city.log}": _first_and_peak(held.resident)}


def _first_and_peak(resident: Sequence[dict[str, float]]) -> dict[str, list[int]]:
    """Return the first and the highest MiB of each process."""
    return {
        name: [round(resident[0][name]), round(max(sample.get(name, 0) for sample in resident))] for name in resident[0]
    }


async def soak(
    city: City, progress: Progress, *, minutes: int = SOAK_MINUTES, rate: float = SOAK_RATE
) -> tuple[list[Figure], dict[str, Any]]:
    """Measure the memory of every process under a steady load: the last minute against the second one."""
    samples: list[dict[str, float]] = []
    for minute in range(minutes):
        progress.say(f"soak, {minute + 1}/{minutes} min")
        samples.append((await run_to_ledger(city, rate=rate, seconds=55, seed=900 + minute)).resident[-1])
        progress.step()
    figures = [
        compared(
            "soak",
            (f"内存 {name}", f"memory of {name} after {minutes} minutes"),
            [samples[-1].get(name, 0)],
            [samples[min(1, minutes - 1)][name]],
            unit="MiB",
            limit_name="after two minutes",
            target=1.2,
            at_most=True,
        )
        for name in samples[0]
    ]
    return figures, {"soak_mib": samples}

"""Posting: the real worker from a full log to the committed ledger, against plain SQL and an ORM peer."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from services.accounting import seed
from services.accounting.settings import Settings
from shared.contracts import topics
from tests.bench import floor, people
from tests.bench.figures import Figure, compared
from tests.bench.lab import Lab, drain
from tests.bench.orm_peer import OrmPeer
from tests.bench.progress import Progress
from tests.databases import Dsns, in_own_loop
from tests.tokens import SERVICE_KEYS

PART = "posting"
PEOPLE = 100_000
EVENTS = 30_000
PEER_EVENTS = 250
ROUNDS = 3
WARM_UP = 4000


@dataclass
class Samples:
    """Events per second, one value per round."""

    worker: dict[int, list[float]] = field(default_factory=lambda: {1: [], 2: []})
    floor: dict[int, list[float]] = field(default_factory=lambda: {1: [], 2: []})
    peer: list[float] = field(default_factory=list)
    hot: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


async def prepare(lab: Lab, name: str, progress: Progress, size: int = PEOPLE) -> Dsns:
    """Create a migrated and seeded database with `size` people, and its topics."""
    progress.say("数据库与人口 database and people")
    dsns = await asyncio.to_thread(lab.database, name)
    settings = Settings(
        database_url=dsns.app("accounting"),
        event_log_url=lab.event_log_url(dsns),
        jwks_url="http://127.0.0.1:9/jwks",
        service_key=SERVICE_KEYS["accounting"],
    )
    await asyncio.to_thread(in_own_loop, lambda: seed.seed(settings))
    await people.make_people(dsns.admin, 1, size)
    async with lab.log(dsns) as log:
        await log.ensure_topic(lab.topic(dsns), partitions=topics.PARTITIONS[topics.ACTIVITIES])
    return dsns


async def measure(lab: Lab, progress: Progress, *, rounds: int = ROUNDS) -> tuple[list[Figure], dict[str, Any]]:
    dsns = await prepare(lab, "bench_posting", progress)
    await _warm_up(lab, dsns, 1, 1)
    bare = await _stop_and_copy(lab, dsns)
    samples = Samples()
    seed_number = 10
    for number in range(rounds):
        for workers in (1, 2):
            seed_number += 1
            progress.say(f"记账 posting, {workers} worker, {number + 1}/{rounds}")
            made = people.make_reports(seed_number, EVENTS, PEOPLE)
            await _warm_up(lab, dsns, workers, seed_number)
            cpu_s = sum(worker.cpu_s() for worker in lab.workers)
            taken_s = await drain(lab, dsns, people.make_records(made))
            samples.worker[workers].append(EVENTS / taken_s)
            if workers == 1:
                samples.cpu_us.append((sum(worker.cpu_s() for worker in lab.workers) - cpu_s) / EVENTS * 1e6)
            progress.step()
            for worker in lab.workers:
                worker.freeze()
            chunks = await floor.chunks_of(dsns.admin, made)
            await lab.checkpoint()
            parts = [chunks[place::workers] for place in range(workers)]
            taken_s = await floor.measure(bare.app("accounting"), parts, lab.directory)
            samples.floor[workers].append(EVENTS / taken_s)
            for worker in lab.workers:
                worker.thaw()
            progress.step()
        await _warm_up(lab, dsns, 1, seed_number)
        seed_number += 1
        hot = people.make_records(people.make_reports(seed_number, EVENTS // 4, PEOPLE, hot=True))
        samples.hot.append(len(hot) / await drain(lab, dsns, hot))
        progress.step()
        await lab.start_workers(dsns, 0)
        samples.peer.append(
            await OrmPeer(bare.app("accounting")).measure(people.make_reports(seed_number, PEER_EVENTS, PEOPLE))
        )
        progress.step()
    return _figures(samples), {"posting_worker_cpu_us": samples.cpu_us}


async def _warm_up(lab: Lab, dsns: Dsns, workers: int, seed_number: int) -> None:
    """Start the workers and let each post once. Real workers run for weeks; first-time costs are not measured."""
    await lab.start_workers(dsns, workers)
    await drain(lab, dsns, people.make_records(people.make_reports(1000 + seed_number, WARM_UP, PEOPLE)))


async def _stop_and_copy(lab: Lab, dsns: Dsns) -> Dsns:
    """Copy the database for the floor and the peer, so that neither side finds the other's rows."""
    await lab.start_workers(dsns, 0)
    await lab.checkpoint()
    return await lab.copy_database(f"{dsns.name}_floor", dsns.name)


def _figures(samples: Samples) -> list[Figure]:
    found = []
    for workers, zh in ((1, "一个工作进程"), (2, "两个工作进程")):
        found.append(
            compared(
                PART,
                (f"记账，{zh}", f"posting, {workers} worker{'s' if workers > 1 else ''}"),
                samples.worker[workers],
                samples.floor[workers],
                unit="/s",
                limit_name="plain set-wise SQL",
                target=0.6,
            )
        )
    found.append(
        compared(
            PART,
            ("记账，对比逐条 ORM 事务", "posting against an ORM transaction per event"),
            samples.worker[1],
            samples.peer,
            unit="/s",
            limit_name="ORM",
            target=40,
        )
    )
    found.append(
        compared(
            PART,
            ("单一热点用户", "one hot user"),
            samples.hot,
            samples.worker[1],
            unit="/s",
            limit_name="mixed",
            target=0.5,
        )
    )
    return found

"""Servers of a run: a throw-away PostgreSQL with durable settings, the log, and workers as real processes."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import asyncpg

from deploy.kafka.node import KafkaNode
from deploy.local.database import create_test_database
from deploy.local.postgres import PostgresServer
from services.accounting.settings import Settings
from shared.contracts import topics
from shared.eventlog import EventLog, Record, open_event_log
from tests.databases import Dsns, make_database
from tests.tokens import SERVICE_KEYS

ROOT = Path(__file__).resolve().parents[2]
POSTING_LANES: int = Settings.model_fields["posting_lanes"].default
LEASE_S = 9  # workers share the partitions again after every third of it
READY_S = 60.0


def cpu_s(pid: int) -> float:
    """Return the processor time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Worker:
    """A process of `python -m services.accounting.worker`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.accounting.worker"],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def cpu_s(self) -> float:
        return cpu_s(self.process.pid)

    def stop(self) -> None:
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)


class Lab:
    """Throw-away servers in a temporary directory. Use as `with Lab() as lab`."""

    def __init__(self, *, kafka: bool = True) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self.directory.chmod(0o755)
        self.postgres = PostgresServer(self.directory / "postgres", durable=True)
        self.kafka = KafkaNode(self.directory / "kafka") if kafka else None
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        try:
            self.postgres.start()
            if self.kafka is not None:
                self.kafka.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()
        if self.kafka is not None:
            self.kafka.stop()
        self.postgres.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- databases -------------------------------------------------------------------------------------------------

    def database(self, name: str, services: Sequence[str] = ("accounting",)) -> Dsns:
        return make_database(self.postgres.admin_dsn(), name, services)

    async def copy_database(self, name: str, template: str) -> Dsns:
        admin = self.postgres.admin_dsn()
        await create_test_database(admin, name, template=template)
        return Dsns(admin, name)

    async def checkpoint(self) -> None:
        """Run a checkpoint before a measurement, so that it does not pay for earlier writes."""
        connection = await asyncpg.connect(self.postgres.admin_dsn())
        try:
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()

    # --- processes -------------------------------------------------------------------------------------------------

    def event_log_url(self, dsns: Dsns) -> str:
        return f"kafka://{self.kafka.bootstrap_servers}" if self.kafka is not None else dsns.event_log

    def environment(self, dsns: Dsns, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACCOUNTING_", "PG"))}
        return {
            **kept,
            "ACCOUNTING_DATABASE_URL": dsns.app("accounting"),
            "ACCOUNTING_EVENT_LOG_URL": self.event_log_url(dsns),
            "ACCOUNTING_JWKS_URL": "http://127.0.0.1:9/jwks",
            "ACCOUNTING_SERVICE_KEY": SERVICE_KEYS["accounting"],
            "ACCOUNTING_LEASE_S": str(LEASE_S),
            "ACCOUNTING_LOG_LEVEL": "WARNING",
            "ACCOUNTING_TOPIC_PREFIX": f"{dsns.name}." if self.kafka is not None else "",
            **{f"ACCOUNTING_{name.upper()}": value for name, value in more.items()},
        }

    def topic(self, dsns: Dsns, name: str = topics.ACTIVITIES) -> str:
        return f"{dsns.name}.{name}" if self.kafka is not None else name

    async def start_workers(self, dsns: Dsns, count: int, **more: str) -> list[Worker]:
        """Start or stop workers until `count` of them share the partitions evenly."""
        while len(self.workers) > count:
            self.workers.pop().stop()
        while len(self.workers) < count:
            self.workers.append(Worker(self.environment(dsns, **more), self.directory / "worker.log"))
        if count:
            await self._wait_partitions_shared(dsns, count)
        return self.workers

    async def _wait_partitions_shared(self, dsns: Dsns, count: int) -> None:
        partitions = topics.PARTITIONS[topics.ACTIVITIES]
        connection = await asyncpg.connect(dsns.admin)
        deadline = time.monotonic() + READY_S
        try:
            while True:
                rows = await connection.fetch(
                    "SELECT holder, count(*) AS held FROM accounting.consumer_partition"
                    " WHERE consumer = 'accounting.posting' AND holder IS NOT NULL AND topic = $1 GROUP BY holder",
                    self.topic(dsns),
                )
                holders = count * POSTING_LANES
                if sorted(row["held"] for row in rows) == [partitions // holders] * holders:
                    return
                if time.monotonic() > deadline:
                    raise RuntimeError(f"workers did not share the partitions: {rows}\n{self.log_tail()}")
                await asyncio.sleep(0.1)
        finally:
            await connection.close()

    def log_tail(self) -> str:
        log = self.directory / "worker.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    @contextlib.asynccontextmanager
    async def log(self, dsns: Dsns) -> AsyncIterator[EventLog]:
        log = open_event_log(self.event_log_url(dsns), client_id="bench")
        await log.start()
        try:
            yield log
        finally:
            await log.stop()


async def consumed(connection: "asyncpg.Connection[Any]", topic: str) -> int:
    """Return the sum of the committed offsets of the posting consumer."""
    found = await connection.fetchval(
        "SELECT coalesce(sum(next_offset), 0)::bigint FROM accounting.consumer_partition"
        " WHERE consumer = 'accounting.posting' AND topic = $1",
        topic,
    )
    return int(found)


async def drain(lab: Lab, dsns: Dsns, records: Sequence[Record], *, timeout_s: float = 180.0) -> float:
    """Return the seconds from a full log with stopped workers to the commit of the last record."""
    connection = await asyncpg.connect(dsns.admin)
    topic = lab.topic(dsns)
    try:
        before = await consumed(connection, topic)
        await lab.checkpoint()
        for worker in lab.workers:
            worker.freeze()
        async with lab.log(dsns) as log:
            for first in range(0, len(records), 5000):
                await log.publish(topic, records[first : first + 5000], timeout_s=30)
        started = time.perf_counter()
        for worker in lab.workers:
            worker.thaw()
        while await consumed(connection, topic) < before + len(records):
            if time.perf_counter() - started > timeout_s:
                raise RuntimeError(f"the workers did not drain the log in {timeout_s} s\n{lab.log_tail()}")
            await asyncio.sleep(0.01)
        return time.perf_counter() - started
    finally:
        await connection.close()

"""Imports a long file with real processes: uploaded in parts, its worker killed halfway, every line counted once.

`python -m tests.ingest.long_import` imports a million lines into a temporary PostgreSQL and prints the progress and
the memory of both processes. The test suite does the same with a short file.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared import clock
from tests.databases import Dsns, make_database
from tests.ingest.files import HEADER, IMPORTS, announce, row
from tests.ingest.samples import PartnerClient, seed_partner

ROOT = Path(__file__).resolve().parents[2]
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
RECONCILIATION = "/api/v1/ingest/reconciliation"
LEASE_S = 3
MIB = 1024 * 1024


@dataclass
class Result:
    lines: int
    accepted: int = 0
    published: int = 0
    distinct: int = 0
    resumed_at_line: int = 0
    seconds: float = 0.0
    differences: dict[str, int] = field(default_factory=dict)
    worker_mib: list[float] = field(default_factory=list)
    api_mib: list[float] = field(default_factory=list)


def environment(dsns: Dsns, lines_per_s: int) -> dict[str, str]:
    own = {
        "INGEST_DATABASE_URL": dsns.app("ingest"),
        "INGEST_EVENT_LOG_URL": dsns.event_log,
        "INGEST_JWKS_URL": "http://127.0.0.1:1/jwks.json",
        "INGEST_ACCOUNT_REF_PEPPER": "pepper-of-the-tests-1234",
        "INGEST_KEY_ENCRYPTION_KEY": KEY,
        "INGEST_LEASE_S": str(LEASE_S),
        "INGEST_IMPORT_LINES_PER_S": str(lines_per_s),
        "INGEST_LOG_LEVEL": "ERROR",
    }
    return {**os.environ, **own}


async def start_worker(env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest.worker", cwd=ROOT, env=env, stderr=asyncio.subprocess.DEVNULL
    )


async def end(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGTERM) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    await process.wait()


@contextlib.asynccontextmanager
async def running_api(env: dict[str, str]) -> AsyncIterator[tuple[PartnerClient, int]]:
    """A client of the HTTP process, and the id of that process."""
    port = free_port()
    app = ("uvicorn", "--factory", "services.ingest.main:create_app", "--port", str(port), "--log-level", "error")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *app, cwd=ROOT, env=env)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            async with asyncio.timeout(60):
                while not await _ready(client):
                    await asyncio.sleep(0.1)
            yield PartnerClient(client, "ak-bike"), process.pid
    finally:
        await end(process)


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def write_file(path: Path, lines: int) -> None:
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for number in range(lines):
            file.write(row(f"long-{number}", distance=1000 + number % 9000) + "\n")


def _parts(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(size):
            yield part


async def upload(client: PartnerClient, path: Path, **more: Any) -> str:
    digest = hashlib.sha256()
    for part in _parts(path, MIB):
        digest.update(part)
    announced = {
        "format": "csv", "size_bytes": path.stat().st_size, "sha256": digest.hexdigest(),
        "event_type": "trip.completed", **more,
    }  # fmt: skip
    begun = (await announce(client, announced)).json()
    place = f"{IMPORTS}/{begun['import_id']}"
    for number, part in enumerate(_parts(path, begun["parts"]["size_bytes"])):
        answer = await client.send("PUT", f"{place}/parts/{number}", part)
        assert answer.status_code == 200, answer.text
    answer = await client.send("POST", f"{place}/complete")
    assert answer.status_code == 202, answer.text
    return str(begun["import_id"])


def _mib(pid: int) -> float:
    return round(int(psutil.Process(pid).memory_info().rss) / MIB, 1)


class ImportMonitor:
    """Polls the progress and samples memory until the import is done. Kills the worker once."""

    def __init__(self, client: PartnerClient, env: dict[str, str], result: Result, *, api_pid: int | None) -> None:
        self._client, self._env, self._result, self._api_pid = client, env, result, api_pid

    async def until_done(self, import_id: str, *, kill_at: float | None, every_s: float, show: bool) -> dict[str, Any]:
        worker = await start_worker(self._env)
        try:
            while True:
                found = (await self._client.get(f"{IMPORTS}/{import_id}")).json()
                progress = found["progress"]
                if worker.returncode is None:
                    self._sample(worker.pid, progress, show=show)
                if found["status"] in {"done", "failed"}:
                    return dict(found)
                if kill_at is not None and progress["lines_read"] >= kill_at * self._result.lines:
                    kill_at = None
                    await end(worker, signal.SIGKILL)
                    after = (await self._client.get(f"{IMPORTS}/{import_id}")).json()["progress"]
                    self._result.resumed_at_line = after["lines_read"]
                    if show:
                        print(f"worker killed (SIGKILL) at line {after['lines_read']}; another one starts")
                    worker = await start_worker(self._env)
                await asyncio.sleep(every_s)
        finally:
            await end(worker)

    def _sample(self, worker_pid: int, progress: dict[str, Any], *, show: bool) -> None:
        self._result.worker_mib.append(_mib(worker_pid))
        if self._api_pid is not None:
            self._result.api_mib.append(_mib(self._api_pid))
        if show:
            api = f", api {self._result.api_mib[-1]} MiB" if self._api_pid else ""
            read = f"{progress['percent']:3d} % line {progress['lines_read']:>9,}"
            print(f"{read}  accepted {progress['accepted']:,}  worker {self._result.worker_mib[-1]} MiB{api}")


async def count(dsns: Dsns, result: Result) -> None:
    """Count the records in the log and the distinct events among them."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        result.published = await connection.fetchval(
            "SELECT coalesce(sum(records), 0)::bigint FROM eventlog.record WHERE topic_id ="
            " (SELECT topic_id FROM eventlog.topic WHERE name = 'ingest.activities.v1')"
        )
        result.distinct = await connection.fetchval("SELECT count(DISTINCT event_key) FROM ingest.reported_event")
    finally:
        await connection.close()


async def archived(dsns: Dsns, lines: int, worker_env: dict[str, str]) -> None:
    """Run a worker until it has archived the rest of the log."""
    worker = await start_worker(worker_env)
    connection = await asyncpg.connect(dsns.admin)
    try:
        while await connection.fetchval("SELECT count(*) FROM ingest.reported_event") < lines:
            await asyncio.sleep(0.5)
    finally:
        await connection.close()
        await end(worker)


async def prepare(dsns: Dsns, lines_per_s: int) -> dict[str, str]:
    env = environment(dsns, lines_per_s)
    values = {name.removeprefix("INGEST_").lower(): value for name, value in env.items() if name.startswith("INGEST_")}
    await seed(Settings.model_validate(values), json.dumps([seed_partner("bike")]).encode())
    return env


async def _main(lines: int, lines_per_s: int, dsns: Dsns, place: Path) -> None:
    result, path = Result(lines), place / "long.csv"
    write_file(path, lines)
    print(f"{lines:,} lines, {path.stat().st_size / MIB:.0f} MiB")
    env = await prepare(dsns, lines_per_s)
    async with running_api(env) as (client, api_pid):
        monitor = ImportMonitor(client, env, result, api_pid=api_pid)
        started = time.monotonic()
        import_id = await upload(client, path)
        print(f"uploaded in {time.monotonic() - started:.1f} s")
        started = time.monotonic()
        found = await monitor.until_done(import_id, kill_at=0.4, every_s=2, show=True)
        result.seconds = time.monotonic() - started
        assert found["status"] == "done", found
        result.accepted = found["progress"]["accepted"]
        await archived(dsns, lines, env)
        await count(dsns, result)
        print(
            f"{result.seconds:.0f} s, {lines / result.seconds:,.0f} lines/s with one kill and its lease of {LEASE_S} s"
        )
        print(f"accepted {result.accepted:,}, distinct events archived {result.distinct:,}")
        third = len(result.worker_mib) // 3
        first, last = max(result.worker_mib[:third]), max(result.worker_mib[-third:])
        print(f"worker's memory: first third at most {first} MiB, last third {last} MiB; API {max(result.api_mib)} MiB")
        started = time.monotonic()
        report_id = await upload(client, path, mode="reconcile", date="2026-11-23")
        compared = await monitor.until_done(report_id, kill_at=None, every_s=2, show=True)
        assert compared["status"] == "done", compared
        report = (await client.get(f"{RECONCILIATION}/reports/{report_id}")).json()
        print(f"compared with the archive in {time.monotonic() - started:.0f} s: {report['differences']}")
        assert report["equal"] is True
        assert result.accepted == result.distinct == lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--lines-per-s", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-import-", dir="/var/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        server = PostgresServer(place / "data", durable=True)
        server.start()
        try:
            dsns = make_database(server.admin_dsn(), f"long_{int(clock.now().timestamp())}", ["ingest"])
            asyncio.run(_main(options.lines, options.lines_per_s, dsns, place))
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()

"""A load generator in its own process. It sends prepared requests over keep-alive connections.

python -m tests.bench.load FILE    prints "ready", waits for a line, prints the result as JSON. FILE: pickled LoadJob
"""

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvloop

ROOT = Path(__file__).resolve().parents[2]
_ANSWER_BYTES_MAX = 4 * 1024 * 1024


@dataclass
class LoadJob:
    """`rate`: requests per second; 0 sends the next request after each answer. `weight`: events in one request.

    Without `repeat` the run ends with the last request: signed requests can be sent only once.
    """

    host: str
    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    rate: float = 0.0
    weight: int = 1
    repeat: bool = False


@dataclass
class LoadResult:
    """Result of one run. `marks`: (seconds since the epoch, events answered by then), for the lag."""

    answered: int
    elapsed_s: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    marks: list[tuple[float, int]]

    @property
    def per_s(self) -> float:
        return self.answered / self.elapsed_s


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = bytearray()
        self.waiting: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # the class of uvloop

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = self.buffer.find(b"content-length: ", 0, head)
        if length < 0:
            raise RuntimeError(f"no length in {bytes(self.buffer[:head])!r}")
        end = head + 4 + int(self.buffer[length + 16 : self.buffer.find(b"\r\n", length)])
        if len(self.buffer) >= end:
            status = int(self.buffer[9:12])
            del self.buffer[:end]
            if self.waiting is not None and not self.waiting.done():
                self.waiting.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self, request: bytes) -> int:
        self.waiting = asyncio.get_running_loop().create_future()
        assert self.transport is not None
        self.transport.write(request)
        return await self.waiting


class _LoadRun:
    def __init__(self, job: LoadJob) -> None:
        self.job = job
        self.next = 0
        self.answered = 0
        self.statuses: Counter[str] = Counter()
        self.took_s: list[float] = []
        self.marks: list[tuple[float, int]] = []
        self.started = 0.0

    def next_request(self) -> tuple[bytes, float] | None:
        """Return the next request and its scheduled send time, None at the end."""
        job = self.job
        if self.next >= len(job.requests) and not job.repeat:
            return None
        due = self.started + self.next / job.rate if job.rate else time.perf_counter()
        if due > self.started + job.seconds:
            return None
        request = job.requests[self.next % len(job.requests)]
        self.next += 1
        return request, due

    async def connection(self) -> None:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self.job.host, self.job.port)
        while (taken := self.next_request()) is not None:
            request, due = taken
            early_s = due - time.perf_counter()
            if early_s > 0:
                await asyncio.sleep(early_s)
            # Latency runs from the scheduled time, so a late generator cannot hide a slow server.
            status = await connection.ask(request)
            now = time.perf_counter()
            self.took_s.append(now - due)
            self.statuses[str(status)] += 1
            if status < 400:
                self.answered += self.job.weight
                self.marks.append((time.time(), self.answered))
        assert connection.transport is not None
        connection.transport.close()

    async def run(self) -> LoadResult:
        self.started = time.perf_counter()
        await asyncio.gather(*(self.connection() for _ in range(self.job.connections)))
        elapsed_s = time.perf_counter() - self.started
        took = sorted(self.took_s)
        return LoadResult(
            self.answered,
            elapsed_s,
            dict(self.statuses),
            took[len(took) // 2] * 1000,
            took[int(len(took) * 0.99)] * 1000,
            self.marks,
        )


async def run_load(job: LoadJob, directory: Path) -> LoadResult:
    """Run the job in its own process. Raises RuntimeError if it does not start."""
    file = directory / f"job-{time.monotonic_ns()}.pickle"
    file.write_bytes(pickle.dumps(job))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.load",
        str(file),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * _ANSWER_BYTES_MAX,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"ready":
        raise RuntimeError("the load generator did not start")
    process.stdin.write(b"go\n")
    await process.stdin.drain()
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    await process.wait()
    file.unlink()
    return LoadResult(**answer)


def main() -> None:
    job: LoadJob = pickle.loads(Path(sys.argv[1]).read_bytes())
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(uvloop.run(_LoadRun(job).run()).__dict__), flush=True)


if __name__ == "__main__":
    from tests.bench.load import LoadJob, main  # pickle needs the importable name of the module, not __main__

    main()

"""How long transactions wait for locks: sampled beside the test, and every long wait from the server's own log."""

import asyncio
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

SAMPLE_S: Final = 0.01
LONG: Final = "still waiting for"
_WAITS: Final = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 FROM pg_locks WHERE NOT granted"
)


class LockWatch:
    """Samples the longest wait of any backend, from a thread of its own: the loop of a test may be busy.

    `gap_s` is the longest time between two samples: so much longer than `longest_s` a wait may have been.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._sample()), daemon=True)
        self.longest_s = 0.0
        self.gap_s = 0.0
        self.samples = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(30)

    async def _sample(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            before = time.monotonic()
            while not self._stopping.is_set():
                self.longest_s = max(self.longest_s, await connection.fetchval(_WAITS))
                now = time.monotonic()
                self.gap_s = max(self.gap_s, now - before)
                self.samples += 1
                before = now
                await asyncio.sleep(SAMPLE_S)
        finally:
            await connection.close()


class LongWaits:
    """Lines of the server's log about waits longer than its `deadlock_timeout`, one second. No wait escapes it."""

    def __init__(self, log: Path, database: str) -> None:
        self._log, self._database = log, database
        self._begin = log.stat().st_size

    def lines(self) -> list[str]:
        with self._log.open("rb") as file:
            file.seek(self._begin)
            found = file.read().decode(errors="replace").splitlines()
        return [line for line in found if LONG in line and f"@{self._database} " in line]

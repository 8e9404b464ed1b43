"""Word of a change to partners or keys, from the database to every process at the commit of the change."""

import asyncio
import contextlib
from typing import Any

import asyncpg
import structlog

CHANNEL = "ingest_partners"
RECONNECT_S = 0.5
CONNECT_TIMEOUT_S = 5.0

_log = structlog.get_logger(__name__)


class News:
    """One listening connection. Only a hint: without it the registry still looks every second."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._heard = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def wait(self, *, at_most_s: float) -> None:
        """Returns at the next change, at the latest after this long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), at_most_s)
        self._heard.clear()

    async def _listen(self) -> None:
        was_said = False
        while True:
            connection: asyncpg.Connection[Any] | None = None
            lost = asyncio.Event()
            try:
                connection = await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S)
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *_: self._heard.set())
                self._heard.set()  # something may have changed while nobody listened
                was_said = False
                await lost.wait()
            except Exception as exc:
                if not was_said:  # once per outage, which lasts many attempts
                    _log.warning("partners_not_listening", error=repr(exc)[:300])
                was_said = True
            finally:
                if connection is not None and not connection.is_closed():
                    connection.terminate()
            await asyncio.sleep(RECONNECT_S)

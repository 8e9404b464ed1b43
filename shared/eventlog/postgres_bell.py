"""News between processes of the embedded log: NOTIFY after a commit, LISTEN while somebody waits.

Only a hint that makes waiting short. The notification is sent after the append, not in it: PostgreSQL serialises the
commits of transactions that notify. What a lost hint costs is one polling interval.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import asyncpg
import structlog

CHANNEL = "eventlog"
RINGS_APART_S = 0.002  # a busy publisher wakes the others at most 500 times a second
RECONNECT_S = 0.5
POLL_LISTENING_S = 1.0
POLL_DEAF_S = 0.1
"""How long a waiting reader trusts silence, with and without a listening connection."""

_log = structlog.get_logger(__name__)


class Bell:
    """`connect` opens a connection to listen on; `execute` runs one statement on any connection."""

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]],
        execute: Callable[..., Awaitable[object]],
    ) -> None:
        self._connect, self._execute = connect, execute
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._ringer: asyncio.Task[None] | None = None
        self._to_ring: set[str] = set()
        self._listening = False

    @property
    def poll_s(self) -> float:
        """How long to wait for news before looking anyway."""
        return POLL_LISTENING_S if self._listening else POLL_DEAF_S

    @contextlib.contextmanager
    def hearing(self, topics: Iterable[str]) -> Iterator["asyncio.Future[None]"]:
        """A future that is done at the next news about one of the topics. Open it before looking, so none is missed."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        names = set(topics)
        for name in names:
            self._waiters.setdefault(name, set()).add(news)
        try:
            yield news
        finally:
            for name in names:
                self._waiters[name].discard(news)
                if not self._waiters[name]:
                    del self._waiters[name]

    def ring(self, topic: str) -> None:
        """Tells this process at once and the others right after."""
        self._wake(topic)
        self._to_ring.add(topic)
        if self._ringer is None or self._ringer.done():
            self._ringer = asyncio.create_task(self._ring_others())

    async def stop(self) -> None:
        """Closes the listening connection."""
        for task in (self._listener, self._ringer):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._listener = self._ringer = None

    def _wake(self, topic: str) -> None:
        for news in self._waiters.get(topic, ()):
            if not news.done():
                news.set_result(None)

    async def _ring_others(self) -> None:
        while self._to_ring:
            topics, self._to_ring = self._to_ring, set()
            try:
                await self._execute("SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t", CHANNEL, list(topics))
            except Exception as error:
                _log.info("eventlog_notify_failed", error=repr(error)[:300])
            await asyncio.sleep(RINGS_APART_S)

    async def _listen(self) -> None:
        said = False
        while True:
            connection: asyncpg.Connection[Any] | None = None
            lost = asyncio.Event()
            try:
                connection = await self._connect()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *args: self._wake(str(args[3])))
                self._listening, said = True, False
                for topic in list(self._waiters):
                    self._wake(topic)  # there may have been news while nobody listened
                await lost.wait()
            except Exception as error:
                if not said:  # once per outage, which lasts many attempts
                    _log.info("eventlog_listener_failed", error=repr(error)[:300])
                said = True
            finally:
                self._listening = False
                if connection is not None and not connection.is_closed():
                    connection.terminate()
            await asyncio.sleep(RECONNECT_S)

"""Tells all processes of new records in the embedded log: NOTIFY after a commit, LISTEN while a reader waits.

A notification only shortens the wait; a lost one costs one polling interval. It is sent after the append, not in its
transaction: PostgreSQL serialises the commits of transactions that notify.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import asyncpg
import structlog

CHANNEL = "eventlog"
NOTIFY_INTERVAL_S = 0.002  # a busy publisher wakes the other processes at most 500 times a second
RECONNECT_S = 0.5
POLL_LISTENING_S = 1.0
POLL_UNCONNECTED_S = 0.1
"""How long a reader waits before it queries again, with and without a listening connection."""

_log = structlog.get_logger(__name__)


class Notifier:
    """`connect` opens a connection for LISTEN; `execute` runs one statement on any connection."""

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]],
        execute: Callable[..., Awaitable[object]],
    ) -> None:
        self._connect, self._execute = connect, execute
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._unsent: set[str] = set()
        self._listening = False

    @property
    def poll_s(self) -> float:
        """How long to wait for a notification before querying anyway."""
        return POLL_LISTENING_S if self._listening else POLL_UNCONNECTED_S

    @contextlib.contextmanager
    def waiting_for(self, topics: Iterable[str]) -> Iterator["asyncio.Future[None]"]:
        """A future that is done at the next append to one of the topics. Enter it before the query, to miss none."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        names = set(topics)
        for name in names:
            self._waiters.setdefault(name, set()).add(arrival)
        try:
            yield arrival
        finally:
            for name in names:
                self._waiters[name].discard(arrival)
                if not self._waiters[name]:
                    del self._waiters[name]

    def notify(self, topic: str) -> None:
        """Wake the readers of this process at once and those of the others soon after."""
        self._wake(topic)
        self._unsent.add(topic)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._notify_others())

    async def stop(self) -> None:
        """Close the listening connection."""
        for task in (self._listener, self._sender):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._listener = self._sender = None

    def _wake(self, topic: str) -> None:
        for arrival in self._waiters.get(topic, ()):
            if not arrival.done():
                arrival.set_result(None)

    async def _notify_others(self) -> None:
        while self._unsent:
            topics, self._unsent = self._unsent, set()
            try:
                await self._execute("SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t", CHANNEL, list(topics))
            except Exception as error:
                _log.info("eventlog_notify_failed", error=repr(error)[:300])
            await asyncio.sleep(NOTIFY_INTERVAL_S)

    async def _listen(self) -> None:
        is_logged = False
        while True:
            connection: asyncpg.Connection[Any] | None = None
            lost = asyncio.Event()
            try:
                connection = await self._connect()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *args: self._wake(str(args[3])))
                self._listening, is_logged = True, False
                for topic in list(self._waiters):
                    self._wake(topic)  # records may have arrived while no connection listened
                await lost.wait()
            except Exception as error:
                if not is_logged:  # log once per outage, not per attempt
                    _log.info("eventlog_listener_failed", error=repr(error)[:300])
                is_logged = True
            finally:
                self._listening = False
                if connection is not None and not connection.is_closed():
                    connection.terminate()
            await asyncio.sleep(RECONNECT_S)

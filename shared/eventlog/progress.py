"""Consumers' progress for lag tools: the latest is kept in memory and written every few seconds, errors only logged."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from shared.eventlog.port import TopicPartition

INTERVAL_S = 5.0
"""Lag tools look every 15 s or so; a write per poll would cost more than it tells."""

_log = structlog.get_logger(__name__)


class ProgressNotes:
    """`commit(consumer, positions)` writes; it is called from one background task, never twice at a time."""

    def __init__(
        self,
        commit: Callable[[str, Mapping[TopicPartition, int]], Awaitable[None]],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._commit, self._interval_s = commit, interval_s
        self._noted: dict[str, dict[TopicPartition, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        """Remembers; the first note after a pause is written at once."""
        self._noted.setdefault(consumer, {}).update(positions)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Writes what is left unless the log is slow, then ends."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._write(), 1.0)

    async def _run(self) -> None:
        while self._noted:
            await self._write()
            await asyncio.sleep(self._interval_s)

    async def _write(self) -> None:
        noted, self._noted = self._noted, {}
        for consumer, positions in noted.items():
            try:
                await self._commit(consumer, positions)
            except Exception as error:
                _log.info("progress_not_recorded", consumer=consumer, error=repr(error)[:300])

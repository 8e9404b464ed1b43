"""Consumers' progress for lag tools: kept in memory and written every few seconds. Errors are only logged."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from shared.eventlog.port import TopicPartition

INTERVAL_S = 5.0
"""Lag tools read every 15 s or so; a write per poll would be a waste."""

_log = structlog.get_logger(__name__)


class ProgressRecorder:
    """Collects positions. One background task writes them with `commit(consumer, positions)`, one call at a time."""

    def __init__(
        self,
        commit: Callable[[str, Mapping[TopicPartition, int]], Awaitable[None]],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._commit, self._interval_s = commit, interval_s
        self._pending: dict[str, dict[TopicPartition, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def record(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        """Remember the positions. The first ones after a pause are written at once."""
        self._pending.setdefault(consumer, {}).update(positions)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write the remaining positions, for at most a second, and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._write(), 1.0)

    async def _run(self) -> None:
        while self._pending:
            await self._write()
            await asyncio.sleep(self._interval_s)

    async def _write(self) -> None:
        pending, self._pending = self._pending, {}
        for consumer, positions in pending.items():
            try:
                await self._commit(consumer, positions)
            except Exception as error:
                _log.info("progress_not_recorded", consumer=consumer, error=repr(error)[:300])

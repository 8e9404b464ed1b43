"""Notifies this process (LISTEN/NOTIFY) when a partner or key changes."""

import asyncio
import contextlib

import structlog

from services.ingest.partners import change_repository

RECONNECT_S = 0.5

_log = structlog.get_logger(__name__)


class ChangeListener:
    """Keeps one listening connection open. It only shortens the wait: the registry also reloads every second."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_outage_logged = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def wait(self, *, timeout_s: float) -> None:
        """Return at the next change, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        self._changed.clear()

    async def _run(self) -> None:
        while True:
            try:
                await change_repository.listen(
                    self._dsn, on_listening=self._after_connecting, on_change=self._changed.set
                )
            except Exception as exc:
                if not self._is_outage_logged:  # an outage lasts many attempts
                    _log.warning("partners_not_listening", error=repr(exc)[:300])
                self._is_outage_logged = True
            await asyncio.sleep(RECONNECT_S)

    def _after_connecting(self) -> None:
        self._changed.set()  # something may have changed while nothing listened
        self._is_outage_logged = False

"""Bounds on calls to WeChat: a few places for each kind of call, and a breaker that does not wait for a dead server.

A slow WeChat must slow down log-ins, not the process. Without bounds, every log-in of a crowd waits five seconds, holds
its memory, and the process answers nobody.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.accounts.wechat.errors import WxBusy, WxUnavailable, WxUnreachable

# At 150 ms a call this is a hundred log-ins a second for one process.
PLACES = 16
WAITING_MAX = 64
WAIT_S = 2.0
# So many calls in a row without an answer: WeChat is away. One call in OPEN_S finds out whether it is back.
FAILURES_MAX = 8
OPEN_S = 5.0

_log = structlog.get_logger(__name__)


class CallGuard:
    def __init__(self, *, places: int = PLACES, waiting_max: int = WAITING_MAX, wait_s: float = WAIT_S) -> None:
        self._places, self._waiting_max, self._wait_s = asyncio.Semaphore(places), waiting_max, wait_s
        self._waiting = 0
        self._failures = 0
        self._open_until = float("-inf")

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place while the block calls WeChat. WxUnavailable out of the block counts as a failure.

        Raises WxBusy (no place in time), WxUnreachable (the breaker is open).
        """
        self._require_closed()
        await self._take_place()
        try:
            self._require_closed()  # it may have opened during the wait
            if self._failures >= FAILURES_MAX:
                self._open_until = time.monotonic() + OPEN_S  # this call is the trial, the others are refused
            async with self._counted():
                yield
        finally:
            self._places.release()

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        try:
            yield
        except WxUnavailable:
            self._count_failure()
            raise
        self._failures = 0
        self._open_until = float("-inf")

    def _require_closed(self) -> None:
        left_s = self._open_until - time.monotonic()
        if left_s > 0:
            raise WxUnreachable(retry_after_s=max(1, round(left_s)))

    async def _take_place(self) -> None:
        if self._waiting >= self._waiting_max and self._places.locked():
            raise WxBusy(retry_after_s=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as exc:
            raise WxBusy(retry_after_s=1) from exc
        finally:
            self._waiting -= 1

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            if self._open_until == float("-inf"):
                _log.error("wechat_breaker_opened", failures=self._failures)
            self._open_until = time.monotonic() + OPEN_S

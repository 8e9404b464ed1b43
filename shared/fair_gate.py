"""Admission with turns: a crowd behind one key waits behind itself, not before the others."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared import sentences
from shared.errors import TooManyRequests, Unavailable


class GateBusy(Unavailable):
    code = "BUSY"
    says = sentences.BUSY


class KeyBusy(TooManyRequests):
    code = "TOO_MANY_AT_ONCE"
    says = sentences.TOO_MANY_AT_ONCE


class FairGate:
    """At most `active_max` at a time, at most `active_per_key` of one key. Keys with waiters take turns.

    `waiting_max`, `waiting_per_key`: beyond them, and after `wait_s`, a request is refused with Retry-After.
    """

    def __init__(
        self, *, active_max: int, active_per_key: int, waiting_max: int, waiting_per_key: int, wait_s: float
    ) -> None:
        self._active_max, self._active_per_key = active_max, active_per_key
        self._waiting_max, self._waiting_per_key = waiting_max, waiting_per_key
        self._wait_s = wait_s
        self._active: Counter[str] = Counter()
        self._active_total = 0
        # In the order of their turns. No queue is empty.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._waiting_total = 0

    @asynccontextmanager
    async def admit(self, key: str) -> AsyncIterator[None]:
        """Wait for a place and hold it while the block runs. Raises KeyBusy, GateBusy."""
        if not self._waiting.get(key) and self._has_place(key):
            self._take(key)
        else:
            await self._wait(key)
        try:
            yield
        finally:
            self._give_back(key)

    async def _wait(self, key: str) -> None:
        if len(self._waiting.get(key, ())) >= self._waiting_per_key:
            raise KeyBusy(retry_after_s=1)
        if self._waiting_total >= self._waiting_max:
            raise GateBusy(retry_after_s=1)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        self._waiting_total += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():
                self._give_back(key)  # the turn came in the same moment
            else:
                self._leave(key, turn)
            if isinstance(exc, TimeoutError):
                raise KeyBusy(retry_after_s=1) from exc
            raise

    def _has_place(self, key: str) -> bool:
        return self._active_total < self._active_max and self._active[key] < self._active_per_key

    def _take(self, key: str) -> None:
        self._active[key] += 1
        self._active_total += 1

    def _give_back(self, key: str) -> None:
        self._active_total -= 1
        self._active[key] -= 1
        if not self._active[key]:
            del self._active[key]
        self._call_next()

    def _call_next(self) -> None:
        for key in list(self._waiting):
            if self._active_total >= self._active_max:
                return
            turn = self._next_turn(key) if self._has_place(key) else None
            if turn is not None:
                self._take(key)
                turn.set_result(None)

    def _next_turn(self, key: str) -> asyncio.Future[None] | None:
        """Take the first of a key out of its queue and put the key behind the others."""
        while key in self._waiting:
            turn = self._waiting[key][0]
            self._leave(key, turn)
            if not turn.done():  # else its caller has gone and did not get round to leaving
                if key in self._waiting:
                    self._waiting.move_to_end(key)
                return turn
        return None

    def _leave(self, key: str, turn: asyncio.Future[None]) -> None:
        """Does nothing if the turn has left already."""
        queue = self._waiting.get(key)
        if queue is None or turn not in queue:
            return
        queue.remove(turn)
        self._waiting_total -= 1
        if not queue:
            del self._waiting[key]

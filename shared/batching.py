"""Handles concurrent requests together, and no more of them than it can answer soon.

The first request starts at once. Requests that arrive while batches are under way wait and form the next batch, so a
crowd shares transactions and calls, and a single request pays nothing for it. Waiting is bounded in number and time. A
request over a bound is refused before any work for it began.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared import telemetry

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Bounds:
    """`batch_max` requests a batch, `batches_at_once` of them, `waiting_max` requests for `wait_max_s` at most.

    `waiting_per_owner_max`: nobody takes more of the queue than this.
    """

    batch_max: int
    batches_at_once: int
    waiting_max: int
    wait_max_s: float
    waiting_per_owner_max: int


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    owner: Hashable
    since: float = field(default_factory=time.monotonic)
    answer: "asyncio.Future[R]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher(Generic[T, R]):
    """`handle` returns one answer per item, in their order; an exception among them is raised for its item.

    A batch has at most one item of an owner. `refusal` makes the error for a request over a bound.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        bounds: Bounds,
        owner_of: Callable[[T], Hashable],
        refusal: Callable[[], Exception],
    ) -> None:
        self._handle, self._bounds, self._owner_of, self._refusal = handle, bounds, owner_of, refusal
        self._queue: deque[_Waiting[T, R]] = deque()
        self._per_owner: dict[Hashable, int] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: T) -> R:
        """Return the answer of `handle`. Raises the refusal, or what `handle` raised for the batch or the item."""
        owner = self._owner_of(item)
        waiting = self._per_owner.get(owner, 0)
        if len(self._queue) >= self._bounds.waiting_max or waiting >= self._bounds.waiting_per_owner_max:
            raise self._refusal()
        entry: _Waiting[T, R] = _Waiting(item, owner)
        self._per_owner[owner] = waiting + 1
        self._queue.append(entry)
        if len(self._running) < self._bounds.batches_at_once:
            task = asyncio.create_task(self._work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await entry.answer

    async def stop(self) -> None:
        """Wait for the batches under way and for those in the queue."""
        while self._running:
            await asyncio.wait(self._running)

    async def _work(self) -> None:
        telemetry.begin_request(None)  # a batch belongs to several requests
        await asyncio.sleep(0)  # requests read in the same turn of the loop belong to one batch
        while batch := self._next_batch():
            await self._answer(batch)

    def _next_batch(self) -> list[_Waiting[T, R]]:
        """Take the oldest requests. Late ones are refused; those whose client is gone are dropped."""
        latest = time.monotonic() - self._bounds.wait_max_s
        batch: list[_Waiting[T, R]] = []
        owners: set[Hashable] = set()
        passed_over: list[_Waiting[T, R]] = []
        while self._queue and len(batch) < self._bounds.batch_max:
            entry = self._queue.popleft()
            if entry.owner in owners:
                passed_over.append(entry)
                continue
            self._leave(entry.owner)
            if entry.answer.done():
                continue
            if entry.since < latest:
                entry.answer.set_exception(self._refusal())
                continue
            owners.add(entry.owner)
            batch.append(entry)
        self._queue.extendleft(reversed(passed_over))
        return batch

    def _leave(self, owner: Hashable) -> None:
        if self._per_owner[owner] == 1:
            del self._per_owner[owner]
        else:
            self._per_owner[owner] -= 1

    async def _answer(self, batch: list[_Waiting[T, R]]) -> None:
        answers: Sequence[R | BaseException]
        try:
            answers = await self._handle([entry.item for entry in batch])
        except Exception as exc:
            answers = [exc] * len(batch)
        except BaseException as exc:
            _give(batch, [exc] * len(batch))
            raise
        _give(batch, answers)


def _give(batch: Sequence[_Waiting[T, R]], answers: Sequence[R | BaseException]) -> None:
    """Answer those who still wait."""
    for entry, answer in zip(batch, answers, strict=True):
        if entry.answer.done():
            continue
        if isinstance(answer, BaseException):
            entry.answer.set_exception(answer)
        else:
            entry.answer.set_result(answer)

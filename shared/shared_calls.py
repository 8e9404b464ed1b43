"""Work that several callers ask for at once and that is done once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class SharedCalls(Generic[Key, Result]):
    """Calls under way, by key. A caller who arrives meanwhile gets the same result or the same exception.

    The work goes on if the caller who began it goes away, because others may wait for it.
    """

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Task[Result]] = {}

    async def run(self, key: Key, work: Callable[[], Awaitable[Result]]) -> Result:
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.ensure_future(_call(work))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: Key, done: asyncio.Task[Result]) -> None:
        if self._running.get(key) is done:
            del self._running[key]
        if not done.cancelled():
            done.exception()  # its callers have it, or all of them have gone


async def _call(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()

"""Combines concurrent publish calls into few writes, with a limit on memory and a definite outcome for each call.

A lane is a sequence of records that must stay in order (a partition, or a topic). Each lane has one write under way at
a time. Calls that arrive meanwhile wait and share the next write. So an idle log answers at once and a busy one gets
large batches, without a timer. Records never passed to the adapter were not written: their call raises LogUnavailable.
Records passed to it but not confirmed raise PublishOutcomeUnknown.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

import structlog

from shared.eventlog.errors import BackPressure, EventLogError, LogUnavailable, PublishOutcomeUnknown
from shared.eventlog.port import Record, record_bytes

IN_FLIGHT_RECORDS_MAX = 100_000
IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024
"""Per process. A larger call is admitted if no other is in flight: its memory is the caller's already."""

LANE_GRACE_S = 3.0
"""The time that `stop` gives to writes under way before it cancels them."""

Lane = TypeVar("Lane", bound=Hashable)
_log = structlog.get_logger(__name__)


class _Call:
    """One publish call, done when all of its entries are."""

    __slots__ = ("done", "open_entries")

    def __init__(self, entries: int) -> None:
        self.open_entries = entries
        # Has no exception: a cancelled caller would never retrieve it.
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def entry_done(self) -> None:
        self.open_entries -= 1
        if self.open_entries == 0 and not self.done.done():
            self.done.set_result(None)


class _Entry:
    """The part of one call that goes to one lane."""

    __slots__ = ("call", "done", "error", "n_bytes", "records", "taken")

    def __init__(self, call: _Call, records: Sequence[Record], n_bytes: int) -> None:
        self.call, self.records, self.n_bytes = call, records, n_bytes
        self.taken = False  # passed to the adapter: from now on the outcome may be unknown
        self.done = False
        self.error: EventLogError | None = None


class Publisher(Generic[Lane]):
    """`write(lane, records)` returns when all are durable. It raises LogUnavailable only if none was written."""

    def __init__(
        self,
        write: Callable[[Lane, Sequence[Record]], Awaitable[None]],
        *,
        batch_records: int,
        batch_bytes: int,
        records_max: int = IN_FLIGHT_RECORDS_MAX,
        bytes_max: int = IN_FLIGHT_BYTES_MAX,
    ) -> None:
        self._write = write
        self._batch_records, self._batch_bytes = batch_records, batch_bytes
        self._records_max, self._bytes_max = records_max, bytes_max
        self._records = self._bytes = 0
        self._queues: dict[Lane, deque[_Entry]] = {}
        self._writers: dict[Lane, asyncio.Task[None]] = {}
        self._stopped = False

    @property
    def in_flight(self) -> tuple[int, int]:
        """Records and bytes accepted from callers without an outcome yet."""
        return self._records, self._bytes

    async def publish(self, parts: Mapping[Lane, Sequence[Record]], *, timeout_s: float) -> None:
        """Queue every part on its lane and wait for all. Raises as `EventLog.publish`."""
        sized = [(lane, records, sum(map(record_bytes, records))) for lane, records in parts.items()]
        self._admit(sum(len(records) for _, records, _ in sized), sum(n_bytes for _, _, n_bytes in sized))
        call = _Call(len(sized))
        entries = {lane: self._enqueue(lane, _Entry(call, records, n_bytes)) for lane, records, n_bytes in sized}
        try:
            await asyncio.wait([call.done], timeout=timeout_s)
        finally:
            for lane, entry in entries.items():
                if not entry.taken and not entry.done:
                    self._withdraw(lane, entry)
        _raise_outcome(list(entries.values()), timeout_s)

    async def stop(self) -> None:
        """Let the lanes drain for LANE_GRACE_S. The other calls fail."""
        self._stopped = True
        if self._writers:
            await asyncio.wait(list(self._writers.values()), timeout=LANE_GRACE_S)
        for lane, queue in list(self._queues.items()):
            for entry in list(queue):
                self._withdraw(lane, entry)
        for writer in list(self._writers.values()):
            writer.cancel()
        if self._writers:
            await asyncio.wait(list(self._writers.values()), timeout=LANE_GRACE_S)

    def resume(self) -> None:
        """Accept records again after `stop`."""
        self._stopped = False

    def _admit(self, records: int, n_bytes: int) -> None:
        if self._stopped:
            raise LogUnavailable("the event log of this process is stopped")
        full = self._records + records > self._records_max or self._bytes + n_bytes > self._bytes_max
        if full and self._records:
            raise BackPressure(f"{self._records} records, {self._bytes} bytes are waiting for the log already")

    def _enqueue(self, lane: Lane, entry: _Entry) -> _Entry:
        self._records += len(entry.records)
        self._bytes += entry.n_bytes
        self._queues.setdefault(lane, deque()).append(entry)
        if lane not in self._writers:
            self._writers[lane] = asyncio.create_task(self._drain(lane))
        return entry

    def _finish(self, entry: _Entry, error: EventLogError | None) -> None:
        if entry.done:
            return
        entry.done, entry.error = True, error
        self._records -= len(entry.records)
        self._bytes -= entry.n_bytes
        entry.call.entry_done()

    def _withdraw(self, lane: Lane, entry: _Entry) -> None:
        self._queues[lane].remove(entry)
        self._finish(entry, LogUnavailable("the log did not take the records in time; nothing was written"))

    def _take(self, queue: deque[_Entry]) -> list[_Entry]:
        """Take the entries of the next write: at least one, then as many more as fit."""
        taken, records, n_bytes = [queue.popleft()], 0, 0
        while queue:
            records += len(taken[-1].records)
            n_bytes += taken[-1].n_bytes
            following = queue[0]
            if (
                records + len(following.records) > self._batch_records
                or n_bytes + following.n_bytes > self._batch_bytes
            ):
                break
            taken.append(queue.popleft())
        for entry in taken:
            entry.taken = True
        return taken

    async def _drain(self, lane: Lane) -> None:
        queue = self._queues[lane]
        try:
            while queue:
                taken = self._take(queue)
                error: EventLogError | None = PublishOutcomeUnknown("the write was cut off")
                try:
                    await self._write(lane, [record for entry in taken for record in entry.records])
                    error = None
                except EventLogError as known:
                    error = known
                except Exception as unexpected:
                    # Not the logger's traceback: some renderers print local variables, which are personal data here.
                    _log.error("publish_failed", lane=repr(lane), trace=traceback.format_exc(limit=-3))
                    error = PublishOutcomeUnknown(repr(unexpected)[:300])
                finally:
                    for entry in taken:
                        self._finish(entry, error)
        finally:
            # There is no await between the last check of the queue and this, so no entry is missed.
            del self._writers[lane]
            if not queue:
                del self._queues[lane]


def _raise_outcome(entries: Sequence[_Entry], timeout_s: float) -> None:
    failed = [entry for entry in entries if not entry.done or entry.error is not None]
    if not failed:
        return
    errors = [entry.error for entry in failed if entry.error is not None]
    nothing_written = len(failed) == len(entries) and len(errors) == len(failed)
    for error in errors:
        if not isinstance(error, LogUnavailable | PublishOutcomeUnknown):
            raise error
    if nothing_written and all(isinstance(error, LogUnavailable) for error in errors):
        raise LogUnavailable(str(errors[0])) from errors[0]
    reason = next((str(error) for error in errors), f"no answer from the log within {timeout_s} s")
    raise PublishOutcomeUnknown(f"{reason}; publish again with the same ids")

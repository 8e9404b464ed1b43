"""Reads the records of a topic in polls, and reads the next poll while the database works on the present one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.eventlog import EventLog, StoredRecord, TopicPartition

_FETCH_WAIT_S = 0.5
_ACTIVE_MIN = 2

# Work on the records of a poll that needs no transaction, e.g. decoding.
Prepare = Callable[[Sequence[StoredRecord]], Any]


@dataclass(slots=True)
class Poll:
    """Records read from `positions` on. `full`: a partition had at least as many records as were asked for."""

    positions: Mapping[TopicPartition, int]
    fetched: dict[TopicPartition, list[StoredRecord]] = field(default_factory=dict)
    full: bool = False
    prepared: Any = None

    def records(self) -> list[StoredRecord]:
        return [record for tp in sorted(self.fetched) for record in self.fetched[tp]]

    def moves(self) -> dict[TopicPartition, tuple[int, int]]:
        """The old and the new offset of each partition that has records."""
        return {tp: (self.positions[tp], records[-1].offset + 1) for tp, records in self.fetched.items() if records}

    def following(self) -> dict[TopicPartition, int]:
        """The positions after this poll is committed."""
        return {**self.positions, **{tp: end for tp, (_, end) in self.moves().items()}}

    def extend(self, later: "Poll") -> None:
        """Append the records of a poll that was read from `following()`."""
        for tp, records in later.fetched.items():
            self.fetched.setdefault(tp, []).extend(records)


class PollReader:
    """Reads one poll after another, at most one ahead of the consumer."""

    def __init__(self, log: EventLog, *, records_max: int, prepare: Prepare | None = None) -> None:
        self._event_log, self._records_max = log, records_max
        self._prepare: Prepare = prepare or (lambda records: records)
        self._ahead: tuple[Mapping[TopicPartition, int], asyncio.Task[Poll]] | None = None
        self._active: int | None = None  # partitions that had records in the last poll; unknown at first

    async def next_poll(self, positions: Mapping[TopicPartition, int]) -> Poll:
        """Return the poll that begins at `positions`: the one read ahead if it fits, else a new one.

        A poll read ahead that is not full is completed with the records that arrived since: otherwise the first few
        records to arrive while the database was busy would make many small transactions.
        """
        ahead = self._ahead
        if ahead is not None and ahead[0] == positions:
            self._ahead = None
            poll = await ahead[1]
        else:
            await self.stop()
            poll = await self._read(positions)
        if poll.prepared is None and poll.fetched:
            if ahead is not None:
                poll.extend(await self._read(poll.following(), max_wait_s=0.0))
            poll.prepared = self._prepare(poll.records())
        if poll.fetched:
            self._active = len(poll.fetched)
        return poll

    def read_ahead(self, poll: Poll) -> None:
        """Start to read the poll that follows `poll`."""
        following = poll.following()
        self._ahead = (following, asyncio.create_task(self._read(following)))

    async def join_following(self, poll: Poll) -> Any:
        """Add the poll read ahead to `poll` and return what was prepared of it.

        Return None if it is not complete yet or has no records. Starts to read the poll after it.
        """
        ahead = self._ahead
        if ahead is None or not ahead[1].done() or ahead[0] != poll.following():
            return None
        self._ahead = None
        following = await ahead[1]
        if not following.fetched:
            return None
        poll.extend(following)
        self.read_ahead(poll)
        return self._prepare(following.records()) if following.prepared is None else following.prepared

    async def stop(self) -> None:
        """Drop what was read ahead."""
        if self._ahead is not None:
            task, self._ahead = self._ahead[1], None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _read(self, positions: Mapping[TopicPartition, int], max_wait_s: float = _FETCH_WAIT_S) -> Poll:
        # The limit is shared among the partitions that had records in the last poll, so that one busy key does not make
        # small transactions. If all partitions get records at once, one poll is larger by len(positions) / _ACTIVE_MIN.
        active = len(positions) if self._active is None else self._active
        per_partition = max(self._records_max // min(max(active, _ACTIVE_MIN), len(positions)), 1)
        fetched = await self._event_log.fetch(positions, max_records=per_partition, max_wait_s=max_wait_s)
        poll = Poll(positions, {tp: records for tp, records in fetched.items() if records})
        poll.full = any(len(records) >= per_partition for records in poll.fetched.values())
        if poll.full:
            poll.prepared = self._prepare(poll.records())
        return poll

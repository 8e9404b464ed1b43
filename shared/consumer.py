"""The consume loop: one transaction per poll, in this order.

1. fence: move the offsets of all polled partitions by compare-and-set   (a zombie stops here, nothing is kept)
2. the handler's effects                                                 (idempotent by unique keys as well)
3. dead letters of the poll
4. commit                                                                (effects and offsets together, or neither)
5. tell the log, as a courtesy for lag tools                             (may fail, changes nothing)

A handler may postpone what others hold (`Postponed`): then 1 to 4 happen again, and only the last commit moves offsets.

While the database works on one poll the next is read and decoded; it is thrown away when the first did not commit.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import sqlalchemy.exc
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import outbox, telemetry
from shared.contracts.topics import DEADLETTER_SUFFIX
from shared.db import Database
from shared.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from shared.eventlog import EventLog, Record, StoredRecord, TopicPartition
from shared.eventlog.errors import EventLogError
from shared.ids import new_id
from shared.leases import Claim, Fenced, Leases
from shared.settings import ServiceSettings

# A consumer that stopped looks again whether the records are still bad: a handler may have waited for something.
STOPPED_RETRY_S = 30.0
_FETCH_WAIT_S = 0.5
_NOTHING_HELD_PAUSE_S = 0.5
_BACKOFF_FIRST_S, _BACKOFF_MAX_S = 0.1, 5.0
_EXIT_STALLED = 70
_LAG_EVERY_S = 5
_ACTIVE_MIN = 2
POLLS_TOGETHER = 4
# Everything a database or log that is away, restarting or contended can raise. A unique key met by two writers at once
# is among them: the second try sees the first one's row.
RETRYABLE = (
    EventLogError,
    sqlalchemy.exc.SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that will never be processable. `reason` is a stable code; `message` must not quote personal data."""

    record: StoredRecord
    reason: str
    message: str


class ConsumerStopped(Exception):
    """Readiness: the consumer stands still before a flood of invalid records; an operator has to look."""


def _marked(batch: Sequence[StoredRecord], dead: Sequence[DeadLetter]) -> list[bool]:
    """For each record of the batch whether it was set aside."""
    if not dead:
        return [False] * len(batch)
    positions = {(letter.record.partition, letter.record.offset) for letter in dead}
    return [(record.partition, record.offset) in positions for record in batch]


def _reversed(moves: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, tuple[int, int]]:
    return {tp: (end, start) for tp, (start, end) in moves.items()}


@dataclass(frozen=True, slots=True)
class Postponed:
    """What a handler did not do because others hold rows it needs. What it did is committed without moving the offsets.

    Then it is called again, in a transaction of its own: with `joined(prepared)` when another poll is there already, so
    that the processor has work while others finish; else, and after POLLS_TOGETHER polls, with `rest`, which must wait
    for them. The fence holds for every one of these transactions, but polls that are interrupted between
    them are read again whole: a handler that postpones must recognise the records it has done.
    """

    rest: Any
    joined: Callable[[Any], Any]


# Takes a poll's records, or what the consumer's `prepare` made of them.
Handler = Callable[[AsyncSession, Any], Awaitable[Sequence[DeadLetter] | Postponed]]
Prepare = Callable[[Sequence[StoredRecord]], Any]


@dataclass(slots=True)
class _Poll:
    """Records read from `positions` on; `full` when the log had more for us than we asked for."""

    positions: Mapping[TopicPartition, int]
    fetched: dict[TopicPartition, list[StoredRecord]] = field(default_factory=dict)
    full: bool = False
    prepared: Any = None

    def records(self) -> list[StoredRecord]:
        return [record for tp in sorted(self.fetched) for record in self.fetched[tp]]

    def moves(self) -> dict[TopicPartition, tuple[int, int]]:
        """From where to where each offset moves."""
        return {tp: (self.positions[tp], records[-1].offset + 1) for tp, records in self.fetched.items() if records}

    def following(self) -> dict[TopicPartition, int]:
        """Positions once this poll is committed."""
        return {**self.positions, **{tp: end for tp, (_, end) in self.moves().items()}}


class Consumer:
    """Consumes one topic under a name of its own; several processes with the same name share its partitions."""

    def __init__(
        self,
        *,
        name: str,
        topic: str,
        schema: str,
        database: Database,
        log: EventLog,
        settings: ServiceSettings,
        handler: Handler,
        prepare: Prepare | None = None,
        lane: int = 0,
    ) -> None:
        """`prepare` is what can be done with records before a transaction: it runs beside the one before. `lane` tells
        those of one process and name apart where they are measured."""
        self.name, self._topic, self._schema = name, topic, schema
        self._lane = str(lane)
        self._database, self._event_log, self._handler = database, log, handler
        self._prepare: Prepare = prepare or (lambda records: records)
        self._ahead: tuple[Mapping[TopicPartition, int], asyncio.Task[_Poll]] | None = None
        self._records_max, self._lease_s = settings.poll_records_max, settings.lease_s
        self._stalled_after_s = settings.stalled_after_s
        self._leases = Leases(schema=schema, consumer=name, holder=str(new_id()), lease_s=settings.lease_s)
        self._claims: dict[TopicPartition, Claim] = {}
        self._renewed_at = float("-inf")
        self._progress_at = time.monotonic()
        self._lag_at = float("-inf")
        self._limit = DeadLetterLimit(settings.dead_letters_in_a_row_max, settings.dead_letters_percent_max)
        self._stopped_by: str | None = None
        self._active = sys.maxsize  # partitions with news in the last poll; at first all count

    async def run(self, stopping: asyncio.Event) -> None:
        watchdog = asyncio.create_task(self._watch(stopping))
        backoff_s = _BACKOFF_FIRST_S
        try:
            while not stopping.is_set():
                try:
                    await self._poll()
                    backoff_s = _BACKOFF_FIRST_S
                except Fenced:
                    telemetry.CONSUMER_FENCED.labels(self.name).inc()
                    _log.warning("consumer_fenced", consumer=self.name)
                    self._renewed_at = float("-inf")
                except TooManyDeadLetters as exc:
                    await self._stand_still(str(exc), stopping)
                except RETRYABLE as exc:
                    telemetry.CONSUMER_FAILURES.labels(self.name).inc()
                    _log.warning("consumer_retries", consumer=self.name, error=repr(exc)[:500], pause_s=backoff_s)
                    self._renewed_at = float("-inf")
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(backoff_s * 2, _BACKOFF_MAX_S)
        finally:
            watchdog.cancel()
            await self._drop_ahead()
            await self._release()

    async def check(self) -> None:
        """Raises ConsumerStopped."""
        if self._stopped_by is not None:
            raise ConsumerStopped(f"{self.name}: {self._stopped_by}")

    async def _stand_still(self, why: str, stopping: asyncio.Event) -> None:
        """Gives its partitions to whoever can read them, raises the alarm, and waits."""
        self._stopped_by = why
        telemetry.CONSUMER_STOPPED.labels(self.name, self._lane).set(1)
        _log.error("consumer_stopped", consumer=self.name, reason=why)
        await self._drop_ahead()
        await self._release()
        self._claims, self._renewed_at = {}, float("-inf")
        until = time.monotonic() + STOPPED_RETRY_S
        while time.monotonic() < until and not stopping.is_set():
            self._progress_at = time.monotonic()  # it is not stuck: it waits on purpose
            await asyncio.sleep(min(_NOTHING_HELD_PAUSE_S, STOPPED_RETRY_S))

    async def _watch(self, stopping: asyncio.Event) -> None:
        """Leaves the process when polls stop succeeding: clients of a log can hang silently; a restart cures it."""
        while not stopping.is_set():
            await asyncio.sleep(1)
            if time.monotonic() - self._progress_at > self._stalled_after_s:
                _log.error("consumer_stalled", consumer=self.name, after_s=self._stalled_after_s)
                os._exit(_EXIT_STALLED)

    async def _release(self) -> None:
        try:
            async with self._database.transaction() as session:
                await self._leases.release_all(session)
        except Exception as exc:
            _log.warning("leases_not_released", consumer=self.name, error=repr(exc))

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed_at < self._lease_s / 3:
            return
        if self._renewed_at == float("-inf"):
            count = await self._event_log.partition_count(self._topic)
            begins = await self._event_log.begin_offsets([TopicPartition(self._topic, p) for p in range(count)])
            async with self._database.transaction() as session:
                await self._leases.register(session, begins)
        async with self._database.transaction() as session:
            self._claims = await self._leases.renew(session)
        self._renewed_at = time.monotonic()

    async def _poll(self) -> None:
        await self._renew()
        if not self._claims:
            self._progress_at = time.monotonic()
            await asyncio.sleep(_NOTHING_HELD_PAUSE_S)
            return
        await self._report_lag()
        poll = await self._next({tp: claim.next_offset for tp, claim in self._claims.items()})
        if poll.fetched:
            self._active = len(poll.fetched)
            following = poll.following()
            self._ahead = (following, asyncio.create_task(self._read(following)))
            await self._process(poll)
        self._progress_at = time.monotonic()

    async def _next(self, positions: Mapping[TopicPartition, int]) -> _Poll:
        """What was read ahead if it begins exactly here, completed by what has come since."""
        ahead, poll = self._ahead, None
        if ahead is not None and ahead[0] == positions:
            self._ahead = None
            poll = await ahead[1]
        else:
            await self._drop_ahead()
            poll = await self._read(positions)
        if poll.prepared is None and poll.fetched:
            if ahead is not None:
                await self._complete(poll)
            poll.prepared = self._prepare(poll.records())
        return poll

    async def _read(self, positions: Mapping[TopicPartition, int], max_wait_s: float = _FETCH_WAIT_S) -> _Poll:
        # Shared among the partitions that had anything lately: one busy key must not make small transactions. When all
        # wake at once, one poll is larger by len(positions) / _ACTIVE_MIN.
        per_partition = max(self._records_max // min(max(self._active, _ACTIVE_MIN), len(positions)), 1)
        fetched = await self._event_log.fetch(positions, max_records=per_partition, max_wait_s=max_wait_s)
        poll = _Poll(positions, {tp: records for tp, records in fetched.items() if records})
        poll.full = any(len(records) >= per_partition for records in poll.fetched.values())
        if poll.full:
            poll.prepared = self._prepare(poll.records())
        return poll

    async def _complete(self, poll: _Poll) -> None:
        """The first records to arrive while the database was busy would make many small transactions."""
        more = await self._read(poll.following(), max_wait_s=0.0)
        for tp, records in more.fetched.items():
            poll.fetched.setdefault(tp, []).extend(records)

    async def _drop_ahead(self) -> None:
        if self._ahead is not None:
            task, self._ahead = self._ahead[1], None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _process(self, poll: _Poll) -> None:
        undone, polls = poll.prepared, 1
        limit: DeadLetterLimit | None = None
        while limit is None:
            moves = poll.moves()
            async with self._database.transaction() as session:
                await self._leases.advance(session, moves, self._claims)
                result = await self._handler(session, undone)
                if isinstance(result, Postponed):
                    await self._leases.advance(session, _reversed(moves), self._claims)
                else:
                    limit = self._limit.after(_marked(poll.records(), result))
                    await self._keep_dead_letters(session, result)
            if isinstance(result, Postponed):
                more = await self._join_next(poll) if polls < POLLS_TOGETHER else None
                undone = result.rest if more is None else result.joined(more)
                polls += 1
        self._limit = limit
        if self._stopped_by is not None:
            self._stopped_by = None
            telemetry.CONSUMER_STOPPED.labels(self.name, self._lane).set(0)
        for tp, (_, end) in moves.items():
            self._claims[tp] = Claim(end, self._claims[tp].epoch)
        telemetry.CONSUMED.labels(self.name).inc(sum(map(len, poll.fetched.values())))
        await self._event_log.record_progress(self.name, {tp: end for tp, (_, end) in moves.items()})

    async def _join_next(self, poll: _Poll) -> Any:
        """Makes the following poll part of this one and returns what was prepared of it; None unless it is there."""
        ahead = self._ahead
        due = time.monotonic() - self._renewed_at >= self._lease_s / 3
        if ahead is None or due or not ahead[1].done() or ahead[0] != poll.following():
            return None
        self._ahead = None
        following = await ahead[1]
        if not following.fetched:
            return None
        for tp, records in following.fetched.items():
            poll.fetched.setdefault(tp, []).extend(records)
        positions = poll.following()
        self._ahead = (positions, asyncio.create_task(self._read(positions)))
        return self._prepare(following.records()) if following.prepared is None else following.prepared

    async def _keep_dead_letters(self, session: AsyncSession, dead: Sequence[DeadLetter]) -> None:
        if not dead:
            return
        await session.execute(
            text(
                f'INSERT INTO "{self._schema}".dead_letter'
                ' (consumer, topic, partition, "offset", reason, message, key, value, appended_at)'
                " VALUES (:consumer, :topic, :partition, :offset, :reason, :message, :key, :value, :appended_at)"
                " ON CONFLICT DO NOTHING"
            ),
            [
                {
                    "consumer": self.name,
                    "topic": letter.record.topic,
                    "partition": letter.record.partition,
                    "offset": letter.record.offset,
                    "reason": letter.reason,
                    "message": letter.message[:1000],
                    "key": letter.record.key,
                    "value": letter.record.value,
                    "appended_at": letter.record.appended_at,
                }
                for letter in dead
            ],
        )
        records = [
            Record(key=d.record.key, value=d.record.value, headers=(("deadletter_reason", d.reason.encode()),))
            for d in dead
        ]
        await outbox.add(session, self._schema, self._topic + DEADLETTER_SUFFIX, records)
        for letter in dead:
            telemetry.DEAD_LETTERS.labels(self.name, letter.reason).inc()
            _log.warning("dead_letter", consumer=self.name, reason=letter.reason, offset=letter.record.offset)

    async def _report_lag(self) -> None:
        if time.monotonic() - self._lag_at < _LAG_EVERY_S or not self._claims:
            return
        ends = await self._event_log.end_offsets(list(self._claims))
        lag = sum(max(ends[tp] - claim.next_offset, 0) for tp, claim in self._claims.items())
        telemetry.CONSUMER_LAG.labels(self.name, self._lane).set(lag)
        self._lag_at = time.monotonic()

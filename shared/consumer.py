"""The consume loop: one transaction per poll, in this order.

1. fence: move the offsets of all polled partitions by compare-and-set. A worker that lost a partition stops here.
2. the handler's effects, which are idempotent by unique keys as well
3. the dead letters of the poll
4. commit: effects and offsets together, or neither
5. report the progress to the log, for lag tools only. This may fail and changes nothing.

A handler may postpone records whose rows are locked by another transaction (`Postponed`). Then steps 1 to 4 happen
again, and only the last commit moves the offsets.

While the database works on one poll, the next is read and decoded (`shared.polling`). It is dropped if the first is not
committed.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy.exc
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import outbox, telemetry
from shared.contracts.envelope import Headers
from shared.contracts.event_types import dead_letter_headers
from shared.contracts.topics import DEADLETTER_SUFFIX
from shared.db import Database
from shared.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from shared.eventlog import EventLog, Record, StoredRecord, TopicPartition
from shared.eventlog.errors import EventLogError
from shared.ids import new_id
from shared.leases import Claim, Fenced, Leases
from shared.polling import Poll, PollReader, Prepare
from shared.settings import ServiceSettings

# A stopped consumer tries again after this time: the handler may have depended on something that is back.
STOPPED_RETRY_S = 30.0
_NOTHING_HELD_PAUSE_S = 0.5
_BACKOFF_FIRST_S, _BACKOFF_MAX_S = 0.1, 5.0
_EXIT_STALLED = 70
_LAG_EVERY_S = 5
POLLS_TOGETHER = 4
# Errors of a database or log that is unreachable, restarting or contended. A violated unique key is among them: if two
# writers insert at once, the second attempt sees the row of the first.
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
    """A record that can never be processed. `reason` is a stable code; `message` must not quote personal data."""

    record: StoredRecord
    reason: str
    message: str


class ConsumerStopped(Exception):
    """The consumer stopped at a flood of invalid records and needs an operator. Makes the worker unready."""


def _dead_flags(batch: Sequence[StoredRecord], dead: Sequence[DeadLetter]) -> list[bool]:
    """Return for each record of the batch whether it is a dead letter."""
    if not dead:
        return [False] * len(batch)
    positions = {(letter.record.partition, letter.record.offset) for letter in dead}
    return [(record.partition, record.offset) in positions for record in batch]


def _reversed(moves: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, tuple[int, int]]:
    return {tp: (end, start) for tp, (start, end) in moves.items()}


@dataclass(frozen=True, slots=True)
class Postponed:
    """The records that a handler did not process because other transactions hold rows it needs.

    The effects of the others are committed without moving the offsets. Then the handler is called again, in a new
    transaction. If the next poll is already read, it gets `joined(prepared)`, the postponed records together with what
    was prepared of the next poll, so that the processor has work while others finish. Otherwise, and after
    POLLS_TOGETHER polls, it gets `rest` and must wait for the locks.

    The fence holds in each of these transactions. After an interruption between them all these polls are read again:
    a handler that postpones must recognise the records it has processed.
    """

    rest: Any
    joined: Callable[[Any], Any]


# Takes the records of a poll, or the result of the consumer's `prepare`.
Handler = Callable[[AsyncSession, Any], Awaitable[Sequence[DeadLetter] | Postponed]]


class Consumer:
    """Consumes one topic under a name; several processes with the same name share its partitions."""

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
        """`prepare` runs on the records of a poll while the transaction of the poll before it is open.

        `lane` distinguishes the consumers of one process and name in metrics.
        """
        self.name, self._topic, self._schema = name, topic, schema
        self._lane = str(lane)
        self._database, self._event_log, self._handler = database, log, handler
        self._reader = PollReader(log, records_max=settings.poll_records_max, prepare=prepare)
        self._lease_s, self._stalled_after_s = settings.lease_s, settings.stalled_after_s
        self._leases = Leases(schema=schema, consumer=name, holder=str(new_id()), lease_s=settings.lease_s)
        self._claims: dict[TopicPartition, Claim] = {}
        self._renewed_at = float("-inf")
        self._progress_at = time.monotonic()
        self._lag_at = float("-inf")
        self._limit = DeadLetterLimit(settings.dead_letters_in_a_row_max, settings.dead_letters_percent_max)
        self._stopped_by: str | None = None

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
                    await self._pause_stopped(str(exc), stopping)
                except RETRYABLE as exc:
                    telemetry.CONSUMER_FAILURES.labels(self.name).inc()
                    _log.warning("consumer_retries", consumer=self.name, error=repr(exc)[:500], pause_s=backoff_s)
                    self._renewed_at = float("-inf")
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(backoff_s * 2, _BACKOFF_MAX_S)
        finally:
            watchdog.cancel()
            await self._reader.stop()
            await self._release()

    async def check(self) -> None:
        """Raises ConsumerStopped."""
        if self._stopped_by is not None:
            raise ConsumerStopped(f"{self.name}: {self._stopped_by}")

    async def _pause_stopped(self, why: str, stopping: asyncio.Event) -> None:
        """Release the partitions for workers that can read the records, raise the alarm and wait STOPPED_RETRY_S."""
        self._stopped_by = why
        telemetry.CONSUMER_STOPPED.labels(self.name, self._lane).set(1)
        _log.error("consumer_stopped", consumer=self.name, reason=why)
        await self._reader.stop()
        await self._release()
        self._claims, self._renewed_at = {}, float("-inf")
        until = time.monotonic() + STOPPED_RETRY_S
        while time.monotonic() < until and not stopping.is_set():
            self._progress_at = time.monotonic()  # waiting on purpose is not a stall
            await asyncio.sleep(min(_NOTHING_HELD_PAUSE_S, STOPPED_RETRY_S))

    async def _watch(self, stopping: asyncio.Event) -> None:
        """Exit the process if no poll succeeds for too long: a log's client can hang silently; a restart helps."""
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

    def _lease_is_due(self) -> bool:
        return time.monotonic() - self._renewed_at >= self._lease_s / 3

    async def _renew(self) -> None:
        if not self._lease_is_due():
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
        poll = await self._reader.next_poll({tp: claim.next_offset for tp, claim in self._claims.items()})
        if poll.fetched:
            self._reader.read_ahead(poll)
            await self._process(poll)
        self._progress_at = time.monotonic()

    async def _process(self, poll: Poll) -> None:
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
                    limit = self._limit.after(_dead_flags(poll.records(), result))
                    await self._store_dead_letters(session, result)
            if isinstance(result, Postponed):
                may_join = polls < POLLS_TOGETHER and not self._lease_is_due()
                more = await self._reader.join_following(poll) if may_join else None
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

    async def _store_dead_letters(self, session: AsyncSession, dead: Sequence[DeadLetter]) -> None:
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
            Record(key=letter.record.key, value=letter.record.value, headers=self._dead_letter_headers(letter))
            for letter in dead
        ]
        await outbox.add(session, self._schema, self._topic + DEADLETTER_SUFFIX, records)
        for letter in dead:
            telemetry.DEAD_LETTERS.labels(self.name, letter.reason).inc()
            _log.warning("dead_letter", consumer=self.name, reason=letter.reason, offset=letter.record.offset)

    def _dead_letter_headers(self, letter: DeadLetter) -> Headers:
        record = letter.record
        name = f"{self.name}:{record.topic}:{record.partition}:{record.offset}"
        headers = dead_letter_headers(name, source=f"/{self._schema}", at=record.appended_at)
        return (*headers, ("deadletter_reason", letter.reason.encode()))

    async def _report_lag(self) -> None:
        if time.monotonic() - self._lag_at < _LAG_EVERY_S or not self._claims:
            return
        ends = await self._event_log.end_offsets(list(self._claims))
        lag = sum(max(ends[tp] - claim.next_offset, 0) for tp, claim in self._claims.items())
        telemetry.CONSUMER_LAG.labels(self.name, self._lane).set(lag)
        self._lag_at = time.monotonic()

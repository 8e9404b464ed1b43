"""Holding partners to their limits on the accept path, without a database there.

Rates are kept by each process for itself. The day's budget is shared: each process counts what it takes, adds it to the
table every second and reads back what all have taken. So a budget is overrun by at most what the other processes take
within about a second (and within an outage of the database), and a process that is killed forgets at most a second.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import structlog

from services.ingest.limits import repository
from services.ingest.limits.domain import NANO, Bucket, seconds_to_midnight
from services.ingest.limits.errors import DailyBudgetExhausted, EventRateExceeded, RequestRateExceeded
from services.ingest.partners.domain import Partner
from shared import clock, telemetry
from shared.db import Database

EXCHANGE_EVERY_S = 1.0
EXCHANGE_TIMEOUT_S = 5.0
# Any batch the intake allows passes a full bucket.
EVENTS_BURST_MIN = 500
# One request tries a dozen strings; an engineer at a keyboard needs no more.
DEBUGGING_PER_S, DEBUGGING_BURST = 1, 10

_log = structlog.get_logger(__name__)

_Used = tuple[str, date]


@dataclass(slots=True)
class Reservation:
    """Events counted against the day's budget; what is not kept is given back."""

    kept: int = 0


class Limits:
    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._time_zone = database, time_zone
        self._requests: dict[tuple[str, str], Bucket] = {}
        self._events: dict[tuple[str, str], Bucket] = {}
        self._debugging: dict[str, Bucket] = {}
        self._told: dict[str, int] = {}  # by the table, of all processes, on `_told_day`
        self._told_day: date | None = None
        self._own: Counter[_Used] = Counter()  # taken here and not in the table yet
        self._exhausted: set[_Used] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._try_exchange()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """What is counted is written down once more, if the database is there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._try_exchange()

    def admit_debugging(self, app_key: str) -> None:
        """Of a known sandbox key. Raises RequestRateExceeded."""
        bucket = self._debugging.setdefault(app_key, Bucket(DEBUGGING_PER_S, DEBUGGING_BURST))
        wait_ns = bucket.take(1, time.monotonic_ns())
        if wait_ns:
            raise RequestRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=DEBUGGING_PER_S)

    def admit_request(self, partner: Partner) -> None:
        """Raises RequestRateExceeded."""
        allowance = partner.allowance
        if allowance.requests_per_s is None:
            return
        burst = allowance.requests_burst or allowance.requests_per_s
        bucket = _bucket(self._requests, partner, allowance.requests_per_s, burst)
        wait_ns = bucket.take(1, time.monotonic_ns())
        if wait_ns:
            _refused(partner, RequestRateExceeded.code)
            raise RequestRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=allowance.requests_per_s)

    @contextmanager
    def reserve(self, partner: Partner, events: int, *, counts: bool) -> Iterator[Reservation]:
        """Room for this many events while the block runs; `counts`: they are to be kept, so the budget must cover them.

        Raises EventRateExceeded, DailyBudgetExhausted.
        """
        self._admit_events(partner, events)
        reservation = Reservation()
        if not counts or not events:
            yield reservation
            return
        used = (partner.partner_id, clock.local_date(clock.now(), self._time_zone))
        self._require_budget(partner, used, events)
        self._own[used] += events
        try:
            yield reservation
        finally:
            self._own[used] -= events - reservation.kept

    def _admit_events(self, partner: Partner, events: int) -> None:
        allowance = partner.allowance
        if allowance.events_per_s is None:
            return
        burst = allowance.events_burst or max(allowance.events_per_s, EVENTS_BURST_MIN)
        bucket = _bucket(self._events, partner, allowance.events_per_s, burst)
        wait_ns = bucket.take(events, time.monotonic_ns())
        if wait_ns:
            _refused(partner, EventRateExceeded.code)
            raise EventRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=allowance.events_per_s)

    def _require_budget(self, partner: Partner, used: _Used, events: int) -> None:
        budget = partner.allowance.events_per_day
        if budget is None:
            return
        taken = self._own[used] + (self._told.get(partner.partner_id, 0) if self._told_day == used[1] else 0)
        telemetry.PARTNER_BUDGET_USED.labels(partner.partner_id).set(taken / budget)
        if taken + events <= budget:
            return
        _refused(partner, DailyBudgetExhausted.code)
        if used not in self._exhausted:  # once a day: a leaked key or a partner's bug, somebody should look
            self._exhausted.add(used)
            _log.error("partner_budget_exhausted", partner=partner.partner_id, budget=budget, used=taken)
        wait_s = seconds_to_midnight(clock.now(), self._time_zone)
        raise DailyBudgetExhausted(retry_after_s=wait_s, limit=budget, used=taken)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EXCHANGE_EVERY_S)
            await self._try_exchange()

    async def _try_exchange(self) -> None:
        try:
            async with asyncio.timeout(EXCHANGE_TIMEOUT_S):
                await self.exchange()
        except Exception as exc:
            _log.warning("partner_usage_not_exchanged", error=repr(exc)[:300])

    async def exchange(self) -> None:
        """Adds what was taken here to the table and learns what all have taken today."""
        today = clock.local_date(clock.now(), self._time_zone)
        sent = {used: count for used, count in self._own.items() if count != 0}
        async with self._database.transaction() as session:
            if sent:
                await repository.add(session, sent)
            told = await repository.used(session, today)
        # In one step of the event loop, so that nothing is counted twice or not at all in between.
        self._told, self._told_day = told, today
        self._own.subtract(sent)
        for used in [used for used, count in self._own.items() if count == 0 and used[1] != today]:
            del self._own[used]
        self._exhausted = {used for used in self._exhausted if used[1] == today}


def _bucket(kept: dict[tuple[str, str], Bucket], partner: Partner, per_s: int, burst: int) -> Bucket:
    """Sandbox and live are counted apart. A changed limit starts with a full bucket."""
    name = (partner.partner_id, partner.environment)
    found = kept.get(name)
    if found is None or (found.per_s, found.burst) != (per_s, burst):
        found = kept[name] = Bucket(per_s, burst)
    return found


def _whole_seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // NANO)


def _refused(partner: Partner, code: str) -> None:
    telemetry.PARTNER_REFUSED.labels(partner.partner_id, code).inc()

"""Enforces partners' limits on the accept path without a database.

Each process keeps its own rates. The budget of the day is shared: each process counts the events it accepts, adds them
to the table every second, and reads back the sum of all processes. A budget can be exceeded by what other processes
accept within about one second, or while the database is away. A killed process loses at most one second of counts.
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
from services.ingest.limits.domain import NANO, Bucket, Quota, quota_headers, seconds_to_midnight
from services.ingest.limits.errors import DailyBudgetExhausted, EventRateExceeded, RequestRateExceeded
from services.ingest.partners.domain import Partner
from shared import clock, telemetry
from shared.db import Database

EXCHANGE_EVERY_S = 1.0
EXCHANGE_TIMEOUT_S = 5.0
# The largest batch the intake accepts fits into a full bucket.
EVENTS_BURST_MIN = 500
# One request tries a dozen strings. An engineer at a keyboard needs no more.
DEBUGGING_PER_S, DEBUGGING_BURST = 1, 10

_log = structlog.get_logger(__name__)

# The sandbox is for trying a client, not for measuring it: each event is judged in a transaction of the request.
SANDBOX_EVENTS_PER_S, SANDBOX_BURST = 20, 1_000
DAY_S = 86_400

__all__ = ["Limits", "Quota", "Reservation", "quota_headers"]

_PartnerDay = tuple[str, date]


@dataclass(slots=True)
class Reservation:
    """Events counted against the day's budget. `kept`: how many stay counted when the block ends."""

    kept: int = 0


class Limits:
    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._time_zone = database, time_zone
        self._requests: dict[tuple[str, str], Bucket] = {}
        self._events: dict[tuple[str, str], Bucket] = {}
        self._debugging: dict[str, Bucket] = {}
        self._sandbox: dict[str, Bucket] = {}
        self._stored: dict[str, int] = {}  # events by partner on `_stored_day`, of all processes, as in the table
        self._stored_day: date | None = None
        self._unstored: Counter[_PartnerDay] = Counter()  # accepted here and not yet in the table
        self._exhausted: set[_PartnerDay] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._try_exchange()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write the last counts to the table if the database is there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._try_exchange()

    def admit_debugging(self, app_key: str) -> None:
        """For requests to the signature debugger with a known sandbox key. Raises RequestRateExceeded."""
        bucket = self._debugging.setdefault(app_key, Bucket(DEBUGGING_PER_S, DEBUGGING_BURST))
        wait_ns = bucket.take(1, time.monotonic_ns())
        if wait_ns:
            raise RequestRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=DEBUGGING_PER_S)

    def admit_request(self, partner: Partner) -> None:
        """Raises RequestRateExceeded."""
        bucket = self._requests_bucket(partner)
        if bucket is None:
            return
        wait_ns = bucket.take(1, time.monotonic_ns())
        if wait_ns:
            _count_refusal(partner, RequestRateExceeded.code)
            raise RequestRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=bucket.per_s)

    def _requests_bucket(self, partner: Partner) -> Bucket | None:
        allowance = partner.allowance
        if allowance.requests_per_s is None:
            return None
        burst = allowance.requests_burst or allowance.requests_per_s
        return _bucket(self._requests, partner, allowance.requests_per_s, burst)

    def _events_bucket(self, partner: Partner) -> Bucket | None:
        allowance = partner.allowance
        if allowance.events_per_s is None:
            return None
        burst = allowance.events_burst or max(allowance.events_per_s, EVENTS_BURST_MIN)
        return _bucket(self._events, partner, allowance.events_per_s, burst)

    def quotas(self, partner: Partner) -> list[Quota]:
        """What is left of the partner's limits in this process, and of its day. A limit that is not set is left out."""
        now, found = time.monotonic_ns(), []
        for name, bucket in (("requests", self._requests_bucket(partner)), ("events", self._events_bucket(partner))):
            if bucket is not None:
                remaining, reset_s = bucket.left(now)
                found.append(Quota(name, bucket.burst, -(-bucket.burst // bucket.per_s), remaining, reset_s))
        budget = partner.allowance.events_per_day
        if budget is not None and not partner.sandbox:
            at = clock.now()
            used = self._used((partner.partner_id, clock.local_date(at, self._time_zone)))
            reset_s = seconds_to_midnight(at, self._time_zone)
            found.append(Quota("day", budget, DAY_S, max(budget - used, 0), reset_s))
        return found

    def _used(self, key: _PartnerDay) -> int:
        stored = self._stored.get(key[0], 0) if self._stored_day == key[1] else 0
        return stored + self._unstored[key]

    def admit_sandbox(self, partner: Partner, events: int) -> None:
        """For events that the sandbox judges in the database. Raises EventRateExceeded."""
        bucket = self._sandbox.setdefault(partner.partner_id, Bucket(SANDBOX_EVENTS_PER_S, SANDBOX_BURST))
        wait_ns = bucket.take(events, time.monotonic_ns())
        if wait_ns:
            raise EventRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=SANDBOX_EVENTS_PER_S)

    @contextmanager
    def reserve(self, partner: Partner, events: int, *, counts: bool) -> Iterator[Reservation]:
        """Reserve this many events while the block runs. `counts`: the budget of the day must cover them.

        Raises EventRateExceeded, DailyBudgetExhausted.
        """
        self._admit_events(partner, events)
        reservation = Reservation()
        if not counts or not events:
            yield reservation
            return
        key = (partner.partner_id, clock.local_date(clock.now(), self._time_zone))
        self._require_budget(partner, key, events)
        self._unstored[key] += events
        try:
            yield reservation
        finally:
            self._unstored[key] -= events - reservation.kept

    def _admit_events(self, partner: Partner, events: int) -> None:
        bucket = self._events_bucket(partner)
        if bucket is None:
            return
        wait_ns = bucket.take(events, time.monotonic_ns())
        if wait_ns:
            _count_refusal(partner, EventRateExceeded.code)
            raise EventRateExceeded(retry_after_s=_whole_seconds(wait_ns), limit=bucket.per_s)

    def _require_budget(self, partner: Partner, key: _PartnerDay, events: int) -> None:
        budget = partner.allowance.events_per_day
        if budget is None:
            return
        used = self._used(key)
        telemetry.PARTNER_BUDGET_USED.labels(partner.partner_id).set(used / budget)
        if used + events <= budget:
            return
        _count_refusal(partner, DailyBudgetExhausted.code)
        if key not in self._exhausted:  # once a day: a leaked key or a partner's bug, an operator should look
            self._exhausted.add(key)
            _log.error("partner_budget_exhausted", partner=partner.partner_id, budget=budget, used=used)
        wait_s = seconds_to_midnight(clock.now(), self._time_zone)
        raise DailyBudgetExhausted(retry_after_s=wait_s, limit=budget, used=used)

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
        """Add the counts of this process to the table and read today's sums of all processes."""
        today = clock.local_date(clock.now(), self._time_zone)
        sent = {key: count for key, count in self._unstored.items() if count != 0}
        async with self._database.transaction() as session:
            if sent:
                await repository.add_usage(session, sent)
            stored = await repository.usage_of_day(session, today)
        # No await from here on: between these lines an event would be counted twice or not at all.
        self._stored, self._stored_day = stored, today
        self._unstored.subtract(sent)
        for key in [key for key, count in self._unstored.items() if count == 0 and key[1] != today]:
            del self._unstored[key]
        self._exhausted = {key for key in self._exhausted if key[1] == today}


def _bucket(buckets: dict[tuple[str, str], Bucket], partner: Partner, per_s: int, burst: int) -> Bucket:
    """Sandbox and live have separate buckets. A changed limit starts with a full one."""
    name = (partner.partner_id, partner.environment)
    found = buckets.get(name)
    if found is None or (found.per_s, found.burst) != (per_s, burst):
        found = buckets[name] = Bucket(per_s, burst)
    return found


def _whole_seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // NANO)


def _count_refusal(partner: Partner, code: str) -> None:
    telemetry.PARTNER_REFUSED.labels(partner.partner_id, code).inc()

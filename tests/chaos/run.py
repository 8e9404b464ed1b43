"""One run: load on a running stack, one fault after another. After each fault it times the recovery and checks."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.chaos.checker import Checker, Verdict
from tests.chaos.history import Ack, Event
from tests.chaos.load import Load
from tests.chaos.stack import FaultStack

RECOVERY_MAX_S = 30.0
GIVE_UP_S = 90.0  # timeout of a recovery, longer than the bound to measure how late it was
DRAIN_S = 60.0
SETTLE_S = 90.0  # rewards cancels an order after 60 s without accounting
POLL_S = 0.3
SETTLE_BEFORE_S = 1.0


class NotPossible(Exception):
    """This machine or account cannot play the fault. The message gives the reason and goes into the report."""


@dataclass
class FaultContext:
    """Resources of a fault, and its figures for the report."""

    stack: FaultStack
    load: Load
    random: random.Random
    facts: dict[str, Any] = field(default_factory=dict)

    def add_facts(self, **facts: Any) -> None:
        """Add figures to the report."""
        self.facts.update(facts)


@dataclass(frozen=True)
class Fault:
    """A fault. The recovery is timed from the return of `play`. `logs`: event logs it applies to."""

    name: str
    zh: str
    en: str
    play: Callable[[FaultContext], Awaitable[None]]
    logs: tuple[str, ...] = ("postgres", "kafka")


@dataclass
class Outcome:
    """Result of one fault."""

    fault: Fault
    injected: int = 1
    took_s: float = 0.0
    recovery_s: float | None = None
    verdict: Verdict = field(default_factory=Verdict)
    not_possible: str = ""
    problems: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems and self.verdict.clean


@dataclass
class Result:
    """Result of the whole run."""

    log: str
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    final: Verdict = field(default_factory=Verdict)
    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.problems and self.final.clean and all(outcome.ok for outcome in self.outcomes)


OnOutcome = Callable[[Outcome], None]


class Run:
    """Plays `faults` in order against a running stack."""

    def __init__(self, stack: FaultStack, load: Load, faults: Sequence[Fault], seed: int) -> None:
        self._stack, self._load, self._faults = stack, load, faults
        self._seed = seed
        self._checker = Checker(stack.admin_dsn, load.history)
        self._seen: set[tuple[str, str]] = set()

    async def play(self, ack: OnOutcome, *, budget_s: float) -> Result:
        result = Result(self._stack.log, self._seed)
        started = time.monotonic()
        await self._load.start()
        await self._wait_recovered(time.monotonic(), problems=result.problems)
        for fault in self._faults:
            if self._stack.log not in fault.logs:
                outcome = Outcome(fault, injected=0, not_possible=f"needs LOG={'/'.join(fault.logs)}")
            elif time.monotonic() - started > budget_s:
                outcome = Outcome(fault, injected=0, not_possible="out of time: MINUTES ran out before it")
            else:
                outcome = await self._play_fault(fault)
            result.outcomes.append(outcome)
            ack(outcome)
        await self._end(result)
        result.seconds = time.monotonic() - started
        return result

    async def _play_fault(self, fault: Fault) -> Outcome:
        outcome = Outcome(fault)
        context = FaultContext(self._stack, self._load, random.Random(f"{self._seed}-{fault.name}"))
        await asyncio.sleep(SETTLE_BEFORE_S)
        started = time.monotonic()
        try:
            await fault.play(context)
        except NotPossible as reason:
            outcome.not_possible, outcome.injected = str(reason), 0
        except Exception as error:
            outcome.problems.append(f"the fault failed to run: {error!r}")
        ended_at = time.monotonic()
        outcome.took_s = ended_at - started
        outcome.facts = dict(context.facts)
        outcome.injected = context.facts.get("injected", outcome.injected)
        outcome.problems += context.facts.get("problems", [])
        if not outcome.not_possible:
            outcome.recovery_s = await self._wait_recovered(ended_at, problems=outcome.problems)
            outcome.verdict = await self._checker.check(at_rest=False)
        return outcome

    async def _wait_recovered(self, since: float, *, problems: list[str]) -> float:
        """Return the seconds until every process is ready, all accepted events are posted, and new events and orders
        pass through the whole chain."""
        deadline = since + GIVE_UP_S
        before = self._not_seen_posted()
        waiting = "processes"
        while time.monotonic() < deadline:
            if not self._stack.ready():
                waiting = "processes"
            elif waiting == "processes":
                waiting = "probe"
            if waiting == "probe":
                probes = await self._load.probe()
                ack = [await self._load.spend_once() for _ in range(2)]
                if len(probes) == 4 and all(write.ack is not Ack.UNKNOWN for write in ack):
                    waiting, before = "posting", [*before, *probes]
            if waiting == "posting":
                before = await self._find_unposted(before)
                if not before:
                    recovery_s = time.monotonic() - since
                    if recovery_s > RECOVERY_MAX_S:
                        problems.append(f"recovered only after {recovery_s:.1f} s")
                    return recovery_s
            await asyncio.sleep(POLL_S)
        problems.append(f"not recovered within {GIVE_UP_S:.0f} s, still waiting for {waiting}, {len(before)} events")
        return time.monotonic() - since

    def _not_seen_posted(self) -> list[Event]:
        return [e for e in self._load.history.accepted() if (e.partner_id, e.event_id) not in self._seen]

    async def _find_unposted(self, events: Sequence[Event]) -> list[Event]:
        try:
            left = await self._checker.find_unposted(events)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return list(events)
        missing = {id(event) for event in left}
        self._seen.update((e.partner_id, e.event_id) for e in events if id(e) not in missing)
        return left

    async def _end(self, result: Result) -> None:
        """Stop the load, wait until all is drained, then check at rest."""
        await self._load.stop()
        deadline = time.monotonic() + DRAIN_S
        while (left := await self._find_unposted(self._not_seen_posted())) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
        if left:
            result.problems.append(f"{len(left)} accepted events not posted {DRAIN_S:.0f} s after the load ended")
        deadline = time.monotonic() + SETTLE_S
        while await self._open_settlements() and time.monotonic() < deadline:
            await asyncio.sleep(1)
        result.final = await self._checker.check(at_rest=True)
        history = self._load.history
        result.figures = {
            "events_sent": len(history.events),
            "events_accepted": history.count(Ack.ACCEPTED),
            "events_rejected": history.count(Ack.REJECTED),
            "events_unknown": history.count(Ack.UNKNOWN),
            "events_sent_again": sum(max(e.copies - 1, 0) for e in history.events.values()),
            "events_conflicting": sum(e.conflicts for e in history.events.values()),
            "orders_and_donations": len(history.writes),
            "writes_acknowledged": sum(w.ack is Ack.ACCEPTED for w in history.writes.values()),
            "writes_refused": sum(w.ack is Ack.REJECTED for w in history.writes.values()),
            "writes_unknown": sum(w.ack is Ack.UNKNOWN for w in history.writes.values()),
            "citizens": len(self._load.citizens),
            "requests": history.requests,
            "requests_repeated": history.retries,
            "answers": dict(history.answers),
            "process_restarts": self._stack.restarts(),
        }

    async def _open_settlements(self) -> int:
        connection = await asyncpg.connect(self._stack.admin_dsn)
        try:
            return int(
                await connection.fetchval(
                    "SELECT (SELECT count(*) FROM rewards.orders WHERE status NOT IN ('confirmed', 'cancelled'))"
                    " + (SELECT count(*) FROM rewards.donation WHERE status NOT IN ('confirmed', 'cancelled'))"
                )
            )
        finally:
            await connection.close()

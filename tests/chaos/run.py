"""One run: the stack up, load on, fault after fault; after each the recovery is timed and the checker asked."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.chaos.checker import Checker, Verdict
from tests.chaos.history import Event, Told
from tests.chaos.load import Load
from tests.chaos.stack import Attacked

RECOVERY_MAX_S = 30.0
GIVE_UP_S = 90.0  # of waiting for a recovery: long enough to say how late it was
DRAIN_S = 60.0
SETTLE_S = 90.0  # an order whose accounting stayed away is called off after 60 s
POLL_S = 0.3
SETTLE_BEFORE_S = 1.0


class NotPossible(Exception):
    """This machine or account cannot play the fault; the sentence says why and goes into the report."""


@dataclass
class Scene:
    """What a fault may use."""

    stack: Attacked
    load: Load
    random: random.Random
    facts: dict[str, Any] = field(default_factory=dict)

    def say(self, **facts: Any) -> None:
        """Figures for the report."""
        self.facts.update(facts)


@dataclass(frozen=True)
class Fault:
    """`play` returns when the fault is over: from then on the recovery is timed. `logs`: where it can be played."""

    name: str
    zh: str
    en: str
    play: Callable[[Scene], Awaitable[None]]
    logs: tuple[str, ...] = ("postgres", "kafka")


@dataclass
class Outcome:
    """One fault in the report."""

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
    """The whole run."""

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


Told_ = Callable[[Outcome], None]


class Run:
    """Plays `faults` in order against a stack that is up."""

    def __init__(self, stack: Attacked, load: Load, faults: Sequence[Fault], seed: int) -> None:
        self._stack, self._load, self._faults = stack, load, faults
        self._seed = seed
        self._checker = Checker(stack.admin_dsn, load.history)
        self._seen: set[tuple[str, str]] = set()

    async def play(self, told: Told_, *, budget_s: float) -> Result:
        result = Result(self._stack.log, self._seed)
        started = time.monotonic()
        await self._load.start()
        await self._recovered(time.monotonic(), problems=result.problems)
        for fault in self._faults:
            if self._stack.log not in fault.logs:
                outcome = Outcome(fault, injected=0, not_possible=f"needs LOG={'/'.join(fault.logs)}")
            elif time.monotonic() - started > budget_s:
                outcome = Outcome(fault, injected=0, not_possible="out of time: MINUTES ran out before it")
            else:
                outcome = await self._one(fault)
            result.outcomes.append(outcome)
            told(outcome)
        await self._end(result)
        result.seconds = time.monotonic() - started
        return result

    async def _one(self, fault: Fault) -> Outcome:
        outcome = Outcome(fault)
        scene = Scene(self._stack, self._load, random.Random(f"{self._seed}-{fault.name}"))
        await asyncio.sleep(SETTLE_BEFORE_S)
        started = time.monotonic()
        try:
            await fault.play(scene)
        except NotPossible as reason:
            outcome.not_possible, outcome.injected = str(reason), 0
        except Exception as error:
            outcome.problems.append(f"the fault could not be played: {error!r}")
        lifted = time.monotonic()
        outcome.took_s = lifted - started
        outcome.facts = dict(scene.facts)
        outcome.injected = scene.facts.get("injected", outcome.injected)
        outcome.problems += scene.facts.get("problems", [])
        if not outcome.not_possible:
            outcome.recovery_s = await self._recovered(lifted, problems=outcome.problems)
            outcome.verdict = await self._checker.check(at_rest=False)
        return outcome

    async def _recovered(self, since: float, *, problems: list[str]) -> float:
        """Seconds until every process is ready, all that was accepted before is posted, and new events and orders of
        every kind pass through the whole chain."""
        deadline = since + GIVE_UP_S
        before = self._unseen()
        waiting = "processes"
        while time.monotonic() < deadline:
            if not self._stack.ready():
                waiting = "processes"
            elif waiting == "processes":
                waiting = "probe"
            if waiting == "probe":
                probes = await self._load.probe()
                told = [await self._load.spend() for _ in range(2)]
                if len(probes) == 4 and all(write.told is not Told.UNKNOWN for write in told):
                    waiting, before = "posting", [*before, *probes]
            if waiting == "posting":
                before = await self._unposted(before)
                if not before:
                    recovery_s = time.monotonic() - since
                    if recovery_s > RECOVERY_MAX_S:
                        problems.append(f"recovered only after {recovery_s:.1f} s")
                    return recovery_s
            await asyncio.sleep(POLL_S)
        problems.append(f"not recovered within {GIVE_UP_S:.0f} s, still waiting for {waiting}, {len(before)} events")
        return time.monotonic() - since

    def _unseen(self) -> list[Event]:
        return [e for e in self._load.history.accepted() if (e.partner_id, e.event_id) not in self._seen]

    async def _unposted(self, events: Sequence[Event]) -> list[Event]:
        try:
            left = await self._checker.unposted(events)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return list(events)
        missing = {id(event) for event in left}
        self._seen.update((e.partner_id, e.event_id) for e in events if id(e) not in missing)
        return left

    async def _end(self, result: Result) -> None:
        """Load off, everything drained, then the checker that lets nothing be under way."""
        await self._load.stop()
        deadline = time.monotonic() + DRAIN_S
        while (left := await self._unposted(self._unseen())) and time.monotonic() < deadline:
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
            "events_accepted": history.count(Told.ACCEPTED),
            "events_rejected": history.count(Told.REJECTED),
            "events_unknown": history.count(Told.UNKNOWN),
            "events_sent_again": sum(max(e.copies - 1, 0) for e in history.events.values()),
            "events_conflicting": sum(e.conflicts for e in history.events.values()),
            "orders_and_donations": len(history.writes),
            "writes_acknowledged": sum(w.told is Told.ACCEPTED for w in history.writes.values()),
            "writes_refused": sum(w.told is Told.REJECTED for w in history.writes.values()),
            "writes_unknown": sum(w.told is Told.UNKNOWN for w in history.writes.values()),
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
                    "SELECT (SELECT count(*) FROM rewards.orders WHERE status IN ('pending', 'cancelling'))"
                    " + (SELECT count(*) FROM rewards.donation WHERE status IN ('pending', 'cancelling'))"
                )
            )
        finally:
            await connection.close()

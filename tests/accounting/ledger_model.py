"""A model of the ledger in a few lines of Python: the expected balances and statuses after any story."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.reports import YESTERDAY, Reports

WORTH_MG = {"metro": 170_000, "bus": 150_000, "slow_bus": 150_000}
ACTS_A_DAY = 2
SLOTS_A_DAY = 48
VALID_YEARS = 1
_EARNING = {"credited", "pending"}


@dataclass(eq=False)
class Ride:
    report: ActivityReported
    owner: "Person"
    scene: str
    start: datetime
    late: bool = False
    status: str = "unposted"
    reason: str = ""
    due: bool = False
    original: "Ride | None" = None  # the credited ride that this one repeats

    @property
    def cap(self) -> tuple[str, date]:
        return self.scene.removeprefix("slow_"), self.start.date()

    @property
    def worth_mg(self) -> int:
        return WORTH_MG[self.scene]


@dataclass(eq=False)
class Hold:
    hold_id: UUID
    owner: "Person"
    amount_mg: int
    status: str = "held"
    overdue: bool = False


@dataclass(eq=False)
class Person:
    reports: Reports
    bound: bool
    frozen: bool = False
    available_mg: int = 0
    pending_mg: int = 0
    held_mg: int = 0
    debt_mg: int = 0
    lifetime_mg: int = 0
    rides: list[Ride] = field(default_factory=list)
    caps: Counter[tuple[str, date]] = field(default_factory=Counter)
    slots: Counter[int] = field(default_factory=Counter)
    year: int = field(default_factory=lambda: (YESTERDAY + timedelta(days=1)).year)
    lots: list[list[int]] = field(default_factory=list)  # [year, milligrams] of available or held grams, oldest first
    freed: list[Ride] = field(default_factory=list)  # taken back since room was last given to refused rides

    def next_start(self, days_ago: int) -> datetime:
        """Return a start half an hour after the one before. No rides overlap. The first and last touch midnight."""
        slot = self.slots[days_ago] % SLOTS_A_DAY
        self.slots[days_ago] += 1
        return YESTERDAY - timedelta(days=days_ago) + timedelta(minutes=30 * slot)

    @property
    def balance(self) -> tuple[int, int, int, int, int]:
        return self.available_mg, self.pending_mg, self.held_mg, self.debt_mg, self.lifetime_mg

    def _use(self, amount_mg: int) -> None:
        """Use grams, the oldest first."""
        for lot in self.lots:
            taken_mg = min(lot[1], amount_mg)
            lot[1] -= taken_mg
            amount_mg -= taken_mg
        assert not amount_mg

    def _receive(self, amount_mg: int) -> None:
        """Receive new grams that can be spent."""
        self.lots.append([self.year, amount_mg])
        self._get(amount_mg)

    def _get(self, amount_mg: int) -> None:
        """Add grams, new or given back. They repay a debt first."""
        repaid_mg = min(self.debt_mg, amount_mg)
        self.debt_mg -= repaid_mg
        self.available_mg += amount_mg - repaid_mg
        self._use(repaid_mg)

    @property
    def expiries(self) -> dict[int, int]:
        """Return available milligrams by their last usable year. Held grams are the oldest."""
        held_mg, found = self.held_mg, Counter[int]()
        for year, amount_mg in self.lots:
            of_held_mg = min(held_mg, amount_mg)
            held_mg -= of_held_mg
            found[year + VALID_YEARS] += amount_mg - of_held_mg
        return {year: amount_mg for year, amount_mg in found.items() if amount_mg}

    def expire(self) -> None:
        if not self.frozen:
            expired_mg = sum(amount_mg for last, amount_mg in self.expiries.items() if last < self.year)
            self._use(expired_mg)
            self.available_mg -= expired_mg

    def judge(self, ride: Ride) -> None:
        """Judge a ride. The first failing check gives the reason."""
        repeated = [other for other in self.rides if other.start == ride.start and other.status in _EARNING]
        ride.original = next((other for other in repeated if other is not ride), None)
        if ride.late:
            ride.status, ride.reason = "refused", "TOO_LATE"
        elif not self.bound:
            ride.status, ride.reason = "parked", "NO_BINDING"
        elif ride.original is not None:
            ride.status, ride.reason = "refused", "DUPLICATE_ACT"
        elif self.caps[ride.cap] >= ACTS_A_DAY:
            ride.status, ride.reason = "refused", "DAILY_CAP"
        else:
            self.caps[ride.cap] += 1
            self.lifetime_mg += ride.worth_mg
            ride.reason = "CREDITED"
            if ride.scene == "slow_bus":
                ride.status = "pending"
                self.pending_mg += ride.worth_mg
            else:
                ride.status = "credited"
                self._receive(ride.worth_mg)

    def take_back(self, ride: Ride, reason: str) -> None:
        if ride.status in _EARNING:
            self.freed.append(ride)
            self.caps[ride.cap] -= 1
            self.lifetime_mg -= ride.worth_mg
            if ride.status == "pending":
                self.pending_mg -= ride.worth_mg
            else:
                taken_mg = min(self.available_mg, ride.worth_mg)
                self.available_mg -= taken_mg
                self._use(taken_mg)
                self.debt_mg += ride.worth_mg - taken_mg
            ride.status = "reversed"
        else:
            ride.status = "refused"
        ride.reason = reason

    def give_freed_room(self) -> None:
        """Judge rides again that were refused for want of room, in the order of the rides."""
        if not self.freed:
            return
        since = min(ride.start for ride in self.freed) - timedelta(days=1)
        waiting = [
            ride
            for ride in self.rides
            if ride.status == "refused"
            and ((ride.reason == "DAILY_CAP" and ride.start > since) or self._repeats_freed(ride))
        ]
        for ride in sorted(waiting, key=lambda ride: (ride.start, ride.report.event_key)):
            self.judge(ride)
        self.freed = []

    def _repeats_freed(self, ride: Ride) -> bool:
        return ride.reason == "DUPLICATE_ACT" and any(ride.original is one for one in self.freed)

    def vest(self, ride: Ride) -> None:
        ride.status = "credited"
        self.pending_mg -= ride.worth_mg
        self._receive(ride.worth_mg)

    def place(self, hold: Hold) -> None:
        self.available_mg -= hold.amount_mg
        self.held_mg += hold.amount_mg

    def settle(self, hold: Hold, status: str) -> None:
        hold.status = status
        self.held_mg -= hold.amount_mg
        if status == "captured":
            self._use(hold.amount_mg)
        else:
            self._get(hold.amount_mg)


@dataclass(eq=False)
class Correction:
    report: ActivityReported
    target: Ride
    instead: Ride | None

    @property
    def is_ready(self) -> bool:
        """Whether the original is decided. A parked one is not, but it can be cancelled."""
        return self.target.status != "unposted" and (self.target.status != "parked" or self.instead is None)

    def apply(self) -> None:
        target = self.target
        if target.status == "reversed" or target.reason in {"CANCELLED", "CORRECTED"}:
            return
        target.owner.take_back(target, "CORRECTED" if self.instead else "CANCELLED")
        if self.instead:
            target.owner.rides.append(self.instead)
            target.owner.judge(self.instead)

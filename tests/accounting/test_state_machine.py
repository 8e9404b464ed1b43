"""Random stories of grams on a real database: after every step the ledger equals a model.

`make nightly` plays longer ones, new each time.
"""

import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from services.accounting.checks import service as checks
from services.accounting.ledger import holds
from services.accounting.ledger.errors import AccountFrozen, HoldSettled, InsufficientBalance
from services.accounting.operations import service as operations
from services.accounting.posting.errors import ActivityNotCredited, ActivityReversedAlready
from services.accounting.settings import Settings
from shared import clock
from shared.auth.tokens import Operator
from shared.contracts import topics
from shared.contracts.holds import CaptureRequest, HoldRequest
from shared.contracts.identity import person_account_id
from tests.accounting.ledger_model import Correction, Hold, Person, Ride
from tests.accounting.ledger_world import World, balance_of
from tests.accounting.nightly import play
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables
from tests.tokens import TokenFactory

pytestmark = pytest.mark.longer

ANY = st.integers(0, 10_000)  # index of one of the existing items
SCENES = st.sampled_from(["metro", "bus", "slow_bus"])
DAYS_AGO = st.integers(0, 2)
WHY = "a reason"
ANN, BOB = (Operator(name, frozenset({operations.SCOPE})) for name in ("ann", "bob"))


class LedgerStory(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.people: list[Person] = []
        self.rides: list[Ride] = []
        self.unposted: list[Ride] = []
        self.waiting: list[Correction] = []
        self.holds: list[Hold] = []
        self.today = YESTERDAY.date() + timedelta(days=1)

    @initialize()
    def begin(self) -> None:
        self.world.run(empty_tables(self.world.dsns, "accounting", keep=LIBRARY_TABLES))
        for bound in (True, True, False):
            user_id = uuid.uuid4()
            self.people.append(Person(Reports(user_id, person_account_id(user_id)), bound))
            if bound:
                self.world.run(self.world.accounting.bind(self.people[-1].reports))
                for number, scene in enumerate(("metro", "bus", "slow_bus")):
                    self._post(self._make(len(self.people) - 1, scene, number))

    def _make(self, who: int, scene: str, days_ago: int, **fields: Any) -> Ride:
        person = self.people[who % len(self.people)]
        start = person.next_start(days_ago)
        late = fields.get("late_window_s") == 0
        return Ride(getattr(person.reports, scene)(start, **fields), person, scene, start, late)

    def _post(self, ride: Ride) -> None:
        self.world.run(self.world.accounting.post(ride.report))
        self._release(ride.owner)
        self.rides.append(ride)
        ride.owner.rides.append(ride)
        ride.owner.judge(ride)

    def _release(self, owner: Person) -> None:
        """Judge the parked rides of a person before newer ones."""
        parked = [ride for ride in self.rides if ride.status == "parked" and ride.owner is owner and owner.bound]
        for ride in sorted(parked, key=lambda ride: ride.report.received_at):
            owner.judge(ride)

    def _spent_ride(self, which: int) -> Ride:
        """Return any ride, more often a credited ride of a person with holds: their rules are the most complex."""
        spenders = {id(hold.owner) for hold in self.holds}
        rides = [ride for ride in self.rides if ride.status == "credited" and id(ride.owner) in spenders]
        rides = rides if rides and which % 3 else self.rides
        return rides[which % len(rides)]

    # Events

    @rule(who=ANY, scene=SCENES, days_ago=DAYS_AGO)
    def earn_or_park(self, who: int, scene: str, days_ago: int) -> None:
        self._post(self._make(who, scene, days_ago))

    @rule(who=ANY, scene=SCENES, days_ago=DAYS_AGO)
    def earn_too_late(self, who: int, scene: str, days_ago: int) -> None:
        self._post(self._make(who, scene, days_ago, late_window_s=0))

    @precondition(lambda self: self.rides)
    @rule(which=ANY)
    def same_event_again(self, which: int) -> None:
        ride = self.rides[which % len(self.rides)]
        self.world.run(self.world.accounting.post(ride.report, ride.report))

    @precondition(lambda self: self.rides)
    @rule(which=ANY)
    def same_event_with_other_content(self, which: int) -> None:
        ride = self.rides[which % len(self.rides)]
        other = ride.owner.reports.metro(ride.start + timedelta(seconds=1), event_id=ride.report.event_id)
        self.world.run(self.world.accounting.post(other))

    @precondition(lambda self: self.rides)
    @rule(which=ANY)
    def same_trip_under_another_id(self, which: int) -> None:
        ride = self.rides[which % len(self.rides)]
        again = getattr(ride.owner.reports, ride.scene)(ride.start)
        self._post(Ride(again, ride.owner, ride.scene, ride.start))

    @precondition(lambda self: not all(person.bound for person in self.people))
    @rule()
    def bind(self) -> None:
        person = next(person for person in self.people if not person.bound)
        self.world.run(self.world.accounting.bind(person.reports))
        person.bound = True

    # Corrections

    def _correct(self, target: Ride, scene: str | None, days_ago: int) -> None:
        owner = target.owner
        instead = None
        if scene is None:
            report = cancel(owner.reports, target.report)
        else:
            start = owner.next_start(days_ago)
            report = correct(owner.reports, target.report, getattr(owner.reports, scene)(start))
            instead = Ride(report, owner, scene, start)
        self.world.run(self.world.accounting.post(report))
        self.waiting.append(Correction(report, target, instead))

    @precondition(lambda self: self.rides)
    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        self._correct(self._spent_ride(which), None, 0)

    @precondition(lambda self: self.rides)
    @rule(which=ANY, scene=SCENES, days_ago=DAYS_AGO)
    def correct(self, which: int, scene: str, days_ago: int) -> None:
        self._correct(self._spent_ride(which), scene, days_ago)

    @rule(who=ANY, scene=SCENES, days_ago=DAYS_AGO, instead=st.none() | SCENES)
    def correct_before_the_original(self, who: int, scene: str, days_ago: int, instead: str | None) -> None:
        ride = self._make(who, scene, days_ago)
        self.unposted.append(ride)
        self._correct(ride, instead, days_ago)

    @precondition(lambda self: self.unposted)
    @rule()
    def the_original_arrives(self) -> None:
        self._post(self.unposted.pop())

    @rule()
    def sweep(self) -> None:
        """Release parked rides, apply corrections, give freed room, vest due credits."""
        self.world.run(self.world.accounting.release())
        for person in self.people:
            self._release(person)
        ready = [one for one in self.waiting if one.is_ready]
        for one in ready:
            one.apply()
            if one.instead and one.instead.status != "unposted":
                self.rides.append(one.instead)
        self.waiting = [one for one in self.waiting if one not in ready]
        for person in self.people:
            person.give_freed_room()
        for ride in self.rides:
            if ride.status == "pending" and ride.due:
                ride.owner.vest(ride)

    @precondition(lambda self: any(ride.status == "pending" for ride in self.rides))
    @rule(which=ANY)
    def days_pass_for_a_pending_ride(self, which: int) -> None:
        pending = [ride for ride in self.rides if ride.status == "pending"]
        ride = pending[which % len(pending)]
        ride.due = True
        sql = "UPDATE accounting.vesting SET due_at = now() - interval '1 second' WHERE activity_id = $1"
        assert self.world.run(self.world.admin.execute(sql, ride.report.event_key)) == "UPDATE 1"

    # Operators

    @precondition(lambda self: self.rides)
    @rule(which=ANY)
    def reverse(self, which: int) -> None:
        ride = self._spent_ride(which)
        approvals = self.world.accounting.approvals
        arguments = {
            "approvals": approvals,
            "activity_id": ride.report.event_key,
            "reason": WHY,
            "operator": ANN,
        }
        if ride.status not in {"credited", "pending"}:
            error = ActivityReversedAlready if ride.status == "reversed" else ActivityNotCredited
            self.world.refused(error, operations.propose_reversal, **arguments)
            return
        row = self.world.call(operations.propose_reversal, **arguments)
        decision = {"approvals": approvals, "kind": "reversal", "proposal_id": row.proposal_id, "operator": BOB}
        self.world.call(operations.approve, **decision)
        ride.owner.take_back(ride, "REVOKED")

    @rule(who=ANY)
    def freeze_or_unfreeze(self, who: int) -> None:
        person = self.people[who % len(self.people)]
        arguments = {"account_id": person.reports.account_id, "reason": WHY, "operator": "ann"}
        freezing = {**arguments, "code": "suspicious_acts", "topic": topics.FREEZES}
        if person.frozen:
            self.world.refused(AccountFrozen, operations.freeze_account, **freezing)
            approvals = self.world.accounting.approvals
            proposed = {**arguments, "approvals": approvals, "operator": ANN}
            row = self.world.call(operations.propose_unfreeze, **proposed)
            decision = {"approvals": approvals, "kind": "unfreeze", "proposal_id": row.proposal_id, "operator": BOB}
            self.world.call(operations.approve, **decision)
        else:
            self.world.call(operations.freeze_account, **freezing)
        person.frozen = not person.frozen

    # Holds

    @rule(who=ANY, part=st.sampled_from(["all", "all", "half", "too much"]))
    def hold(self, who: int, part: str) -> None:
        person = self.people[who % len(self.people)]
        amount_mg = person.available_mg + 1
        if part != "too much" and person.available_mg:
            amount_mg = person.available_mg if part == "all" else (person.available_mg + 1) // 2
        request = self._request(Hold(uuid.uuid4(), person, amount_mg))
        if person.frozen or person.available_mg < amount_mg:
            error = AccountFrozen if person.frozen else InsufficientBalance
            self.world.refused(error, holds.place_hold, request=request, caller="rewards")
            return
        for _repeat in range(2):
            self.world.call(holds.place_hold, request=request, caller="rewards")
        self.holds.append(Hold(request.hold_id, person, amount_mg))
        person.place(self.holds[-1])

    @precondition(lambda self: any(r.status == "credited" and r.owner.available_mg for r in self.rides))
    @rule(which=ANY)
    def spend_all_and_lose_a_ride(self, which: int) -> None:
        rides = [ride for ride in self.rides if ride.status == "credited" and ride.owner.available_mg]
        ride = rides[which % len(rides)]
        self.hold(self.people.index(ride.owner), "all")
        self._correct(ride, None, 0)
        self.sweep()

    @staticmethod
    def _request(hold: Hold) -> HoldRequest:
        return HoldRequest(
            hold_id=hold.hold_id,
            account_id=hold.owner.reports.account_id,
            amount_mg=hold.amount_mg,
            purpose="order:1",
            expires_at=clock.now() + timedelta(minutes=5),
        )

    @precondition(lambda self: self.holds)
    @rule(which=ANY)
    def capture(self, which: int) -> None:
        hold = self.holds[which % len(self.holds)]
        arguments = {
            "hold_id": hold.hold_id,
            "request": CaptureRequest(to="redeemed:noodles"),
            "caller": "rewards",
        }
        if hold.status == "captured" or (hold.status == "held" and not hold.overdue):
            assert self.world.call(holds.capture_hold, **arguments).status == "captured"
            if hold.status == "held":
                hold.owner.settle(hold, "captured")
        else:
            self.world.refused(HoldSettled, holds.capture_hold, **arguments)

    @precondition(lambda self: self.holds)
    @rule(which=ANY)
    def void(self, which: int) -> None:
        held = [hold for hold in self.holds if hold.status == "held"]
        choice = held if held and which % 3 else self.holds
        hold = choice[which % len(choice)]
        if hold.status == "captured":
            self.world.refused(HoldSettled, holds.void_hold, hold_id=hold.hold_id, caller="rewards")
            return
        self.world.call(holds.void_hold, hold_id=hold.hold_id, caller="rewards")
        if hold.status == "held":
            hold.owner.settle(hold, "voided")

    @rule(who=ANY)
    def void_before_the_hold(self, who: int) -> None:
        request = self._request(Hold(uuid.uuid4(), self.people[who % len(self.people)], 1))
        self.world.call(holds.void_hold, hold_id=request.hold_id, caller="rewards")
        self.world.refused(HoldSettled, holds.place_hold, request=request, caller="rewards")

    @precondition(lambda self: any(hold.status == "held" for hold in self.holds))
    @rule(which=ANY)
    def a_holds_time_is_over(self, which: int) -> None:
        held = [hold for hold in self.holds if hold.status == "held"]
        hold = held[which % len(held)]
        hold.overdue = True
        sql = "UPDATE accounting.hold SET expires_at = now() - interval '1 second' WHERE hold_id = $1"
        assert self.world.run(self.world.admin.execute(sql, hold.hold_id)) == "UPDATE 1"

    @rule()
    def expire_holds(self) -> None:
        self.world.call(holds.expire_holds)
        for hold in self.holds:
            if hold.status == "held" and hold.overdue:
                hold.owner.settle(hold, "expired")

    # Years

    @rule(new_year=st.booleans())
    def old_grams_expire(self, new_year: bool) -> None:
        self.today = date(self.today.year + 1, 1, 1) if new_year else self.today + timedelta(days=1)
        self.world.expire_grams(self.today)
        for person in self.people:
            person.year = self.today.year
            person.expire()
            assert self.world.announced_expiries(person, self.today) == person.expiries

    # Invariants

    @invariant()
    def the_ledger_equals_the_model(self) -> None:
        if not self.people:
            return
        for person in self.people:
            balance = self.world.call(balance_of, person=person)
            assert balance == person.balance
            assert min(balance) >= 0
            assert not (person.available_mg and person.debt_mg)  # a debt is repaid before anything can be spent
        rows = self.world.run(
            self.world.admin.fetch("SELECT activity_id, status, reason_code FROM accounting.activity")
        )
        assert {row[0]: (row[1], row[2]) for row in rows} == {
            ride.report.event_key: (ride.status, ride.reason) for ride in self.rides
        }
        most = self.world.run(self.world.admin.fetchval("SELECT coalesce(max(acts), 0) FROM accounting.cap_usage"))
        assert most <= 2

    @invariant()
    def the_ledger_adds_up(self) -> None:
        figures = self.world.call(checks.check_all)
        assert not {name: n for name, n in figures.items() if n and name not in {"accounts", "postings"}}


@pytest.fixture
def world(accounting_settings: Settings, accounting_dsns: Dsns, tokens: TokenFactory) -> Iterator[World]:
    world = World(accounting_settings, accounting_dsns, tokens)
    yield world
    world.close()


def test_after_any_story_the_ledger_equals_the_model(world: World) -> None:
    class Story(LedgerStory):
        pass

    Story.world = world
    play(Story, stories=10, steps=30, nightly_steps=80)

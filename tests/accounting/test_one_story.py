"""Random chains of reports, corrections, cancellations and reversals: every reader is told the same at every step.

Compared are the ledger, the citizen's list, the partner's status, the receipt, the queued webhook results and the sums
of the archive. `make nightly` plays longer ones, new each time.
"""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from services.accounting import seed
from services.accounting.checks import service as checks
from services.accounting.corrections import service as corrections
from services.accounting.settings import Settings as AccountingSettings
from services.ingest.settings import Settings as IngestSettings
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import person_account_id
from tests.accounting.both_services import BothServices, Told, both_services, empty_both, settings_of
from tests.accounting.nightly import play
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct, sent_again
from tests.databases import Dsns, in_own_loop, make_database
from tests.tokens import TokenFactory

pytestmark = pytest.mark.longer

ANY = st.integers(0, 10_000)  # picks one of what is there at that moment
KINDS = st.sampled_from(["bus", "metro", "car", "implausible", "elsewhere"])
T = TypeVar("T")


class World:
    """Both services, driven from synchronous code through a loop of their own."""

    def __init__(
        self,
        settings: tuple[AccountingSettings, IngestSettings],
        dsns: Dsns,
        tokens: TokenFactory,
        jwks: httpx.MockTransport,
    ) -> None:
        self.loop, self.stack, self.dsns = asyncio.new_event_loop(), AsyncExitStack(), dsns
        self.both: BothServices = self.run(self.stack.enter_async_context(both_services(settings, dsns, tokens, jwks)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()


@dataclass(eq=False)
class Event:
    report: ActivityReported
    person: Reports


class OneStory(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.people: list[Reports] = []
        self.bound: set[uuid.UUID] = set()
        self.events: list[Event] = []
        self.unsent: list[Event] = []

    @initialize()
    def begin(self) -> None:
        self.world.run(empty_both(self.world.dsns))
        for bound in (True, False):
            user_id = uuid.uuid4()
            self.people.append(Reports(user_id, person_account_id(user_id)))
            if bound:
                self._bind(self.people[-1])

    def _bind(self, person: Reports) -> None:
        self.world.run(self.world.both.accounting.bind(person))
        self.bound.add(person.user_id)

    def _make(self, person: Reports, kind: str, slot: int, **fields: Any) -> ActivityReported:
        """An act of yesterday. Few slots, so that acts repeat each other, and more than the caps grant."""
        at = YESTERDAY + timedelta(hours=6 + slot % 8)
        if kind == "car":
            return person.car(at, **fields)
        if kind == "implausible":
            return person.car(at, distance_m=900_000, **fields)
        if kind == "elsewhere":
            ride = person.bus(at, **fields)
            assert ride.act is not None
            return msgspec.structs.replace(ride, act=msgspec.structs.replace(ride.act, city_code="110000"))
        made: ActivityReported = getattr(person, kind)(at, **fields)
        return made

    def _send(self, event: Event) -> None:
        self.world.run(self.world.both.send(event.report))
        self.events.append(event)

    def _any(self, which: int) -> Event:
        """Any event, more often a recent one: chains are made of these."""
        recent = self.events[-4:] if which % 2 else self.events
        return recent[which % len(recent)]

    @rule(who=ANY, kind=KINDS, slot=ANY)
    def report(self, who: int, kind: str, slot: int) -> None:
        person = self.people[who % len(self.people)]
        self._send(Event(self._make(person, kind, slot), person))

    @precondition(lambda self: self.events)
    @rule(which=ANY, kind=KINDS, slot=ANY, days_late=st.sampled_from([0, 0, 0, 40]))
    def correct(self, which: int, kind: str, slot: int, days_late: int) -> None:
        target = self._any(which)
        change = correct(target.person, target.report, self._make(target.person, kind, slot))
        late = change.received_at + timedelta(days=days_late)
        self._send(Event(msgspec.structs.replace(change, received_at=late), target.person))

    @precondition(lambda self: self.events)
    @rule(which=ANY, slot=ANY)
    def correct_to_another_person(self, which: int, slot: int) -> None:
        target = self._any(which)
        other = self.people[slot % len(self.people)]
        self._send(Event(correct(other, target.report, self._make(other, "bus", slot)), other))

    @precondition(lambda self: self.events)
    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        target = self._any(which)
        act = target.report.act or self.people[0].bus().act
        named = msgspec.structs.replace(target.report, act=act)
        self._send(Event(cancel(target.person, named), target.person))

    @rule(who=ANY, kind=KINDS, slot=ANY)
    def correct_before_the_original(self, who: int, kind: str, slot: int) -> None:
        person = self.people[who % len(self.people)]
        original = self._make(person, "bus", slot)
        self.unsent.append(Event(original, person))
        self._send(Event(correct(person, original, self._make(person, kind, slot)), person))

    @precondition(lambda self: self.unsent)
    @rule()
    def the_original_arrives(self) -> None:
        self._send(self.unsent.pop())

    @precondition(lambda self: self.events)
    @rule(which=ANY, same_receipt=st.booleans())
    def same_event_again(self, which: int, same_receipt: bool) -> None:
        event = self._any(which)
        self.world.run(self.world.both.send(event.report if same_receipt else sent_again(event.report)))

    @precondition(lambda self: len(self.bound) < len(self.people))
    @rule()
    def bind(self) -> None:
        self._bind(next(person for person in self.people if person.user_id not in self.bound))

    @rule(newest_first=st.booleans())
    def sweep(self, newest_first: bool) -> None:
        self.world.run(self.world.both.accounting.release())
        self.world.run(self.world.both.archive_outcomes(newest_first=newest_first))

    @precondition(lambda self: self.events)
    @rule(which=ANY)
    def reverse(self, which: int) -> None:
        """An operator's reversal, or an appeal against a credit, after a second person approved."""
        accounting = self.world.both.accounting
        event = self._any(which)
        row = self.world.run(
            self.world.both.admin.fetchrow(
                "SELECT status FROM accounting.activity WHERE activity_id = $1", event.report.event_key
            )
        )
        if row is None or row["status"] != "credited":
            return

        async def act() -> None:
            programme = await accounting.programme()
            async with accounting.database.transaction() as session:
                await corrections.reverse_activity(
                    session, activity_id=event.report.event_key, requested_by="operators:ann+bob", programme=programme
                )

        self.world.run(act())

    @invariant()
    def every_reader_is_told_the_same(self) -> None:
        if self.people:
            self.world.run(self.world.both.archive_outcomes())
            self.world.run(self._compare())

    async def _compare(self) -> None:
        both = self.world.both
        stored = await self._stored()
        webhook = await both.webhook_view()
        listed: dict[str, Told] = {}
        total_mg = 0
        for person in self.people:
            page: Any = await both.accounting.get(person, "/me/activities?limit=100")
            listed |= {item["activity_id"]: _as_told(item) for item in page["items"]}
            balance: Any = await both.accounting.get(person, "/me/balance")
            total_mg += balance["lifetime_mg"]
        for event in self.events:
            report = event.report
            sequence, told, has_list_entry = stored[report.event_key]
            assert await both.partner_view(report.event_id) == told
            assert (await both.receipt_view(report.receipt_id))[report.event_id] == told
            assert webhook.get(report.event_id, (0, Told("received"))) == (sequence, told)
            assert listed.pop(str(report.event_key), told if not has_list_entry else None) == told
        assert not listed
        assert await both.reconciled_mg() == total_mg
        async with both.accounting.database.transaction() as session:
            figures = await checks.check_all(session)
        assert not {name: n for name, n in figures.items() if n and name not in {"accounts", "postings"}}

    async def _stored(self) -> dict[uuid.UUID, tuple[int, Told, bool]]:
        """By event: the sequence and verdict of its row, and whether a citizen's list shows it."""
        found: dict[uuid.UUID, tuple[int, Told, bool]] = {}
        for row in await self.world.both.admin.fetch("SELECT * FROM accounting.correction"):
            status = "reversed" if row["status"] == "applied" else row["status"]
            told = Told("received") if status == "waiting" else Told(status, row["reason_code"])
            found[row["event_key"]] = (row["sequence"], told, False)
        for row in await self.world.both.admin.fetch("SELECT * FROM accounting.activity"):
            if row["activity_id"] in found:  # the activity of a correction goes on where the inbox row ended
                assert row["sequence"] >= found[row["activity_id"]][0]
            found[row["activity_id"]] = (row["sequence"], _as_told(row), row["account_id"] is not None)
        return found


def _as_told(row: Any) -> Told:
    """What counts of an activity now. Its row and the citizen's list keep the amount of a reversed one."""
    status = "credited" if row["status"] == "pending" else row["status"]
    return Told(status, row["reason_code"], 0 if status == "reversed" else row["amount_mg"])


@pytest.fixture
def world(postgres_admin_dsn: str, tokens: TokenFactory, jwks_transport: httpx.MockTransport) -> Iterator[World]:
    dsns = make_database(postgres_admin_dsn, "test_one_story", ["accounting", "ingest"])
    found = settings_of(dsns)
    in_own_loop(lambda: seed.seed(found[0]))
    world = World(found, dsns, tokens, jwks_transport)
    yield world
    world.close()


def test_a4_every_reader_is_told_one_story(world: World) -> None:
    class Story(OneStory):
        pass

    Story.world = world
    play(Story, stories=8, steps=20, nightly_steps=60)

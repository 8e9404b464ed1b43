"""An event and its binding come by different topics, seconds apart, in either order. There is one right end."""

import itertools
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.accounting.bindings import service as bindings
from services.accounting.bindings.domain import SETTLED_AFTER, BindingRow, BindingState, bound_account
from services.accounting.decoders import BINDINGS
from services.accounting.posting import late_bindings
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.identity import person_account_id
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, Reports, as_records
from tests.databases import Dsns

ROUNDS = 200
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
RACE_S = 10

Step = ActivityReported | BindingChanged


class Clock:
    """Lets the time pass in which records may still be under way."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch, self._late = patch, timedelta()

    def settle(self) -> None:
        self._late += SETTLED_AFTER + SECOND
        late = self._late
        self._patch.setattr(clock, "now", lambda: datetime.now(UTC) + late)

    def return_to_now(self) -> None:
        self._patch.undo()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "SETTLE_S", 0.0)
    monkeypatch.setattr(bindings, "LOOK_AGAIN_S", 0.0)


@pytest.fixture
def times(accounting: Accounting) -> Iterator[Clock]:
    del accounting  # the clock is right again before its last check
    with pytest.MonkeyPatch.context() as patch:
        yield Clock(patch)


@dataclass
class Story:
    """One race. `before` has been known for long, `racing` comes in any order. `credited`: the right end."""

    kind: str
    account_id: uuid.UUID
    before: list[Step]
    racing: list[Step]
    credited: bool
    order: tuple[int, ...] = field(default=())

    def steps(self) -> list[Step]:
        return [*self.before, *(self.racing[place] for place in self.order)]


class Person(Reports):
    """A citizen whose acts have no end, so that they may have begun a second ago."""

    def act(self, at: datetime, received_at: datetime) -> ActivityReported:
        done = Act(kind="transit", vehicle_type="bus", started_at=at, distance_m=8000, city_code="420100")
        return self.report(done, received_at=received_at)

    def bound(self, counts_from: datetime, **changes: Any) -> BindingChanged:
        return self.binding(PARTNER, since=timedelta(), counts_from=counts_from, **changes)

    def bound_anew(self, counts_from: datetime, **changes: Any) -> BindingChanged:
        del self.bindings[PARTNER]
        return self.bound(counts_from, **changes)


def person() -> Person:
    user_id = uuid.uuid4()
    return Person(user_id, person_account_id(user_id))


def start_story(drawn: random.Random, moment: datetime, now: datetime) -> Story:
    """A binding begins at `moment`, the act up to ten seconds before or after it."""
    anna, offset = person(), drawn.randint(-RACE_S, RACE_S) * SECOND
    racing: list[Step] = [anna.act(moment + offset, now), anna.bound(moment)]
    return Story("start", anna.account_id, [], racing, offset >= timedelta())


def end_story(drawn: random.Random, moment: datetime, now: datetime) -> Story:
    anna, offset = person(), drawn.randint(-RACE_S, RACE_S) * SECOND
    before: list[Step] = [anna.bound(moment - HOUR)]
    end = anna.bound(moment - HOUR, status="ended", ended_at=moment)
    return Story("end", anna.account_id, before, [anna.act(moment + offset, now), end], offset < timedelta())


def withdrawal_story(drawn: random.Random, moment: datetime, now: datetime) -> Story:
    """An act that is received after the withdrawal earns nothing, whenever the act was."""
    anna, offset = person(), drawn.randint(-RACE_S, RACE_S) * SECOND
    before: list[Step] = [anna.bound(moment - HOUR)]
    withdrawn = anna.bound(moment - HOUR, consent_withdrawn_at=moment)
    act = anna.act(moment - HOUR / 2, moment + offset)
    return Story("withdrawal", anna.account_id, before, [act, withdrawn], offset < timedelta())


def again_story(drawn: random.Random, moment: datetime, now: datetime) -> Story:
    """The person unbinds and binds again. Both records and the act race: six orders."""
    anna, gap = person(), drawn.randint(0, 5) * SECOND
    offset = drawn.randint(-RACE_S, RACE_S) * SECOND
    before: list[Step] = [anna.bound(moment - HOUR)]
    end = anna.bound(moment - HOUR, status="ended", ended_at=moment)
    racing: list[Step] = [anna.act(moment + offset, now), end, anna.bound_anew(moment + gap)]
    return Story("again", anna.account_id, before, racing, offset < timedelta() or offset >= gap)


def confirmation_story(drawn: random.Random, moment: datetime, now: datetime) -> Story:
    """A binding waits for its partner, after an earlier one that has ended. The partner confirms or refuses it."""
    anna, offset = person(), drawn.randint(0, RACE_S) * SECOND
    former = anna.bound(moment - 2 * HOUR, status="ended", ended_at=moment - HOUR)
    pending = anna.bound_anew(moment, status="pending")
    confirmed = drawn.random() < 0.5
    answer = anna.bound(moment) if confirmed else anna.bound(moment, status="ended", ended_at=moment)
    racing: list[Step] = [anna.act(moment + offset, now), answer]
    return Story("confirmation", anna.account_id, [former, pending], racing, confirmed)


STORIES = (start_story, end_story, withdrawal_story, again_story, confirmation_story)


def stories(seed: int) -> Iterator[Story]:
    """Every race in every order: the same offsets for another person."""
    for round_number in range(ROUNDS):
        make = STORIES[round_number % len(STORIES)]
        sizes = 3 if make is again_story else 2
        for order in itertools.permutations(range(sizes)):
            drawn = random.Random(f"{seed}-{round_number}")
            now = clock.now()
            story = make(drawn, now - (RACE_S + 5) * SECOND, now)
            story.order = order
            yield story


async def hear(accounting: Accounting, *changes: BindingChanged) -> None:
    """Give records of `accounts.bindings.v1` to their handler, each in a poll of its own."""
    for change in changes:
        async with accounting.database.transaction() as session:
            await bindings.handle_bindings(session, decoded(as_records([change]), BINDINGS).items)


async def play(accounting: Accounting, steps: Sequence[Step]) -> None:
    for step in steps:
        if isinstance(step, BindingChanged):
            await hear(accounting, step)
        else:
            await accounting.post(step)


async def sweep(accounting: Accounting, times: Clock) -> None:
    """Run the timed jobs until nothing is left, before and after everything has settled."""
    for _ in range(3):
        programme = await accounting.programme()
        found = 1
        while found:
            async with accounting.database.transaction() as session:
                found = await late_bindings.settle_late(session, programme=programme)
        await accounting.release()
        times.settle()


async def verdicts(dsns: Dsns) -> dict[str, tuple[str, str, uuid.UUID | None]]:
    """Return status, reason and account by event."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch("SELECT * FROM accounting.activity")
    finally:
        await connection.close()
    return {row["event_id"]: (row["status"], row["reason_code"], row["account_id"]) for row in rows}


async def test_events_that_race_their_bindings_by_ten_seconds_end_right_in_either_order_200_times(
    accounting: Accounting, accounting_dsns: Dsns, times: Clock
) -> None:
    played: list[tuple[Story, str]] = []
    for story in stories(seed=14):
        steps = story.steps()
        await play(accounting, steps)
        [act] = [step for step in steps if isinstance(step, ActivityReported)]
        played.append((story, act.event_id))
    await sweep(accounting, times)
    found = await verdicts(accounting_dsns)
    wrong = []
    for story, event_id in played:
        status, reason, account_id = found[event_id]
        is_right = (
            (status, account_id) == ("credited", story.account_id)
            if story.credited
            else status in {"refused", "reversed"}
            and reason in {"BEFORE_BINDING", "AFTER_BINDING", "CONSENT_WITHDRAWN"}
        )
        if not is_right:
            wrong.append((story.kind, story.order, story.credited, status, reason))
    assert len(played) == ROUNDS * 2 + ROUNDS // len(STORIES) * 4
    assert wrong == []
    assert {story.credited for story, _ in played} == {True, False}


async def test_the_end_of_a_binding_takes_back_only_what_lies_outside_it(
    accounting: Accounting, accounting_dsns: Dsns, times: Clock
) -> None:
    anna, now = person(), clock.now()
    moment = now - 5 * SECOND
    inside, after = anna.act(moment - HOUR, now), anna.act(moment + SECOND, now)
    await play(accounting, [anna.bound(moment - 2 * HOUR), inside, after])
    await hear(accounting, anna.bound(moment - 2 * HOUR, status="ended", ended_at=moment))
    await sweep(accounting, times)
    found = await verdicts(accounting_dsns)
    assert found[inside.event_id][:2] == ("credited", "CREDITED")
    assert found[after.event_id][:2] == ("reversed", "AFTER_BINDING")
    times.return_to_now()
    shown = await accounting.get(anna, "/me/activities?status=reversed")
    items: Any = shown["items"]
    assert "解除绑定之后" in items[0]["reason"]


async def test_a_poll_that_commits_after_the_first_look_is_found_by_the_second(
    accounting: Accounting, accounting_dsns: Dsns, times: Clock
) -> None:
    anna, now = person(), clock.now()
    moment = now - 5 * SECOND
    bound = anna.bound(moment - HOUR)
    ended = anna.bound(moment - HOUR, status="ended", ended_at=moment)
    await hear(accounting, bound)
    await hear(accounting, ended)
    programme = await accounting.programme()
    async with accounting.database.transaction() as session:
        assert await late_bindings.settle_late(session, programme=programme) == 0
    # What a poll writes that read the bindings before the end was stored:
    connection = await asyncpg.connect(accounting_dsns.admin)
    await connection.execute("UPDATE accounting.binding SET status = 'active', ended_at = NULL, version = 0")
    act = anna.act(moment + SECOND, now)
    await accounting.post(act)
    await connection.execute("UPDATE accounting.binding SET status = 'ended', ended_at = $1, version = 2", moment)
    await connection.close()
    assert (await verdicts(accounting_dsns))[act.event_id][0] == "credited"
    await sweep(accounting, times)
    assert (await verdicts(accounting_dsns))[act.event_id][:2] == ("reversed", "AFTER_BINDING")


async def test_an_act_waits_for_the_partner_as_long_as_the_binding_is_pending(
    accounting: Accounting, accounting_dsns: Dsns, times: Clock
) -> None:
    anna, now = person(), clock.now()
    moment = now - 20 * SECOND
    act = anna.act(moment + SECOND, now)
    await play(accounting, [anna.bound(moment, status="pending"), act])
    for _ in range(3):
        await accounting.release()
        times.settle()
    assert (await verdicts(accounting_dsns))[act.event_id][:2] == ("parked", "NO_BINDING")
    await hear(accounting, anna.bound(moment))
    await accounting.release()
    assert (await verdicts(accounting_dsns))[act.event_id][:2] == ("credited", "CREDITED")


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ANNA, BERT = uuid.UUID(int=1), uuid.UUID(int=2)


def test_of_two_bindings_that_contain_an_act_the_later_one_holds() -> None:
    """The end of the earlier one is under way: the partner account went from one person to another."""
    both = [BindingRow(ANNA, NOW - HOUR, None, None), BindingRow(BERT, NOW - SECOND, None, None)]
    assert bound_account(both, NOW, NOW, now=NOW) == (BERT, BindingState.BOUND)
    assert bound_account(both, NOW - 2 * SECOND, NOW, now=NOW) == (ANNA, BindingState.BOUND)


def test_an_act_after_a_binding_waits_half_a_minute_for_a_successor_and_one_before_it_does_not() -> None:
    ended = [BindingRow(ANNA, NOW - HOUR, NOW - HOUR / 2, None)]
    assert bound_account(ended, NOW, NOW, now=NOW) == (None, BindingState.NONE)
    assert bound_account(ended, NOW, NOW, now=NOW + SETTLED_AFTER) == (ANNA, BindingState.AFTER)
    assert bound_account(ended, NOW - 2 * HOUR, NOW, now=NOW) == (ANNA, BindingState.BEFORE)
    waiting = [*ended, BindingRow(ANNA, NOW, None, None, is_pending=True)]
    assert bound_account(waiting, NOW, NOW, now=NOW + HOUR) == (None, BindingState.NONE)

"""Event and binding travel on two topics. Whichever is read first, the act has one end: the one that its times say."""

import itertools
import random
import uuid
from collections import Counter
from datetime import datetime, timedelta

import asyncpg
import msgspec
import pytest

from services.accounting.bindings import service as bindings
from services.accounting.bindings.domain import BindingRow, BindingState, bound_account, changed_since
from services.accounting.decoders import BINDINGS
from services.accounting.posting import late_bindings
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, Reports, as_records

Record = BindingChanged | ActivityReported
PLAYS = 200


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "SETTLE_S", 0.0)
    monkeypatch.setattr(bindings, "LOOK_AGAIN_S", 0.0)


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


class Story:
    """A citizen who withdraws consent and may give it again, and one ride near one of these moments."""

    def __init__(self, accounting: Accounting, *, ride_at: timedelta, received_at: timedelta, again: bool) -> None:
        user_id = uuid.uuid4()
        self.person = Reports(user_id, uuid.uuid5(uuid.NAMESPACE_OID, str(user_id)))
        self.withdrawn = clock.now() - timedelta(hours=2)
        self.again = self.withdrawn + s(60) if again else None
        self.started, self.received = self.withdrawn + ride_at, self.withdrawn + received_at
        act = Act(kind="transit", vehicle_type="bus", started_at=self.started, city_code="420100")
        self.ride = self.person.report(act, received_at=self.received)
        self.bindings = self._bindings()

    def _bindings(self) -> list[BindingChanged]:
        first = self.person.binding(since=timedelta(days=30))
        second = msgspec.structs.replace(first, version=2, consent_withdrawn_at=self.withdrawn)
        if self.again is None:
            return [first, second]
        ended = msgspec.structs.replace(second, version=3, status="ended", ended_at=self.withdrawn)
        successor = msgspec.structs.replace(first, binding_id=uuid.uuid4(), counts_from=self.again)
        return [first, second, ended, successor]

    @property
    def counts(self) -> bool:
        """The rule in words: it began and arrived while consent was given, or arrived after it was given again."""
        if self.started < self.withdrawn:
            return self.received < self.withdrawn or (self.again is not None and self.received >= self.again)
        return self.again is not None and self.started >= self.again


async def read(accounting: Accounting, records: list[Record]) -> None:
    """Let the service read one record of each person: the bindings of all, then the events of all."""
    changes = [one for one in records if isinstance(one, BindingChanged)]
    if changes:
        async with accounting.database.transaction() as session:
            await bindings.handle_bindings(session, decoded(as_records(changes), BINDINGS).items)
    events = [one for one in records if isinstance(one, ActivityReported)]
    if events:
        assert await accounting.post(*events) == []


async def ends_of(accounting: Accounting, stories: list[Story]) -> list[str]:
    found = []
    for story in stories:
        async with accounting.database.transaction() as session:
            connection = await session.connection()
            row = await connection.exec_driver_sql(
                "SELECT status || ' ' || reason_code FROM accounting.activity WHERE activity_id = $1",
                (story.ride.event_key,),
            )
            found.append(str(row.scalar()))
    return found


# Seconds between the withdrawal, or the new consent a minute later, and the ride; and until it is received.
NEAR = [-10, -1, 0, 1, 10, 50, 59, 60, 61, 70]
LATE = [0, 5, 10, 65]


async def test_a_ride_that_races_a_change_of_consent_by_ten_seconds_has_one_end_in_every_order(
    accounting: Accounting,
) -> None:
    """200 plays, each in both orders: the ride before, and after, the records of the consent, these in any order."""
    draw = random.Random(14)
    shapes = list(itertools.product(NEAR, LATE, [True, False]))
    for ride_first in (True, False):
        stories, queues = [], []
        for play in range(PLAYS):
            near, late, again = shapes[play % len(shapes)]
            story = Story(accounting, ride_at=s(near), received_at=s(near + late), again=again)
            records: list[Record] = list(story.bindings)
            if play >= PLAYS // 2:
                draw.shuffle(records)
            place = draw.randrange(len(records)) if ride_first else len(records)
            records.insert(place, story.ride)
            stories.append(story)
            queues.append(records)
        for turn in range(max(len(queue) for queue in queues)):
            await read(accounting, [queue[turn] for queue in queues if turn < len(queue)])
        for _ in range(8):
            await accounting.release()
        ends = await ends_of(accounting, stories)
        wrong = [
            (story.started - story.withdrawn, story.received - story.withdrawn, story.again is not None, end)
            for story, end in zip(stories, ends, strict=True)
            if end.startswith("credited") != story.counts
        ]
        assert wrong == []
        assert min(Counter(end.startswith("credited") for end in ends).values()) > PLAYS // 5


async def test_a_credit_taken_back_says_why_and_leaves_the_grams_of_other_partners(accounting: Accounting) -> None:
    person = await accounting.citizen(PARTNER, "other-partner", days_ago=30)
    await accounting.post(person.bus(clock.now() - timedelta(hours=1)))
    await accounting.post(person.metro(clock.now() - timedelta(hours=3), partner="other-partner"))
    before = await accounting.get(person, "/me/balance")
    withdrawn = clock.now() - timedelta(minutes=1)
    await accounting.bind(person, days_ago=30, consent_withdrawn_at=withdrawn)
    await accounting.release()
    after = await accounting.get(person, "/me/balance")
    items = (await accounting.get(person, "/me/activities"))["items"]
    assert isinstance(items, list)
    assert sorted((item["status"], item["reason_code"]) for item in items) == [
        ("credited", "CREDITED"),
        ("reversed", "CONSENT_WITHDRAWN"),
    ]
    assert 0 < int(str(after["available_mg"])) < int(str(before["available_mg"]))


async def test_the_next_event_of_a_partner_without_consent_is_refused_and_anothers_is_credited(
    accounting: Accounting,
) -> None:
    person = await accounting.citizen(PARTNER, "other-partner", days_ago=30)
    first = person.bindings[PARTNER].counts_from
    withdrawn = clock.now() - timedelta(minutes=5)
    await accounting.bind(person, counts_from=first, consent_withdrawn_at=withdrawn)
    hour_ago = clock.now() - timedelta(hours=1)
    await accounting.post(person.bus(hour_ago), person.metro(hour_ago, partner="other-partner"))
    items = (await accounting.get(person, "/me/activities"))["items"]
    assert isinstance(items, list)
    assert sorted((item["status"], item["reason_code"]) for item in items) == [
        ("credited", "CREDITED"),
        ("refused", "CONSENT_WITHDRAWN"),
    ]


async def test_an_end_announced_for_the_future_costs_no_second_look(
    accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await accounting.citizen(days_ago=30)
    first = person.bindings[PARTNER].counts_from
    await accounting.bind(person, counts_from=first, consent_withdrawn_at=clock.now() + timedelta(days=14))
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding_change") == 0
    await accounting.post(person.bus(clock.now() - timedelta(hours=1)))
    assert await ends_of_person(accounting, person) == ["credited"]
    await accounting.bind(person, counts_from=first)  # renewed in time
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding_change") == 0


async def test_acts_stop_at_the_second_of_an_announced_end_without_any_job(accounting: Accounting) -> None:
    person = await accounting.citizen(days_ago=30)
    ends = clock.now() - timedelta(minutes=10)
    await accounting.bind(person, days_ago=30, consent_withdrawn_at=ends)
    hour_ago = clock.now() - timedelta(hours=1)
    before, at = ends - timedelta(microseconds=1), ends
    await accounting.post(person.bus(hour_ago, received_at=before), person.metro(hour_ago, received_at=at))
    assert sorted(await ends_of_person(accounting, person)) == ["credited", "refused"]


async def test_a_renewal_that_is_read_late_credits_what_was_refused_meanwhile(accounting: Accounting) -> None:
    person = await accounting.citizen(days_ago=30)
    await accounting.bind(person, days_ago=30, consent_withdrawn_at=clock.now() - timedelta(minutes=10))
    await accounting.post(person.bus(clock.now() - timedelta(hours=1)))
    assert await ends_of_person(accounting, person) == ["refused"]
    await accounting.bind(person, days_ago=30)
    await accounting.release()
    assert await ends_of_person(accounting, person) == ["credited"]


async def bind_another_account(accounting: Accounting, person: Reports, **changes: object) -> None:
    """Bind a second account of the person at the partner."""
    first = person.bindings[PARTNER]
    await read(
        accounting,
        [msgspec.structs.replace(first, binding_id=uuid.uuid4(), version=1, account_key="another-key", **changes)],
    )


async def test_a_refused_act_of_a_person_with_two_accounts_at_a_partner_stays_refused(
    accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A stored act does not name its account at the partner: looking again could credit a stranger's act."""
    person = await accounting.citizen(days_ago=30)
    ended = clock.now() - timedelta(hours=4)
    await accounting.bind(person, days_ago=30, status="ended", ended_at=ended)
    received = clock.now() - timedelta(minutes=1)  # after half a minute, nobody waits for a successor
    await accounting.post(person.bus(clock.now() - timedelta(hours=1), received_at=received))
    await bind_another_account(accounting, person, status="active", counts_from=ended, ended_at=None)
    await accounting.release()
    assert await ends_of_person(accounting, person) == ["refused"]
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding_change") == 0


@pytest.mark.parametrize("other_ends", [True, False])
async def test_a_credit_that_counts_through_none_of_two_accounts_at_a_partner_is_taken_back(
    accounting: Accounting, other_ends: bool
) -> None:
    person = await accounting.citizen(days_ago=30)
    ended = clock.now() - timedelta(hours=2)
    changes = {"status": "ended", "ended_at": ended} if other_ends else {}
    await bind_another_account(accounting, person, **changes)
    await accounting.post(person.bus(clock.now() - timedelta(hours=1)))
    assert await ends_of_person(accounting, person) == ["credited"]
    await accounting.bind(person, days_ago=30, status="ended", ended_at=ended)
    await accounting.release()
    assert await ends_of_person(accounting, person) == ["reversed" if other_ends else "credited"]


async def test_a_confirmation_that_is_read_late_credits_an_act_that_was_refused_before(accounting: Accounting) -> None:
    """The first binding has ended. The record of its successor, which waited for the partner, comes late."""
    person = await accounting.citizen(days_ago=30)
    ended, again = clock.now() - timedelta(hours=4), clock.now() - timedelta(hours=3)
    first = person.bindings[PARTNER]
    await accounting.bind(person, counts_from=first.counts_from, status="ended", ended_at=ended)
    received = clock.now() - timedelta(minutes=1)
    await accounting.post(person.bus(clock.now() - timedelta(hours=1), received_at=received))
    assert await ends_of_person(accounting, person) == ["refused"]
    pending = msgspec.structs.replace(
        first, binding_id=uuid.uuid4(), version=1, status="pending", counts_from=again, ended_at=None
    )
    await read(accounting, [pending])
    await accounting.release()
    assert await ends_of_person(accounting, person) == ["refused"]
    await read(accounting, [msgspec.structs.replace(pending, version=2, status="active")])
    await accounting.release()
    assert await ends_of_person(accounting, person) == ["credited"]


async def test_people_with_many_acts_are_looked_at_in_several_runs(
    accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_bindings, "_ACTS_MAX", 3)
    people = [await accounting.citizen(days_ago=30) for _ in range(3)]
    for person in people:
        await accounting.post(*(person.bus(clock.now() - timedelta(hours=hour)) for hour in (1, 2)))
        await accounting.bind(person, days_ago=30, status="ended", ended_at=clock.now() - timedelta(hours=3))
    for _ in range(6):
        await accounting.release()
    assert [await ends_of_person(accounting, person) for person in people] == [["reversed", "reversed"]] * 3
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding_change") == 0


async def ends_of_person(accounting: Accounting, person: Reports) -> list[str]:
    items = (await accounting.get(person, "/me/activities"))["items"]
    assert isinstance(items, list)
    return [item["status"] for item in items]


def test_a_new_version_concerns_acts_since_the_first_moment_that_it_moves() -> None:
    now = datetime.now().astimezone()
    row = BindingRow(uuid.uuid4(), now, None, None)
    later = now + timedelta(days=1)
    assert changed_since(row, row) is None
    assert changed_since(None, row) == now
    assert changed_since(row, row._replace(ended_at=later)) == later
    assert changed_since(row._replace(consent_withdrawn_at=later), row) == later
    assert changed_since(row._replace(counts_from=later), row) == now
    assert changed_since(row._replace(is_pending=True), row) == now


def test_an_act_that_arrives_between_withdrawal_and_new_consent_never_counts() -> None:
    now = datetime.now().astimezone()
    account = uuid.uuid4()
    stopped = BindingRow(account, now - timedelta(days=9), now, now)
    successor = BindingRow(account, now + timedelta(hours=1), None, None)
    began = now - timedelta(hours=1)
    for received, state in (
        (now - s(1), BindingState.BOUND),
        (now, BindingState.CONSENT_WITHDRAWN),
        (successor.counts_from - s(1), BindingState.CONSENT_WITHDRAWN),
        (successor.counts_from, BindingState.BOUND),
    ):
        assert bound_account([stopped, successor], began, received, now=received) == (account, state)

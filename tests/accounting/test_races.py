"""An act races its binding, a consent, a mandate or the erasure of its person by ten seconds: every order ends right.

Events, bindings, consents, mandates and erasures come by different topics, so the records of a race arrive in any
order. `ROUNDS` races of each kind are played in every order of theirs. The right end follows from the times of the race
alone and is written down here, in its story, without a look at the code. The end of a race is the verdict, the balance,
what the projections say about the moment of the act, and at last the check of the whole ledger.

tests/accounting/posting/test_binding_races.py plays more stories of bindings: successors, partners who confirm.
"""

import itertools
import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pytest

from services.accounting.bindings import service as bindings
from services.accounting.consents import service as consents
from services.accounting.decoders import BINDINGS, CONSENTS, MANDATES
from services.accounting.mandates import service as mandates
from services.accounting.mandates.domain import covering_mandate
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.erasures_v1 import ErasureAsked
from shared.contracts.identity import person_account_id
from shared.contracts.mandates_v1 import MandateChanged
from shared.db import driver
from shared.projection import Decoder, decoded
from tests.accounting.driver import Accounting
from tests.accounting.erasures.conftest import Erasures
from tests.accounting.reports import PARTNER, Reports, as_records

pytestmark = pytest.mark.longer

NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ROUNDS: Final = 200
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# Ten seconds on either side, and the smallest step around the boundary itself.
OFFSETS: Final = [*(number * SECOND for number in range(-10, 11)), *(timedelta(microseconds=one) for one in (-1, 0, 1))]
_TAKEN: Final = {"refused", "reversed"}
PURPOSE: Final = f"partner:{PARTNER}"
Admin = Any


@dataclass(frozen=True)
class Erase:
    """Asked of accounting by the topic of erasures, and its first step."""

    asked: ErasureAsked


Step = ActivityReported | BindingChanged | ConsentChanged | MandateChanged | Erase


@dataclass(frozen=True)
class Race:
    """`known` was read long ago; `racing` is read in the order of this race. `counts`: the right end."""

    account_id: uuid.UUID
    known: list[Step]
    racing: list[Step]
    counts: bool
    order: tuple[int, ...]

    def steps(self) -> list[Step]:
        return [self.racing[place] for place in self.order]

    @property
    def ride(self) -> ActivityReported:
        return next(step for step in self.racing if isinstance(step, ActivityReported))


def ride_of(anna: Reports, began_at: datetime, received_at: datetime) -> ActivityReported:
    act = Act(kind="transit", vehicle_type="bus", started_at=began_at, distance_m=8000, city_code="420100")
    return anna.report(act, received_at=received_at)


def consent_of(anna: Reports, version: int, given_at: datetime, ends_at: datetime | None = None) -> ConsentChanged:
    return ConsentChanged(
        account_id=anna.account_id, purpose=PURPOSE, version=version, policy_version="2026-11", given_at=given_at,
        ends_at=ends_at, changed_at=ends_at or given_at,
    )  # fmt: skip


def mandate_of(anna: Reports, version: int, accepted_at: datetime, until: datetime | None = None) -> MandateChanged:
    return MandateChanged(
        mandate_id=uuid.uuid5(anna.account_id, "mandate"), version=version, account_id=anna.account_id,
        platform_id=uuid.UUID(int=7), kind="benefit", scenes=("bus", "metro"), terms_version="2026-11",
        terms_sha256="0" * 64, accepted_at=accepted_at, until=until, changed_at=until or accepted_at,
    )  # fmt: skip


def binding_race(drawn: random.Random, anna: Reports, order: tuple[int, ...]) -> Race:
    """An act counts if it began within [counts_from, ended_at) of its binding."""
    begin = clock.now() - DAY
    end = begin + drawn.randrange(1, 30) * SECOND
    began = drawn.choice([begin, end]) + drawn.choice(OFFSETS)
    bound = anna.binding(since=DAY, counts_from=begin)
    ended = msgspec.structs.replace(bound, version=2, status="ended", ended_at=end, changed_at=end)
    racing: list[Step] = [ride_of(anna, began, began + HOUR), bound, ended]
    return Race(anna.account_id, [], racing, begin <= began < end, order)


def consent_race(drawn: random.Random, anna: Reports, order: tuple[int, ...]) -> Race:
    """The consent to a partner ends. An act counts if it was received while it was given, whenever it was read."""
    began = clock.now() - DAY
    withdrawn = clock.now() - 2 * HOUR
    received = withdrawn + drawn.choice(OFFSETS)
    bound = anna.binding(since=30 * DAY)
    stopped = msgspec.structs.replace(bound, version=2, consent_withdrawn_at=withdrawn, changed_at=withdrawn)
    racing: list[Step] = [ride_of(anna, began, received), stopped, consent_of(anna, 2, began - DAY, withdrawn)]
    known: list[Step] = [bound, consent_of(anna, 1, began - DAY)]
    return Race(anna.account_id, known, racing, received < withdrawn, order)


def mandate_race(drawn: random.Random, anna: Reports, order: tuple[int, ...]) -> Race:
    """An act is pooled if it began between acceptance and end. It is credited either way."""
    accepted = clock.now() - DAY + drawn.randrange(60) * SECOND
    until = accepted + drawn.randrange(1, 30) * SECOND
    began = drawn.choice([accepted, until]) + drawn.choice(OFFSETS)
    racing: list[Step] = [
        ride_of(anna, began, began + HOUR),
        mandate_of(anna, 1, accepted),
        mandate_of(anna, 2, accepted, until),
    ]
    return Race(anna.account_id, [anna.binding(since=30 * DAY)], racing, accepted <= began < until, order)


def erasure_race(drawn: random.Random, anna: Reports, order: tuple[int, ...]) -> Race:
    """What is read before the erasure is credited, and its grams are withdrawn. What is read behind it is a stranger's.

    No time of the act changes that. Records about the person that come late, or again, leave no trace.
    """
    asked = clock.now() - HOUR
    received = asked + drawn.choice(OFFSETS)
    bound = anna.binding(since=30 * DAY)
    facts: list[Step] = [bound, consent_of(anna, 1, asked - DAY), mandate_of(anna, 1, asked - DAY)]
    late = drawn.choice(facts)
    erase = Erase(
        ErasureAsked(erasure_id=uuid.uuid4(), account_id=anna.account_id, user_id=anna.user_id, asked_at=asked)
    )
    racing: list[Step] = [ride_of(anna, received - drawn.randrange(60) * SECOND, received), erase, late]
    return Race(anna.account_id, [bound], racing, order.index(0) < order.index(1), order)


def races(make: Callable[[random.Random, Reports, tuple[int, ...]], Race], rounds: int) -> list[Race]:
    """The same draws in every order, each with a person of its own."""

    def each() -> Iterator[Race]:
        for number in range(rounds):
            for order in itertools.permutations(range(3)):
                user_id = uuid.uuid4()
                anna = Reports(user_id, person_account_id(user_id))
                yield make(random.Random(f"{make.__name__}-{number}"), anna, order)

    return list(each())


async def read(accounting: Accounting, steps: Sequence[Step], erasures: Erasures) -> None:
    """Read one record of each person: no two of these have anything in common."""

    async def project(kind: type[Any], decoder: Decoder[Any], handler: Any) -> None:
        found = decoded(as_records(step for step in steps if isinstance(step, kind)), decoder)
        assert not found.dead
        if found.items:
            async with accounting.database.transaction() as session:
                await handler(session, found.items)

    asked = [step.asked for step in steps if isinstance(step, Erase)]
    if asked:
        await erasures.receive(*asked)
        for _ in range(0, len(asked), 20):
            await erasures.step(quiet_s=3600)  # not the last step yet: a poll may be under way
    await project(BindingChanged, BINDINGS, bindings.handle_bindings)
    await project(ConsentChanged, CONSENTS, consents.handle_consents)
    await project(MandateChanged, MANDATES, mandates.handle_mandates)
    assert await accounting.post(*(step for step in steps if isinstance(step, ActivityReported))) == []


async def play(accounting: Accounting, played: list[Race], erasures: Erasures) -> None:
    queues = [[*race.known, *race.steps()] for race in played]
    for turn in range(max(len(queue) for queue in queues)):
        await read(accounting, [queue[turn] for queue in queues if turn < len(queue)], erasures)


async def settle(accounting: Accounting, people: int) -> None:
    """Run the timed jobs until nothing is left to look at: each run takes fifty people or more."""
    for _ in range(2 + people // 50):
        await accounting.release()


async def verdicts(admin: Admin) -> dict[uuid.UUID, Any]:
    return {row["activity_id"]: row for row in await admin.fetch("SELECT * FROM accounting.activity")}


async def balances(admin: Admin) -> Counter[uuid.UUID]:
    rows = await admin.fetch("SELECT account_id, balance_mg FROM accounting.ledger_account WHERE kind = 'person'")
    return Counter({row["account_id"]: row["balance_mg"] for row in rows})


async def one_ride_mg(accounting: Accounting) -> int:
    ben = await accounting.citizen()
    await accounting.post(ride_of(ben, clock.now() - HOUR, clock.now()))
    found: Any = await accounting.get(ben, "/me/balance")
    assert found["available_mg"] > 0
    return int(found["available_mg"])


@pytest.fixture
def erasures_of(accounting: Accounting) -> Erasures:
    return Erasures(accounting)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "SETTLE_S", 0.0)


async def credited_as_told(accounting: Accounting, admin: Admin, played: list[Race], *refusals: str) -> None:
    """Compare verdicts and balances with the right ends. Nobody here has another act."""
    ride_mg = await one_ride_mg(accounting)
    await settle(accounting, len(played))
    found, grams = await verdicts(admin), await balances(admin)
    wrong = []
    for race in played:
        row = found[race.ride.event_key]
        statuses, reasons, right_mg = ({"credited"}, {"CREDITED"}, ride_mg) if race.counts else (_TAKEN, {*refusals}, 0)
        is_right = row["status"] in statuses and row["reason_code"] in reasons
        if not is_right or (row["account_id"], grams[race.account_id]) != (race.account_id, right_mg):
            wrong.append((race.order, race.counts, row["status"], row["reason_code"], grams[race.account_id]))
    assert wrong == []
    assert min(Counter(race.counts for race in played).values()) > len(played) // 4
    assert (await accounting.check())["ok"]


async def test_an_act_that_races_its_binding_ends_as_the_times_say(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    played = races(binding_race, ROUNDS)
    await play(accounting, played, erasures_of)
    await credited_as_told(accounting, admin, played, "BEFORE_BINDING", "AFTER_BINDING")
    rows = await admin.fetch("SELECT version, counts_from, ended_at, status FROM accounting.binding WHERE version > 1")
    assert len(rows) == len(played)
    assert all(row["status"] == "ended" and row["counts_from"] < row["ended_at"] for row in rows)


async def test_an_act_that_races_a_withdrawal_of_consent_ends_as_the_times_say(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    played = races(consent_race, ROUNDS)
    await play(accounting, played, erasures_of)
    await credited_as_told(accounting, admin, played, "CONSENT_WITHDRAWN")
    async with accounting.database.transaction() as session:
        for race in played[:: len(played) // 300]:
            holds = await consents.holders_of(
                await driver(session), purpose=PURPOSE, account_ids=[race.account_id], at=race.ride.received_at
            )
            assert (holds == {race.account_id}) == race.counts


async def test_an_act_that_races_a_mandate_is_pooled_as_the_times_say(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    ride_mg = await one_ride_mg(accounting)
    played = races(mandate_race, ROUNDS)
    await play(accounting, played, erasures_of)
    found, grams = await verdicts(admin), await balances(admin)
    accounts = [race.account_id for race in played]
    async with accounting.database.transaction() as session:
        known = await mandates.mandates_of(
            await driver(session), accounts, earliest=min(row["occurred_at"] for row in found.values())
        )
    wrong = []
    for race in played:
        row = found[race.ride.event_key]
        covering = covering_mandate(known[race.account_id], scene=row["scene"], started_at=row["occurred_at"])
        if (covering is not None) != race.counts:
            wrong.append((race.order, race.counts, covering))
        assert (row["status"], grams[race.account_id]) == ("credited", ride_mg)
    assert wrong == []
    assert min(Counter(race.counts for race in played).values()) > len(played) // 4
    assert (await accounting.check())["ok"]


async def test_an_act_that_races_an_erasure_leaves_no_person_and_no_grams(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    ride_mg = await one_ride_mg(accounting)
    # Every order has the act before or behind the erasure, so that the suite plays both 200 times with these rounds.
    played = races(erasure_race, ROUNDS if NIGHTLY else ROUNDS // 3 + 1)
    await play(accounting, played, erasures_of)
    for _ in range(2 + 3 * len(played) // 20):  # the worker comes again after the quiet time
        await erasures_of.hurry()
        await erasures_of.step()
    facts = [step for race in played for step in race.racing if not isinstance(step, ActivityReported | Erase)]
    await read(accounting, facts, erasures_of)  # once more, when the erasure is done
    await settle(accounting, len(played))
    found, grams = await verdicts(admin), await balances(admin)
    for race in played:
        row = found[race.ride.event_key]
        if race.counts:
            assert (row["status"], row["account_id"], row["act"]) == ("credited", race.account_id, None), race.order
        else:
            assert (row["status"], row["account_id"]) == ("parked", None), race.order
        assert grams[race.account_id] == 0
    gone = [race.account_id for race in played]
    for table in ("binding", "consent", "mandate"):
        left = f"SELECT count(*) FROM accounting.{table} WHERE account_id = ANY($1)"
        assert await admin.fetchval(left, gone) == 0, table
    assert await admin.fetchval("SELECT count(*) FROM accounting.erasure_task WHERE done_at IS NULL") == 0
    withdrawn = "SELECT balance_mg FROM accounting.ledger_account WHERE code = 'withdrawn:erasure'"
    assert await admin.fetchval(withdrawn) == ride_mg * sum(race.counts for race in played)
    assert Counter(race.counts for race in played)[True] == len(played) // 2 >= ROUNDS
    assert (await accounting.check())["ok"]

"""The posting path on a real database: credits, refusals, repeats, parking."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from shared import clock
from shared.contracts.identity import person_account_id
from tests.accounting.driver import Accounting
from tests.accounting.outbox import outcome_events, outcomes
from tests.accounting.reports import YESTERDAY, Reports, correct, sent_again
from tests.databases import Dsns, connect_past_triggers


async def test_a_bus_ride_earns_150_g_and_the_ledger_balances(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    assert await accounting.get(person, "/me/balance") == {
        "available_mg": 150_000,
        "pending_mg": 0,
        "held_mg": 0,
        "debt_mg": 0,
        "lifetime_mg": 150_000,
        "frozen": False,
        "notice": None,
        "display": "150 克",
    }
    (outcome,) = await outcomes(accounting_dsns)
    assert (outcome.status, outcome.amount_mg, outcome.account_id) == ("credited", 150_000, person.account_id)


async def test_the_third_bus_ride_of_a_day_earns_nothing(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus(), person.bus(), person.bus())
    statuses = [(o.status, o.reason_code) for o in await outcomes(accounting_dsns)]
    assert statuses == [("credited", "CREDITED"), ("credited", "CREDITED"), ("refused", "DAILY_CAP")]
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 300_000


async def test_caps_hold_across_batches_and_reset_at_midnight_in_shanghai(accounting: Accounting) -> None:
    person = await accounting.citizen()
    late = YESTERDAY + timedelta(hours=23, minutes=30)
    for at in (late - timedelta(hours=2), late - timedelta(hours=1), late):
        await accounting.post(person.bus(at))
    await accounting.post(person.bus(YESTERDAY - timedelta(minutes=30)))
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 3 * 150_000


async def test_a_repeated_event_is_a_duplicate_and_other_content_a_conflict(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    ride = person.bus(event_id="ride-1")
    await accounting.post(ride, sent_again(ride))
    await accounting.post(sent_again(ride))
    await accounting.post(person.metro(event_id="ride-1"))
    assert [o.status for o in await outcomes(accounting_dsns)] == ["credited", "duplicate", "duplicate", "conflict"]
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000


async def test_d6_an_official_package_reads_every_outcome_also_of_copies(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride, sent_again(ride))
    events = await outcome_events(accounting_dsns)
    assert [event.get_type() for event in events] == ["cn.carboninclusion.activity.judged.v1"] * 2
    assert {event.get_source() for event in events} == {"/accounting"}
    assert len({event.get_id() for event in events}) == 2
    contents = [event.get_data() for event in events]
    assert [isinstance(one, dict) and one["status"] for one in contents] == ["credited", "duplicate"]


async def test_a_record_delivered_twice_has_one_outcome(accounting: Accounting, accounting_dsns: Dsns) -> None:
    """The log may deliver a record twice. Only a copy with another receipt is a duplicate."""
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride, ride)
    await accounting.post(ride, person.metro())
    assert [o.status for o in await outcomes(accounting_dsns)] == ["credited", "credited"]


async def test_fifty_concurrent_copies_of_an_event_make_one_credit(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    ride = person.bus(event_id="hot")

    async def deliver() -> None:
        for _attempt in range(20):
            try:
                await accounting.post(sent_again(ride))
            except asyncpg.UniqueViolationError:
                continue  # as the consumer does: roll back, poll again
            return
        pytest.fail("never got through")

    await asyncio.gather(*(deliver() for _ in range(50)))
    statuses = sorted(o.status for o in await outcomes(accounting_dsns))
    assert statuses == ["credited"] + ["duplicate"] * 49
    assert (await accounting.get(person, "/me/balance"))["lifetime_mg"] == 150_000


async def test_an_unbound_event_is_parked_and_credited_when_the_binding_arrives(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    user_id = uuid.uuid4()
    person = Reports(user_id, person_account_id(user_id))
    await accounting.post(person.bus())
    await accounting.release()
    await accounting.bind(person)
    await accounting.release()
    await accounting.release()
    announced = [(o.status, o.sequence) for o in await outcomes(accounting_dsns)]
    assert announced == [("parked", 1), ("credited", 2)]
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000


async def test_parked_acts_are_judged_before_later_acts(accounting: Accounting, accounting_dsns: Dsns) -> None:
    user_id = uuid.uuid4()
    person = Reports(user_id, person_account_id(user_id))
    rides = [person.bus() for _ in range(3)]
    await accounting.post(*rides[:2])
    await accounting.bind(person)
    await accounting.post(rides[2])
    announced = [(o.event_id, o.status) for o in await outcomes(accounting_dsns)]
    assert announced[2:] == [
        (rides[0].event_id, "credited"),
        (rides[1].event_id, "credited"),
        (rides[2].event_id, "refused"),
    ]


async def test_acts_outside_the_binding_or_after_withdrawal_are_refused(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen(days_ago=3)
    await accounting.post(person.bus(YESTERDAY - timedelta(days=5)))
    now = clock.now()
    await accounting.bind(person, days_ago=3, status="ended", ended_at=now - timedelta(days=2))
    await accounting.post(person.bus(YESTERDAY, received_at=now - timedelta(minutes=1)))
    await accounting.bind(person, days_ago=3, consent_withdrawn_at=now)
    await accounting.post(person.bus(YESTERDAY, received_at=clock.now()))
    codes = [o.reason_code for o in await outcomes(accounting_dsns)]
    assert codes == ["BEFORE_BINDING", "AFTER_BINDING", "CONSENT_WITHDRAWN"]


async def test_consent_given_again_lets_earlier_acts_count(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen(days_ago=30)
    withdrawn = clock.now() - timedelta(days=1)
    await accounting.bind(person, days_ago=30, status="ended", consent_withdrawn_at=withdrawn, ended_at=withdrawn)
    after = person.bus(clock.now() - timedelta(hours=2), received_at=clock.now() - timedelta(minutes=1))
    await accounting.post(person.bus(YESTERDAY - timedelta(days=5)), after)
    assert [o.reason_code for o in await outcomes(accounting_dsns)] == ["CREDITED", "AFTER_BINDING"]


async def test_an_unreadable_record_becomes_a_dead_letter_and_the_rest_counts(accounting: Accounting) -> None:
    person = await accounting.citizen()
    unreadable = [b"{", b"[" * 10_000, b'{"operation":"report"}', b'{"partner_id":"\xff\xfe"}']
    dead = await accounting.post(*unreadable, person.bus())
    assert [letter.reason for letter in dead] == ["UNREADABLE_RECORD"] * len(unreadable)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000


HOSTILE: list[dict[str, Any]] = [
    {"received_at": "9999-12-31T23:59:59Z"},
    {"act": {"started_at": "9999-12-31T23:59:59Z"}},
    {"act": {"started_at": "0001-01-01T00:00:00+14:00"}},
    {"act": {"started_at": "2026-01-01T00:00:00"}},
    {"act": {"distance_m": 2**63}},
    {"act": {"distance_m": -1}},
    {"act": {"city_code": "42\x00100"}},
    {"event_id": "x" * 300},
    {"event_id": "\x00"},
    {"original_event_id": "\x00"},
    {"reason": "a\x00b"},
    {"fingerprint": "zz"},
    {"raw_sha256": ""},
    {"late_window_s": 2**40},
    {"index": 2**40},
    {"receipt_accepted": 2**63},
]


@pytest.mark.parametrize("change", HOSTILE, ids=str)
async def test_a_hostile_record_never_stops_the_worker(accounting: Accounting, change: dict[str, Any]) -> None:
    person = await accounting.citizen()
    plain = msgspec.to_builtins(person.bus())
    act = {**plain["act"], **change.get("act", {})}
    hostile = msgspec.json.encode({**plain, **change, "act": act})
    (letter,) = await accounting.post(hostile, person.metro())
    assert letter.reason == "UNREADABLE_RECORD"
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 170_000


async def test_eight_writers_over_the_same_people_never_deadlock(accounting: Accounting) -> None:
    people = [await accounting.citizen() for _ in range(30)]

    async def write(writer: int) -> None:
        for round_ in range(6):
            at = YESTERDAY - timedelta(days=writer * 10 + round_)
            order = people if (writer + round_) % 2 else people[::-1]
            await accounting.post(*(person.bus(at + timedelta(hours=8)) for person in order))

    await asyncio.gather(*(write(writer) for writer in range(8)))
    for person in people[:3]:
        assert (await accounting.get(person, "/me/balance"))["lifetime_mg"] == 48 * 150_000


async def test_the_service_role_cannot_change_or_remove_a_posting(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        for statement in ("UPDATE accounting.posting SET amount_mg = 1", "DELETE FROM accounting.posting"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("TRUNCATE accounting.posting")
    finally:
        await connection.close()


async def test_the_check_finds_a_superusers_edit(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    connection = await connect_past_triggers(accounting_dsns)
    try:
        await connection.execute("UPDATE accounting.posting SET amount_mg = amount_mg + 1")
        found = await accounting.check()
        assert (found["ok"], found["balances_differing"], found["credited_differing"]) == (False, 2, 1)
    finally:
        await connection.execute("UPDATE accounting.posting SET amount_mg = amount_mg - 1")
        await connection.close()


@pytest.mark.parametrize(
    ("vehicle_type", "changes"),
    [
        ("bicycle", {"trip_type": "empty"}),
        ("bicycle", {"trip_type": "reservation"}),
        ("bicycle", {"passenger_count": 0}),
        ("car", {"trip_type": "empty", "propulsion_type": "electric"}),
        ("moped", {"trip_type": "reservation"}),
        ("other", {"passenger_count": 0}),
    ],
)
async def test_d7_a_trip_that_carried_nobody_earns_nothing(
    accounting: Accounting, accounting_dsns: Dsns, vehicle_type: str, changes: dict[str, Any]
) -> None:
    person = await accounting.citizen()
    ride = person.car(distance_m=3_000).act
    assert ride is not None
    act = msgspec.structs.replace(ride, vehicle_type=vehicle_type, **({"propulsion_type": None} | changes))
    await accounting.post(person.report(act))
    (outcome,) = await outcomes(accounting_dsns)
    assert (outcome.status, outcome.reason_code, outcome.amount_mg) == ("refused", "NOBODY_CARRIED", 0)
    activities: Any = await accounting.get(person, "/me/activities")
    assert activities["items"][0]["reason"] == "按合作方的记录，这一程车上没有乘客，没有累计。"


async def test_d7_a_correction_to_an_empty_trip_takes_the_grams_back(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    """The corrected facts are accepted: nobody was carried, so nothing is left."""
    person = await accounting.citizen()
    ride = person.car()
    await accounting.post(ride)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] != 0
    assert ride.act is not None
    await accounting.post(correct(person, ride, person.report(msgspec.structs.replace(ride.act, trip_type="empty"))))
    await accounting.release()
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 0
    assert [one.reason_code for one in await outcomes(accounting_dsns)][-1] == "NOBODY_CARRIED"

"""One story of an event for citizen, partner, receipt, webhook and reconciliation, over HTTP and the log."""

import uuid
from datetime import timedelta
from typing import Any

import msgspec

from services.accounting.corrections import service as corrections
from services.accounting.sentences.verdicts import VERDICTS
from services.ingest.archive.reasons import sentence_of
from shared import clock
from shared.contracts.identity import person_account_id
from tests.accounting.both_services import BothServices, Told
from tests.accounting.driver import VESTING_DAYS, publish_vesting_bus, remove_vesting_bus
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct, sent_again
from tests.accounting.stories import (
    BUS_MG,
    CANCELLED,
    CREDITED_BUS,
    CREDITED_METRO,
    HOUR,
    REVERSED,
    Citizen,
    bound_citizen,
    cancellation,
    key_of,
    lifetime_mg,
    listed,
    over_http,
    told,
)
from tests.databases import Dsns
from tests.ingest.samples import receipt


async def test_a4_a_cancelled_correction_is_reversed_for_every_reader(both: BothServices) -> None:
    citizen = await bound_citizen(both)
    await both.push(citizen.ride("e"))
    second = await both.push(citizen.correction("k1", of="e"))
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k1")] == [REVERSED, CREDITED_METRO]
    await both.push(cancellation("k2", of="k1"))
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k1", "k2")] == [REVERSED, CANCELLED, CANCELLED]
    (item,) = (await receipt(both.partner, second))["results"]
    assert (item["status"], item["reason_code"], item["amount_mg"]) == ("reversed", "CANCELLED", 0)
    assert await listed(both, citizen) == {key_of("e"): REVERSED, key_of("k1"): CANCELLED}
    assert {name: told for name, (_, told) in (await both.webhook_view()).items()} == {
        "e": REVERSED, "k1": CANCELLED, "k2": CANCELLED,
    }  # fmt: skip
    assert await both.reconciled_mg() == await lifetime_mg(both, citizen) == 0


async def test_a4_verdicts_archived_newest_first_end_with_the_newest(both: BothServices) -> None:
    citizen = await bound_citizen(both)
    await both.push(citizen.ride("e"), citizen.correction("k1", of="e"))
    await both.accounting.release()
    await both.push(cancellation("k2", of="k1"))
    await both.accounting.release()
    await both.archive_outcomes(newest_first=True)
    assert [await over_http(both, name) for name in ("e", "k1", "k2")] == [REVERSED, CANCELLED, CANCELLED]


async def test_a4_a_correction_handed_out_twice_by_the_log_gets_one_verdict(both: BothServices) -> None:
    """A second verdict with sequence 1 would have hidden the first."""
    person = await both.accounting.citizen()
    ride = person.bus()
    change = correct(person, ride, person.metro(YESTERDAY + timedelta(hours=6)))
    await both.send(ride, change)
    await both.send(change)
    await both.archive_outcomes()
    assert await both.partner_view(change.event_id) == Told("received")
    await both.sweep()
    await both.send(change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == CREDITED_METRO
    assert (await both.webhook_view())[change.event_id][0] == 1


async def test_d17_a_cancellation_is_told_once_when_it_is_settled(both: BothServices) -> None:
    citizen = await bound_citizen(both)
    await both.push(citizen.ride("e"))
    answer = await both.push(cancellation("k", of="e"))
    await both.archive_outcomes()
    assert await over_http(both, "k") == Told("received")
    assert (await receipt(both.partner, answer))["settled"] is False
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k")] == [CANCELLED, CANCELLED]
    assert (await receipt(both.partner, answer))["settled"] is True
    items = [one for one in (await both.webhook_view()).items() if one[0] == "k"]
    assert items == [("k", (1, CANCELLED))]


async def test_d17_a_correction_before_its_original_is_not_called_unknown(both: BothServices) -> None:
    citizen = await bound_citizen(both)
    await both.push(citizen.correction("k", of="e"))
    await both.sweep()
    assert await over_http(both, "k") == Told("received")
    await both.push(citizen.ride("e"))
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k")] == [REVERSED, CREDITED_METRO]


async def test_d17_a_correction_waits_for_the_verdict_on_a_parked_original(both: BothServices) -> None:
    user_id = uuid.uuid4()
    citizen = Citizen(user_id, person_account_id(user_id))
    await both.push(citizen.ride("e"), citizen.correction("k", of="e"))
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k")] == [Told("parked", "NO_BINDING"), Told("received")]
    await both.accounting.bind(citizen)
    await both.sweep()
    assert [await over_http(both, name) for name in ("e", "k")] == [REVERSED, CREDITED_METRO]


async def test_d17_cancelling_a_cancellation_is_refused_at_once(both: BothServices) -> None:
    citizen = await bound_citizen(both)
    await both.push(citizen.ride("e"), cancellation("k", of="e"))
    await both.sweep()
    await both.push(cancellation("k2", of="k"))
    await both.sweep()
    assert await over_http(both, "k2") == Told("refused", "NOTHING_TO_CORRECT")
    assert await over_http(both, "e") == CANCELLED


async def test_d17_an_original_that_never_arrives_is_told_after_seven_days(both: BothServices) -> None:
    person = await both.accounting.citizen()
    lost = person.bus()
    change = cancel(person, lost)
    await both.send(msgspec.structs.replace(change, received_at=change.received_at - timedelta(days=8)))
    await both.sweep()
    assert await both.partner_view(change.event_id) == Told("refused", "ORIGINAL_UNKNOWN")


def test_every_reason_of_accounting_has_a_sentence_for_partners() -> None:
    assert [code for code in VERDICTS if sentence_of(code, "zh") == code] == []


def late_trip(person: Reports, *, window_s: int = 3600, received_after: timedelta = HOUR / 2, **fields: Any) -> Any:
    """A trip of yesterday morning, received within the partner's late window."""
    start = YESTERDAY + 8 * HOUR
    end = start + timedelta(minutes=20)
    return person.car(start, received_at=end + received_after, late_window_s=window_s, **fields)


async def test_a7_a_correction_after_the_window_is_judged_in_its_originals_place(both: BothServices) -> None:
    person = await both.accounting.citizen()
    trip = late_trip(person, distance_m=8_000)
    change = correct(person, trip, late_trip(person, distance_m=8_010))
    change = msgspec.structs.replace(change, received_at=clock.now(), late_window_s=3600)
    await both.send(trip, change)
    await both.sweep()
    told = await both.partner_view(change.event_id)
    assert (told.status, await both.partner_view(trip.event_id)) == ("credited", REVERSED)
    assert await lifetime_mg(both, person) == told.amount_mg > 0


async def test_a7_a_correction_after_its_deadline_leaves_the_original(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus()
    change = correct(person, ride, person.metro(YESTERDAY + 6 * HOUR))
    days = both.accounting.settings.correction_days
    change = msgspec.structs.replace(change, received_at=ride.received_at + timedelta(days=days, seconds=1))
    await both.send(ride, change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == Told("refused", "CORRECTION_TOO_LATE")
    assert await both.partner_view(ride.event_id) == CREDITED_BUS
    assert await listed(both, person) == {str(ride.event_key): CREDITED_BUS}
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == BUS_MG


async def test_a7_a_cancellation_has_no_deadline(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus()
    late = msgspec.structs.replace(cancel(person, ride), received_at=ride.received_at + timedelta(days=400))
    await both.send(ride, late)
    await both.sweep()
    assert await both.partner_view(ride.event_id) == CANCELLED


async def test_a7_an_implausible_correction_leaves_the_original_and_its_room(both: BothServices) -> None:
    person = await both.accounting.citizen()
    trip = person.car(distance_m=8_000)
    change = correct(person, trip, person.car(YESTERDAY + 6 * HOUR, distance_m=900_000))
    await both.send(trip, change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == Told("refused", "IMPLAUSIBLE_DISTANCE")
    stands = await both.partner_view(trip.event_id)
    assert stands.status == "credited"
    assert await listed(both, person) == {str(trip.event_key): stands}
    assert (await both.accounting.check())["ok"]
    # The refused correction took no room and left no act: the same facts can be corrected again.
    better = correct(person, trip, person.car(YESTERDAY + 6 * HOUR, distance_m=9_000))
    await both.send(better)
    await both.sweep()
    assert (await both.partner_view(better.event_id)).status == "credited"
    assert await both.partner_view(trip.event_id) == REVERSED


async def test_a7_a_correction_to_an_act_without_worth_takes_the_credit_back(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus()
    assert ride.act is not None
    elsewhere = msgspec.structs.replace(ride.act, city_code="110000")
    change = correct(person, ride, person.report(elsewhere))
    await both.send(ride, change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == Told("refused", "NO_METHODOLOGY")
    assert await both.partner_view(ride.event_id) == REVERSED
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 0


async def test_a7_a_consent_withdrawn_later_does_not_refuse_a_correction(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus(received_at=clock.now() - HOUR)
    await both.send(ride)
    await both.accounting.bind(person, consent_withdrawn_at=clock.now())
    change = correct(person, ride, person.metro(YESTERDAY + 6 * HOUR))
    await both.send(change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == CREDITED_METRO


async def test_a7_a_correction_of_a_correction_keeps_the_first_receipts_place(both: BothServices) -> None:
    person = await both.accounting.citizen()
    trip = late_trip(person)
    changes = [trip]
    for distance_m in (8_010, 8_020, 8_030):
        change = correct(person, changes[-1], late_trip(person, distance_m=distance_m))
        changes.append(msgspec.structs.replace(change, received_at=clock.now(), late_window_s=3600))
        await both.send(*changes[-1:] if len(changes) > 2 else changes)
        await both.sweep()
    *before, last = [await both.partner_view(change.event_id) for change in changes]
    assert before == [REVERSED] * 3
    assert last.status == "credited"
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == last.amount_mg


async def test_a7_a_correction_uses_the_room_of_its_original(both: BothServices) -> None:
    """Two bus rides a day are credited. The second is corrected by half an hour."""
    person = await both.accounting.citizen()
    first, second = person.bus(), person.bus()
    change = correct(person, second, person.bus(YESTERDAY + 7 * HOUR + HOUR / 2))
    await both.send(first, second, change)
    await both.sweep()
    assert await both.partner_view(change.event_id) == CREDITED_BUS


async def test_a7_a_corrected_credit_vests_when_the_original_would_have(both: BothServices, both_dsns: Dsns) -> None:
    await publish_vesting_bus(both.accounting.database)
    try:
        both.accounting.forget_library()
        person = await both.accounting.citizen()
        ride = person.slow_bus(received_days_ago=3)
        assert ride.act is not None
        moved = person.slow_bus(ride.act.started_at + HOUR / 2)
        await both.send(ride, correct(person, ride, moved))
        await both.sweep()
        due = await both.admin.fetchval("SELECT due_at FROM accounting.vesting")
        assert due == ride.received_at + timedelta(days=VESTING_DAYS)
    finally:
        await remove_vesting_bus(both_dsns)


async def test_a4_a_cancelled_ride_counts_again_under_a_new_id_only(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus()
    await both.send(ride, cancel(person, ride))
    await both.sweep()
    same, renamed = sent_again(ride), person.bus(YESTERDAY + 6 * HOUR)
    await both.send(same, renamed)
    await both.sweep()
    assert await told(both, ride, renamed) == [CANCELLED, CREDITED_BUS]
    assert (await both.receipt_view(same.receipt_id))[ride.event_id].status == "duplicate"


async def test_a4_an_operators_reversal_of_a_correction_reaches_every_reader(both: BothServices) -> None:
    person = await both.accounting.citizen()
    ride = person.bus()
    change = correct(person, ride, person.metro(YESTERDAY + 6 * HOUR))
    await both.send(ride, change)
    await both.sweep()
    programme = await both.accounting.programme()
    async with both.accounting.database.transaction() as session:
        await corrections.reverse_activity(
            session, activity_id=change.event_key, requested_by="operators:ann+bob", programme=programme
        )
    await both.archive_outcomes()
    revoked = Told("reversed", "REVOKED")
    assert await told(both, ride, change) == [REVERSED, revoked]
    assert await listed(both, person) == {str(ride.event_key): REVERSED, str(change.event_key): revoked}
    assert (await both.webhook_view())[change.event_id] == (2, revoked)
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 0


async def test_a4_vesting_after_a_correction_is_newer_than_the_correction(both: BothServices, both_dsns: Dsns) -> None:
    await publish_vesting_bus(both.accounting.database)
    try:
        both.accounting.forget_library()
        person = await both.accounting.citizen()
        ride = person.slow_bus(received_days_ago=VESTING_DAYS + 1)
        assert ride.act is not None
        change = correct(person, ride, person.slow_bus(ride.act.started_at + HOUR / 2))
        await both.send(ride, change, cancel(person, change))
        for _ in range(3):
            await both.sweep()
        assert await told(both, ride, change) == [REVERSED, CANCELLED]
        assert await both.reconciled_mg() == await lifetime_mg(both, person) == 0
    finally:
        await remove_vesting_bus(both_dsns)

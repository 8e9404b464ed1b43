"""Faults that users of comparable systems reported in public, tried here. Each test names its source.

One status for every reader (A4), late corrections (A7) and no untrue interim verdict (D17).
"""

import asyncio
import random
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.accounting.corrections import service as corrections
from services.accounting.posting.errors import ActivityReversedAlready
from shared import clock
from shared.contracts.identity import person_account_id
from tests.accounting.both_services import BothServices, Told
from tests.accounting.driver import VESTING_DAYS, publish_vesting_bus, remove_vesting_bus
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct
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
    lifetime_mg,
    listed,
    over_http,
    told,
)
from tests.databases import Dsns
from tests.ingest.samples import receipt

DAY = timedelta(days=1)


def received(report: Any, after: timedelta, of: Any) -> Any:
    """Return the report as received some time after another one."""
    return msgspec.structs.replace(report, received_at=of.received_at + after)


# --- A4: every reader is told the same -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_a4_verdicts_in_any_order_end_in_the_newest(both: BothServices, seed: int) -> None:
    """paypal/mirakl-hyperwallet-connector#35, stripe/stripe-cli#418: an older status arrived later and stayed."""
    user_id = uuid.uuid4()
    citizen = Citizen(user_id, person_account_id(user_id))
    await both.push(citizen.ride("e"))
    await both.accounting.bind(citizen)
    await both.accounting.release()
    for event in (
        citizen.correction("k1", of="e"),
        citizen.correction("k2", of="k1", vehicle="bus"),
        cancellation("k3", of="k2"),
    ):
        await both.push(event)
        await both.accounting.release()
    await both.archive_outcomes(shuffled_by=random.Random(seed))
    names = ("e", "k1", "k2", "k3")
    expected = [REVERSED, REVERSED, CANCELLED, CANCELLED]
    assert [await over_http(both, name) for name in names] == expected
    webhooks = await both.webhook_view()
    assert [webhooks[name][1] for name in names] == expected
    assert await both.reconciled_mg() == await lifetime_mg(both, citizen) == 0


async def test_a4_a_pending_credit_that_is_cancelled_is_not_announced_again_when_it_is_due(
    both: BothServices, both_dsns: Dsns
) -> None:
    """Automattic/woocommerce-payments#9040: a cancelled authorisation became Cancelled and then Refunded."""
    await publish_vesting_bus(both.accounting.database)
    try:
        both.accounting.forget_library()
        person = await both.accounting.citizen()
        ride = person.slow_bus(received_days_ago=VESTING_DAYS - 1)
        await both.send(ride)
        await both.sweep()
        assert (await listed(both, person))[str(ride.event_key)].status == "pending"
        await both.send(cancel(person, ride))
        await both.sweep()
        before = (await both.webhook_view())[ride.event_id]
        await both.admin.execute("UPDATE accounting.vesting SET due_at = due_at - interval '30 days'")
        await both.sweep()
        assert (await both.webhook_view())[ride.event_id] == before == (2, CANCELLED)
        assert await listed(both, person) == {str(ride.event_key): CANCELLED}
    finally:
        await remove_vesting_bus(both_dsns)


async def test_a4_a_cancellation_and_a_reversal_at_once_take_back_one_credit(both: BothServices) -> None:
    """KanishJebaMathewM/Truxify#2742: a refund overwrote what had been decided at the same time."""
    person = await both.accounting.citizen()
    ride = person.bus()
    await both.send(ride)
    await both.send(cancel(person, ride))
    programme = await both.accounting.programme()

    async def reverse() -> str:
        try:
            async with both.accounting.database.transaction() as session:
                await corrections.reverse_activity(
                    session, activity_id=ride.event_key, requested_by="operators:ann+bob", programme=programme
                )
        except ActivityReversedAlready:
            return "CANCELLED"
        return "REVOKED"

    done, _ = await asyncio.gather(reverse(), both.accounting.release())
    await both.sweep()
    taken_back = Told("reversed", done)
    assert await both.partner_view(ride.event_id) == taken_back
    assert await listed(both, person) == {str(ride.event_key): taken_back}
    assert (await both.webhook_view())[ride.event_id] == (2, taken_back)
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 0


async def test_a4_what_a_correction_replaced_cannot_be_reversed_by_operators(both: BothServices) -> None:
    """mikkelkrogsholm/rentemester#593: a bank line stayed linked to an entry that its correction had reversed."""
    person = await both.accounting.citizen()
    ride = person.bus()
    change = correct(person, ride, person.metro(YESTERDAY + 6 * HOUR))
    await both.send(ride, change)
    await both.sweep()
    programme = await both.accounting.programme()
    with pytest.raises(ActivityReversedAlready):
        async with both.accounting.database.transaction() as session:
            await corrections.reverse_activity(
                session, activity_id=ride.event_key, requested_by="operators:ann+bob", programme=programme
            )
    assert await told(both, ride, change) == [REVERSED, CREDITED_METRO]
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 170_000


@pytest.mark.parametrize("is_bound", [True, False])
async def test_a4_a_correction_of_the_person_moves_the_credit(both: BothServices, is_bound: bool) -> None:
    """OCA/sale-promotion#303: points stayed with who had ordered, though they belonged to somebody else."""
    wrong = await both.accounting.citizen()
    user_id = uuid.uuid4()
    right = await both.accounting.citizen() if is_bound else Reports(user_id, person_account_id(user_id))
    ride = wrong.bus(YESTERDAY + 6 * HOUR)
    change = correct(right, ride, right.bus(YESTERDAY + 6 * HOUR))
    await both.send(ride, change)
    await both.sweep()
    if not is_bound:
        assert await told(both, ride, change) == [REVERSED, Told("parked", "NO_BINDING")]
        await both.accounting.bind(right)
        await both.sweep()
    assert await told(both, ride, change) == [REVERSED, CREDITED_BUS]
    assert await listed(both, wrong) == {str(ride.event_key): REVERSED}
    assert await listed(both, right) == {str(change.event_key): CREDITED_BUS}
    assert [await lifetime_mg(both, person) for person in (wrong, right)] == [0, BUS_MG]
    assert await both.reconciled_mg() == BUS_MG


# --- A7: late corrections --------------------------------------------------------------------------------------------


async def test_a7_corrections_of_corrections_do_not_move_the_deadline(both: BothServices) -> None:
    """killbill/killbill#876: nothing controlled how far back late usage changed what had been billed."""
    person = await both.accounting.citizen()
    ride = person.bus()
    first = received(correct(person, ride, person.metro(YESTERDAY + 6 * HOUR)), 20 * DAY, ride)
    second = received(correct(person, first, person.bus(YESTERDAY + 6 * HOUR)), 40 * DAY, ride)
    await both.send(ride, first)
    await both.sweep()
    await both.send(second)
    await both.sweep()
    assert await told(both, ride, first, second) == [REVERSED, CREDITED_METRO, Told("refused", "CORRECTION_TOO_LATE")]


@pytest.mark.parametrize(("late", "reason"), [(timedelta(0), "CREDITED"), (timedelta(microseconds=1), "TOO_LATE")])
async def test_a7_the_last_instant_of_the_deadline_counts(both: BothServices, late: timedelta, reason: str) -> None:
    """openmeterio/openmeter#4179: a test of usage after the cut-off had a time before it."""
    person = await both.accounting.citizen()
    ride = person.bus()
    deadline = timedelta(days=both.accounting.settings.correction_days)
    change = received(correct(person, ride, person.metro(YESTERDAY + 6 * HOUR)), deadline + late, ride)
    await both.send(ride, change)
    await both.sweep()
    told_reason = (await both.partner_view(change.event_id)).reason_code
    assert str(told_reason).removeprefix("CORRECTION_") == reason


async def test_a7_events_about_a_binding_that_has_ended_still_count(both: BothServices) -> None:
    """getlago/lago-api#682: usage of a subscription that had been terminated could not be reported any more."""
    person = await both.accounting.citizen()
    now = clock.now()
    ride = person.bus(YESTERDAY + 6 * HOUR, received_at=now - 3 * HOUR)
    await both.send(ride)
    await both.accounting.bind(person, status="ended", ended_at=now - HOUR)
    change = correct(person, ride, person.metro(YESTERDAY + 6 * HOUR))
    late, after = person.bus(YESTERDAY + 9 * HOUR), person.bus(now - HOUR / 2, received_at=now - HOUR / 60)
    await both.send(change, late, after)
    await both.sweep()
    assert await told(both, ride, change, late) == [REVERSED, CREDITED_METRO, CREDITED_BUS]
    assert (await both.partner_view(after.event_id)).reason_code == "AFTER_BINDING"


async def test_a7_a_correction_cannot_make_a_late_report_timely(both: BothServices) -> None:
    """ScottArbeit/Grace#712: facts of a closed month had to stay outside, however they were delivered."""
    person = await both.accounting.citizen()
    at = clock.now() - 5 * DAY
    late = person.bus(at, late_window_s=86_400)
    change = msgspec.structs.replace(correct(person, late, person.metro(at)), late_window_s=86_400)
    timely = person.bus(YESTERDAY + 6 * HOUR)
    moved = correct(person, timely, person.metro(timely.received_at + 5 * DAY))
    await both.send(late, change, timely, received(moved, 6 * DAY, timely))
    await both.sweep()
    assert await told(both, late, timely) == [Told("refused", "TOO_LATE"), CREDITED_BUS]
    assert (await both.partner_view(change.event_id)).reason_code == "TOO_LATE"
    # Judged as received with its original, the act of the second correction lies in the future.
    assert (await both.partner_view(moved.event_id)).reason_code == "NOT_YET_HAPPENED"
    assert await lifetime_mg(both, person) == BUS_MG


# --- D17: no untrue interim verdict ----------------------------------------------------------------------------------


async def test_d17_a_story_told_backwards_is_never_called_unknown(both: BothServices) -> None:
    """Shopify/shopify-app-js#603: an update that came before the order was answered with "not found"."""
    citizen = await bound_citizen(both)
    said: list[Told] = []
    for event in (
        cancellation("k2", of="k1"),
        citizen.correction("k1", of="e"),
        citizen.ride("e"),
    ):
        await both.push(event)
        await both.sweep()
        said += [await over_http(both, name) for name in ("k2", "k1", "e")[: 1 + len(said) // 3]]
    for _ in range(2):
        await both.sweep()
    assert {one.reason_code for one in said} <= {None, "CREDITED", "CORRECTED", "CANCELLED"}
    assert [await over_http(both, name) for name in ("e", "k1", "k2")] == [REVERSED, CANCELLED, CANCELLED]
    rows = await both.admin.fetch("SELECT payload FROM ingest.webhook_delivery")
    assert not any(b"UNKNOWN" in row["payload"] for row in rows)


async def test_d17_pending_grams_are_not_told_as_a_failure(both: BothServices, both_dsns: Dsns) -> None:
    """PrestaShop/PrestaShop-modules#75: a pending charge was shown as failed, though the card had been charged."""
    await publish_vesting_bus(both.accounting.database)
    try:
        both.accounting.forget_library()
        person = await both.accounting.citizen()
        ride = person.slow_bus()
        await both.send(ride)
        await both.sweep()
        # Vesting concerns the citizen only. The partner reads that the ride is credited.
        assert await both.partner_view(ride.event_id) == CREDITED_BUS
        assert (await both.webhook_view())[ride.event_id] == (1, CREDITED_BUS)
        assert await listed(both, person) == {str(ride.event_key): Told("pending", "CREDITED", BUS_MG)}
        balance = await both.accounting.get(person, "/me/balance")
        assert (balance["available_mg"], balance["lifetime_mg"]) == (0, BUS_MG)
    finally:
        await remove_vesting_bus(both_dsns)


async def test_d17_a_parked_ride_has_no_verdict_and_its_credit_is_announced(both: BothServices) -> None:
    """tzConnectBerlin/kanvas#197, offspot/imager-service#525: "failed" was taken for final; success came unnoticed."""
    user_id = uuid.uuid4()
    citizen = Citizen(user_id, person_account_id(user_id))
    answer = await both.push(citizen.ride("e"))
    await both.sweep()
    assert await over_http(both, "e") == Told("parked", "NO_BINDING")
    await both.accounting.bind(citizen)
    await both.sweep()
    assert await over_http(both, "e") == CREDITED_BUS
    assert (await both.webhook_view())["e"] == (2, CREDITED_BUS)
    (item,) = (await receipt(both.partner, answer))["results"]
    assert (item["status"], item["amount_mg"]) == ("credited", BUS_MG)

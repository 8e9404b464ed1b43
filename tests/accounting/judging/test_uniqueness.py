import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.judging.uniqueness import CountedActs, Taken, number_key
from shared.contracts.identity import keyed
from tests.accounting.judging.acts import act, local

START = local("2026-06-15T08:00:00")
NEIGHBOUR = uuid.UUID(int=9)
METER = "0123456789abcdef" * 2
USED = uuid.UUID(METER)


def test_a_repeated_number_is_a_repetition_at_any_time() -> None:
    counted = CountedActs()
    first = act("recycling", START, number_key=1)
    counted.add_credited(first, 1)
    later = START + timedelta(days=500)
    assert counted.find_taken(act("recycling", later, number_key=1), 1) == Taken("DUPLICATE_ACT", first.activity_id)
    assert counted.find_taken(act("recycling", later, number_key=1, account_id=NEIGHBOUR), 1) == Taken(
        "COUNTED_ELSEWHERE"
    )
    assert counted.find_taken(act("recycling", later, number_key=2), 1) is None
    assert counted.find_taken(act("recycling", later), 1) is None
    assert counted.find_taken(first, 1) is None  # an act does not repeat itself


def test_a_number_key_names_number_and_partner() -> None:
    known = keyed("pepper", "p\0trip\0o-1")
    assert number_key("p", known) == number_key("q", known) == int(known[:16], 16) - 2**63
    assert number_key("p", "order 1") != number_key("q", "order 1")
    assert number_key("p", None) is None
    assert all(
        -(2**63) <= key < 2**63 for text in ("0" * 32, "f" * 32, "k") if (key := number_key("p", text)) is not None
    )


@given(start=st.integers(-4000, 4000), length=st.integers(0, 4000), other=st.integers(0, 4000))
def test_periods_of_a_meter_share_no_second(start: int, length: int, other: int) -> None:
    def period(begin: int, lasts: int) -> Act:
        at = START + timedelta(seconds=begin)
        return act("power_saving", at, ended_at=at + timedelta(seconds=lasts), meter_key=METER, use_key=USED)

    counted = CountedActs()
    counted.add_credited(period(0, other), 1)
    taken = counted.find_taken(period(start, length), 1)
    shared = min(start + max(length, 1), max(other, 1)) > max(start, 0)
    assert taken == (Taken(reasons.METER_COUNTED) if shared else None)


def ride(minute: float, minutes: float, people: int | None, **changes: Any) -> Act:
    at = START + timedelta(minutes=minute)
    times = {"ended_at": at + timedelta(minutes=minutes), "duration_s": round(minutes * 60)}
    return act("ev_ride", at, use_key=USED, passenger_count=people, **times, **changes)


@pytest.mark.parametrize(
    ("aboard", "minute", "minutes", "people", "free"),
    [
        ([(0, 20, 2)], 5, 20, 2, True),
        ([(0, 20, 2), (2, 20, 2)], 5, 20, 2, False),
        ([(0, 10, 2), (10, 10, 2)], 0, 20, 2, True),  # one after the other
        ([(0, 10.5, 2), (10, 10, 2)], 0, 20, 2, True),  # half a minute is the clocks
        ([(0, 12, 2), (10, 10, 2)], 0, 20, 2, False),
        ([(0, 20, 3), (0, 20, 3)], 0, 20, 3, True),
        ([(0, 20, 3), (0, 20, 3)], 0, 20, 2, False),
        ([(0, 20, None)], 20, 10, None, True),
        ([(0, 20, None)], 19, 10, None, True),
        ([(0, 20, None)], 18, 10, None, False),
        ([(0, 20, 5)], 5, 10, None, False),
    ],
)
def test_seats_of_a_vehicle(
    aboard: list[tuple[float, float, int | None]], minute: float, minutes: float, people: int | None, free: bool
) -> None:
    counted = CountedActs()
    for one in aboard:
        counted.add_credited(ride(*one, account_id=uuid.uuid4()), 9)
    taken = counted.find_taken(ride(minute, minutes, people), 9)
    assert taken == (None if free else Taken(reasons.VEHICLE_COUNTED))


def test_the_seats_of_the_methodology_bound_what_is_reported() -> None:
    counted = CountedActs()
    counted.add_credited(ride(0, 20, 4), 2)
    counted.add_credited(ride(0, 20, 4), 2)
    assert counted.find_taken(ride(0, 20, 4), 2) == Taken(reasons.VEHICLE_COUNTED)
    assert counted.find_taken(ride(0, 20, 4), 1) == Taken(reasons.VEHICLE_COUNTED)

import uuid
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.judging.duplicates import CreditedAct, CreditedActs, is_same_time
from tests.accounting.judging.acts import CITIZEN, act, local

START = local("2026-06-15T08:00:00")
RIDE = ("ride",)


def at(minutes: float) -> timedelta:
    return timedelta(seconds=round(minutes * 60))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ((0, 30), (0, 30), True),
        ((0, 30), (8, 38), True),  # 22 of 30 minutes
        ((0, 30), (9, 39), True),  # 70 %: two acts before, one act now
        ((0, 30), (28.9, 60), True),
        ((0, 30), (29, 60), False),  # the error of the clocks
        ((0, 30), (-60, 1), False),
        ((0, 30), (-60, 1.1), True),
        ((0, 30), (30, 60), False),
        ((0, 30), (-60, 120), True),
        ((0, 30), (25, 29), True),
        ((0, None), (0, None), True),
        ((0, None), (1, None), True),
        ((0, None), (1.02, None), False),
        ((0, 30), (15, None), True),
        ((0, 30), (1, None), False),  # got on as the other trip began
        ((0, 30), (29, None), False),  # changed at its end
        ((0, 30), (31, None), False),
        ((0, 0.5), (0, None), True),
    ],
)
def test_overlapping_acts_of_one_person_are_one_act(
    one: tuple[float, float | None], two: tuple[float, float | None], same: bool
) -> None:
    spans = [(START + at(start), START + at(end) if end is not None else None) for start, end in (one, two)]
    for first, second in permutations(spans):
        assert is_same_time(*first, *second) is same


@given(*[st.integers(0, 7_200)] * 2, *[st.none() | st.integers(0, 7_200)] * 2)
def test_the_overlap_rule_is_symmetric(a: int, b: int, long_a: int | None, long_b: int | None) -> None:
    one = (START + timedelta(seconds=a), START + timedelta(seconds=a + long_a) if long_a is not None else None)
    two = (START + timedelta(seconds=b), START + timedelta(seconds=b + long_b) if long_b is not None else None)
    assert is_same_time(*one, *two) == is_same_time(*two, *one)
    assert is_same_time(*one, *one)


def test_only_trips_of_one_account_and_one_group_are_duplicates() -> None:
    first = act("ev_ride", START)
    counted = CreditedActs([CreditedAct(first.activity_id, CITIZEN, RIDE, first.occurred_at, first.ended_at)])
    assert counted.find_original(act("ev_ride", START), RIDE) == first.activity_id
    assert counted.find_original(act("ev_ride", START, account_id=uuid.UUID(int=9)), RIDE) is None
    assert counted.find_original(act("ev_ride", START, account_id=None), RIDE) is None
    assert counted.find_original(act("ev_ride", START), ("shopping",)) is None
    assert counted.find_original(act("ev_ride", START), ()) is None
    assert counted.find_original(first, RIDE) is None  # an act is not its own duplicate

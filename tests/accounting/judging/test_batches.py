"""Properties of the judge for any batch of acts."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.accounting.bindings.domain import BindingState
from services.accounting.judging.acts import Act
from services.accounting.judging.domain import (
    CapUsed,
    JudgedBatch,
    Judgement,
    Status,
    cap_keys,
    judge,
    match_acts,
    usage_of,
)
from services.accounting.judging.duplicates import CreditedActs
from services.accounting.judging.subjects import CapKey
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from tests.accounting.judging.acts import SCENES, act, local
from tests.accounting.methodologies.drafts import compiled, library_index

PEOPLE = [uuid.UUID(int=number) for number in (7, 8)]
# Around the end of a day, a month and a year in Asia/Shanghai.
MIDNIGHTS = [local(day) for day in ("2026-06-15T00:00:00", "2026-07-01T00:00:00", "2027-01-01T00:00:00")]


def _cap(name: str, period: str, code: str, **limit: int | str) -> dict[str, int | str]:
    return {"id": name, "per": "account", "period": period, "code": code, "zh": "满", "en": "full"} | limit


@cache
def index() -> MethodologyIndex:
    """Return the library with more caps: all three periods and both measures are reached."""
    more: dict[str, Compiled] = {
        "WH-APP-BIKE": compiled(
            "WH-APP-BIKE",
            caps=[
                _cap("bike.daily_acts", "day", "DAILY_CAP", acts=3),
                _cap("bike.daily_amount", "day", "DAILY_CAP", amount="100 gCO2e"),
                _cap("bike.monthly_amount", "month", "MONTHLY_CAP", amount="150 gCO2e"),
                _cap("bike.yearly_acts", "year", "YEARLY_CAP", acts=5),
            ],
        )
    }
    return MethodologyIndex([more.get(version.code, version) for version in library_index()])


@st.composite
def an_act(draw: st.DrawFn) -> Act:
    scene = draw(st.sampled_from(["bike", "bike", "bike", *SCENES]))
    start = draw(st.sampled_from(MIDNIGHTS)) + timedelta(minutes=draw(st.integers(-180, 180)))
    changes: dict[str, object] = {"account_id": draw(st.sampled_from(PEOPLE))}
    changes["activity_id"] = uuid.UUID(int=draw(st.integers(0, 2**64)))
    if scene == "bike":
        changes["distance_m"] = draw(st.integers(100, 3_300))
    if scene == "own_bag":
        changes["count"] = draw(st.integers(1, 4))
    if draw(st.integers(0, 9)) == 0:
        changes["binding"] = draw(st.sampled_from(list(BindingState)))
        if changes["binding"] is BindingState.NONE:
            changes["account_id"] = None
    return act(scene, start, **changes)


BATCHES = st.lists(an_act(), max_size=25)
USAGE = st.dictionaries(
    st.sampled_from(
        [
            CapKey(PEOPLE[0], "bike.daily_acts", MIDNIGHTS[0].date() + timedelta(days=1)),
            CapKey(PEOPLE[0], "bike.monthly_amount", (MIDNIGHTS[0].date()).replace(day=1)),
            CapKey(PEOPLE[1], "own_bag.daily_amount", MIDNIGHTS[1].date() + timedelta(days=1)),
        ]
    ),
    st.builds(CapUsed, st.integers(0, 3), st.integers(0, 120_000)),
)


def add(one: dict[CapKey, CapUsed], two: dict[CapKey, CapUsed]) -> dict[CapKey, CapUsed]:
    total = defaultdict(CapUsed, one)
    for key, used in two.items():
        total[key] = CapUsed(total[key].acts + used.acts, total[key].amount_mg + used.amount_mg)
    return dict(total)


def in_pieces(acts: Sequence[Act], cuts: Sequence[int], used: dict[CapKey, CapUsed]) -> JudgedBatch:
    """Judge the acts in several batches. Counters are carried as in the database: only those of `cap_keys`."""
    counted = CreditedActs()
    judgements: list[Judgement] = []
    total: dict[CapKey, CapUsed] = {}
    edges = sorted({0, len(acts), *(cut % (len(acts) + 1) for cut in cuts)})
    for low, high in pairwise(edges):
        piece = acts[low:high]
        stored = add(used, total)
        loaded = {key: stored[key] for key in cap_keys(match_acts(piece, index())) if key in stored}
        batch = judge(match_acts(piece, index()), loaded, counted)
        judgements += batch.judgements
        total = add(total, batch.usage)
    return JudgedBatch(judgements, total)


@given(BATCHES, st.lists(st.integers(0, 25), max_size=5), USAGE)
@settings(deadline=None)
def test_a_batch_equals_its_pieces(acts: list[Act], cuts: list[int], used: dict[CapKey, CapUsed]) -> None:
    whole = judge(match_acts(acts, index()), used, CreditedActs())
    assert in_pieces(acts, cuts, used) == whole
    assert in_pieces(acts, range(len(acts)), used) == whole


@given(BATCHES, USAGE)
@settings(deadline=None)
def test_no_cap_is_ever_exceeded(acts: list[Act], used: dict[CapKey, CapUsed]) -> None:
    batch = judge(match_acts(acts, index()), used)
    total = add(used, batch.usage)
    limits = {cap.id: cap for version in index() for cap in (*version.count_caps, *version.amount_caps)}
    for key in batch.usage:
        cap = limits[key.cap_id]
        taken = total[key].acts if cap.measure == "acts" else total[key].amount_mg
        assert taken <= cap.limit


@given(BATCHES, USAGE)
@settings(deadline=None)
def test_cap_usage_equals_the_sum_of_the_judgements(acts: list[Act], used: dict[CapKey, CapUsed]) -> None:
    batch = judge(match_acts(acts, index()), used)
    summed: dict[CapKey, CapUsed] = {}
    for one, judgement in zip(acts, batch.judgements, strict=True):
        summed = add(summed, usage_of(judgement))
        assert judgement.activity_id == one.activity_id
        assert 0 <= judgement.amount_mg <= judgement.raw_mg
        assert (judgement.amount_mg > 0) == (judgement.status is Status.CREDITED)
        assert (judgement.amount_mg == judgement.raw_mg) == (
            judgement.reason_code in {"CREDITED", "BELOW_MINIMUM"} or judgement.raw_mg == 0
        )
    assert summed == batch.usage
    assert set(batch.usage) <= cap_keys(match_acts(acts, index()))


@given(BATCHES)
@settings(deadline=None)
def test_people_do_not_change_each_others_caps(acts: list[Act]) -> None:
    """The credits of one person do not depend on other people in the batch."""
    together = judge(match_acts(acts, index()), {})
    for person in PEOPLE:
        own = [one for one in acts if one.account_id == person]
        alone = judge(match_acts(own, index()), {})
        assert [j for j in together.judgements if j.account_id == person] == alone.judgements

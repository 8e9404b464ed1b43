"""Pure rules of recognition: states of acts, sums, classes of scores, ranks, pseudonyms, and the document of badges."""

import random
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.rewards.badges.domain import Done, Measure, level_of, why_withdrawn
from services.rewards.badges.rules import DOCUMENT, load_rules, read_rules
from services.rewards.participants.data import districts, pseudonyms
from services.rewards.rankings.domain import (
    SCORE_MAX,
    Period,
    code_of,
    end_of,
    nodes_of,
    open_spans,
    ranks_of,
    span_before,
    span_of,
)
from services.rewards.recognition.domain import Act, Sums, Verdict, changes_of, merge, multirange

ACT = uuid.UUID(int=7)
PEOPLE = [uuid.UUID(int=n) for n in range(1, 4)]
SCORES = st.integers(1, SCORE_MAX)


@st.composite
def verdicts_on_one_act(draw: st.DrawFn) -> list[Verdict]:
    """Verdicts with sequences 1, 2 … as accounting gives them: credits, credits without a time, and reversals."""
    found = []
    for sequence in range(1, draw(st.integers(1, 5)) + 1):
        counts = draw(st.booleans())
        found.append(
            Verdict(
                ACT,
                sequence,
                draw(st.sampled_from(PEOPLE)) if counts else None,
                draw(st.sampled_from(["metro", "bus"])) if counts else None,
                draw(st.integers(1, 1000)) if counts else 0,
                draw(st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 5))),
            )
        )
    return found


def merged(verdicts: list[Verdict]) -> Act:
    act = merge(None, verdicts[0])
    for one in verdicts[1:]:
        act = merge(act, one)
    return act


@given(verdicts_on_one_act(), st.randoms(use_true_random=False))
def test_the_state_of_an_act_depends_neither_on_order_nor_on_repeats(
    verdicts: list[Verdict], chance: random.Random
) -> None:
    shuffled = [*verdicts, *verdicts[:2]]
    chance.shuffle(shuffled)
    assert merged(shuffled) == merged(verdicts)


@given(st.lists(verdicts_on_one_act(), min_size=1, max_size=6))
def test_sums_changed_step_by_step_are_those_of_the_acts_at_the_end(stories: list[list[Verdict]]) -> None:
    sums = Sums()
    acts: dict[int, Act] = {}
    for number, story in enumerate(stories):
        for verdict in story:
            before = acts.get(number)
            acts[number] = merge(before, verdict)
            sums.apply(changes_of([(before, acts[number])]))
    cells = [act.cell for act in acts.values() if act.cell is not None]
    expected = {cell: sum(a.amount_mg for a in acts.values() if a.cell == cell) for cell in cells}
    assert {cell: one.amount_mg for cell, one in sums.days.items() if one.acts} == expected
    for (account_id, scene), one in sums.scenes.items():
        days = {cell[1] for cell in cells if (cell[0], cell[2]) == (account_id, scene)}
        assert one.days == len(days)
    for account_id, total in sums.totals.items():
        assert total.acts == sum(cell[0] == account_id for cell in cells)


def test_days_are_written_as_ranges_without_their_end() -> None:
    assert multirange([date(2026, 1, 31), date(2026, 1, 1)]) == "{[2026-01-01,2026-01-02),[2026-01-31,2026-02-01)}"
    assert multirange([]) == "{}"


@given(SCORES, SCORES)
def test_the_class_of_a_score_keeps_the_order(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert code_of(low) <= code_of(high)
    assert code_of(end_of(code_of(one)) - 1) == code_of(one) < code_of(end_of(code_of(one)))
    assert all(0 <= node < 2**19 for node in nodes_of(code_of(one)))
    assert end_of(code_of(one)) - one <= max(1, one // 2048)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.data())
def test_a_page_that_begins_anywhere_shows_the_ranks_of_the_whole_board(scores: list[int], data: st.DataObject) -> None:
    scores.sort(reverse=True)
    start = data.draw(st.integers(0, len(scores) - 1))
    page = scores[start:]
    known = {score: 1 + sum(other > score for other in scores) for score in sorted(set(page), reverse=True)[:2]}
    if start == 0:
        known = {}
    elif scores[start - 1] != scores[start]:
        known = {page[0]: known[page[0]]}
    assert ranks_of(page, known) == [1 + sum(other > score for other in scores) for score in page]


def test_weeks_begin_on_monday_and_periods_follow_each_other() -> None:
    week = span_of(Period.WEEK, date(2026, 11, 29))
    assert (week.starts_on, week.ends_on) == (date(2026, 11, 23), date(2026, 11, 29))
    assert span_before(week).ends_on == date(2026, 11, 22)
    month = span_of(Period.MONTH, date(2026, 12, 31))
    assert (month.starts_on, month.ends_on) == (date(2026, 12, 1), date(2026, 12, 31))
    assert span_before(month).starts_on == date(2026, 11, 1)
    assert span_before(span_of(Period.MONTH, date(2028, 3, 1))).ends_on == date(2028, 2, 29)
    assert len({(one.period, one.starts_on) for one in open_spans(date(2026, 11, 28))}) == 5
    everything = span_of(Period.ALL, date(2026, 11, 29))
    assert span_before(everything) == everything


def test_every_pseudonym_has_a_text_of_its_own_and_a_number_that_reads_back() -> None:
    words = pseudonyms()
    numbers = {words.number_of(seed) for seed in range(0, 10**8, 99_991)}
    assert all(words.is_one(number) and 0 <= number < 2**31 for number in numbers)
    assert len({words.text(number) for number in numbers}) == len(numbers)
    assert not words.is_one(-1)
    assert not words.is_one(words.count)
    assert not words.is_one(199 * words.numbers)  # a quality that the list has not yet


def test_wuhan_has_thirteen_districts_and_its_functional_areas() -> None:
    codes = list(districts())
    assert len([code for code in codes if code.startswith("4201")]) == 13
    assert districts()["420106"].zh == "武昌区"
    assert districts()["wh-optics-valley"].zh == "东湖新技术开发区"


# --- the document of badges ----------------------------------------------------------------------------------------


def test_every_worked_example_of_the_document_comes_out_as_it_says() -> None:
    rules = load_rules()
    for badge in rules.badges:
        assert {one.earned for one in badge.examples} == {True, False}
        for one in badge.examples:
            assert badge.is_earned(one.given) is one.earned
    assert {badge.id for badge in rules.badges} >= {
        "first-ride", "thirty-days-of-metro", "tonne-together", "marathon-giver",
    }  # fmt: skip
    assert {badge.measure for badge in rules.badges} == set(Measure)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("at_least: 30\n", "at_least: 29\n", "example 2 comes out otherwise"),
        ("measure: days\n    scenes: [metro]", "measure: days\n    scenes: [metro, bus]", "count twice"),
        ("measure: donations\n", "measure: donations\n    scenes: [metro]\n", "not counted by scene"),
        ("measure: streak_days\n", "measure: streak_days\n    campaigns: [a]\n", "not counted by campaign"),
        ("  - id: first-gift\n", "  - id: first-ride\n", "a badge occurs twice"),
        ("{lifetime_mg: 999_999, level: 1}", "{lifetime_mg: 999_999, level: 2}", "another level"),
        ("level: 2, from_mg: 1_000_000", "level: 2, from_mg: 20_000_000", "begin at 0 and rise"),
        ("{level: 2, from_mg", "{level: 9, from_mg", "without a gap"),
        ("zh: 第一程, ", "", "Field required"),
        ("icon: badge-metro-30\n", "icon: badge-metro-30\n    colour: red\n", "Extra inputs"),
    ],
)
def test_a_document_with_a_fault_is_refused(old: str, new: str, fault: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ValidationError, match=fault):
        read_rules(text.replace(old, new, 1))


def test_levels_rise_with_what_was_earned() -> None:
    levels = load_rules().levels
    assert [level_of(levels, mg)[0].level for mg in (-5, 0, 10_000_000, 10**12)] == [1, 1, 3, 7]
    assert level_of(levels, 10**12)[1] is None


def test_a_withdrawn_badge_says_why() -> None:
    rules = {badge.id: badge for badge in load_rules().badges}
    assert why_withdrawn(rules["first-ride"], earned_version=1) == "ACTS_TAKEN_BACK"
    assert why_withdrawn(rules["tonne-together"], earned_version=1) == "HOUSEHOLD_CHANGED"
    assert why_withdrawn(rules["first-ride"], earned_version=2) == "RULE_CHANGED"
    assert why_withdrawn(None, earned_version=1) == "RULE_CHANGED"


def test_days_without_a_scene_are_days_with_any_act() -> None:
    any_day = next(one for one in load_rules().badges if one.measure is Measure.DAYS).model_copy(update={"scenes": ()})
    assert any_day.value(Done(days=5)) == 5

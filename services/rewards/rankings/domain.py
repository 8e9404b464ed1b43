"""Boards, periods and the histogram by which a rank is found. Pure.

The rank of a score is 1 plus the number of higher scores; equal scores share a rank. Counting them one by one takes as
long as the board is large. So each board has a histogram in three levels of 64 classes. A score's *code* has 18 bits:
6 for its power of two, 12 for the digits behind the first. Its rank is the sum over the higher classes of each level,
192 at most, plus the few scores of its own class that are higher.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from shared.language import Text

_SECOND, _THIRD = 64, 64 + 64 * 64  # where the classes of the second and the third level begin
_DIGITS: Final = 12  # bits behind the first one
_MANTISSA: Final = 1 << _DIGITS
SCORE_MAX: Final = 2**62
ALL_TIME: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)


class BoardKind(StrEnum):
    """What is ranked. A new kind needs a name here and the scores of its members: see `Score`."""

    CITY = "city"
    DISTRICT = "district"
    CAMPAIGN = "campaign"
    HOUSEHOLD = "household"
    ENTERPRISE = "enterprise"


class Period(StrEnum):
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


class Span(NamedTuple):
    """The days of a period, both included. `starts_on` names it."""

    period: Period
    starts_on: date
    ends_on: date


class BoardKey(NamedTuple):
    """`subject` is the district or the campaign, "" for boards of which there is one."""

    kind: str
    subject: str
    period: str
    starts_on: date


class Score(NamedTuple):
    """A member's score on one board. `member` is any id that is unique over all kinds.

    `alias` is the pseudonym by its number; equal scores are listed by it.
    """

    board: BoardKey
    member: uuid.UUID
    score_mg: int
    alias: int


class Place(NamedTuple):
    """A stored score."""

    member: uuid.UUID
    board_id: int
    score_mg: int
    code: int
    alias: int


def span_of(period: Period, day: date) -> Span:
    """Return the period that a day is in. A week begins on Monday."""
    if period is Period.ALL:
        return Span(period, ALL_TIME, LAST_DAY)
    if period is Period.WEEK:
        first = day - timedelta(days=day.weekday())
        return Span(period, first, first + timedelta(days=6))
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Span(period, first, following - timedelta(days=1))


def span_before(span: Span) -> Span:
    """Return the period before. There is none before all time."""
    return span if span.period is Period.ALL else span_of(span.period, span.starts_on - timedelta(days=1))


def open_spans(today: date) -> list[Span]:
    """Return the periods whose boards are kept: the current ones, and those before them."""
    current = [span_of(period, today) for period in Period]
    return [*current, *(span_before(one) for one in current if one.period is not Period.ALL)]


def code_of(score_mg: int) -> int:
    """Return the class of a score: monotonic, exact below 4,096, within a 4,096th above."""
    shift = max(score_mg.bit_length() - _DIGITS - 1, 0)
    if score_mg < _MANTISSA:
        return score_mg
    return (shift + 1) << _DIGITS | (score_mg >> shift) & (_MANTISSA - 1)


def end_of(code: int) -> int:
    """Return the first score above a class."""
    power, digits = code >> _DIGITS, code & (_MANTISSA - 1)
    return digits + 1 if power == 0 else (_MANTISSA + digits + 1) << (power - 1)


def nodes_of(code: int) -> tuple[int, int, int]:
    """Return the class of a code in each level: one number over all levels."""
    return code >> 12, _SECOND + (code >> 6), _THIRD + code


def class_changes(changes: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Return how the number of scores in each (board, class) changes. `changes`: by (board, code)."""
    found: Counter[tuple[int, int]] = Counter()
    for (board_id, code), change in changes.items():
        for node in nodes_of(code):
            found[board_id, node] += change
    return {key: change for key, change in found.items() if change}


class Changes(NamedTuple):
    """What turns stored places into others. `codes`: by (board, code). `members`: by board."""

    gone: list[Place]
    new: list[Place]
    changed: list[Place]
    codes: dict[tuple[int, int], int]
    members: dict[int, int]


def changes_between(stored: Iterable[Place], wanted: Iterable[Place]) -> Changes:
    """Compare places by member and board."""
    before = {(one.member, one.board_id): one for one in stored}
    after = {(one.member, one.board_id): one for one in wanted}
    counts: Counter[tuple[int, int]] = Counter()
    members: defaultdict[int, int] = defaultdict(int)
    changes = Changes([], [], [], {}, members)
    for key, place in before.items():
        if key not in after:
            changes.gone.append(place)
            counts[place.board_id, place.code] -= 1
            members[place.board_id] -= 1
    for key, place in after.items():
        known = before.get(key)
        if known is None:
            changes.new.append(place)
            members[place.board_id] += 1
        elif known != place:
            changes.changed.append(place)
            counts[known.board_id, known.code] -= 1
        else:
            continue
        counts[place.board_id, place.code] += 1
    changes.codes.update({key: count for key, count in counts.items() if count})
    return changes


def ranks_of(scores: Sequence[int], known: Mapping[int, int]) -> list[int]:
    """Return the rank of each score of a page, which runs from high to low.

    `known`: the rank of its first score, none on the first page. If the page begins among equal scores, also the rank
    of its second one: positions do not tell how many of the first are on the page before.
    """
    ranks: list[int] = []
    base, rank = 0, known.get(scores[0], 1) if scores else 1
    for place, score in enumerate(scores):
        if place and score != scores[place - 1]:
            if score in known:
                base, rank = place, known[score]
            ranks.append(rank + place - base)
        else:
            ranks.append(ranks[-1] if place else rank)
    return ranks


TIE_RULE: Final = Text(
    "减碳量相同，名次相同；同名次的按代号编号从大到小列出。",
    "Equal amounts share a rank. They are listed by the number of the pseudonym, highest first.",
)

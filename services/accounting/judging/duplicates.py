"""The same physical act reported twice for one person: by two partners, or by one partner under two event ids.

A person makes one trip at a time. Two acts of one account with a common exclusivity group are the same trip if they
overlap by more than the error of two clocks. The act credited first stays.

An act that a citizen declares and an act that a partner proves in the same scene within half an hour are one act, too:
people declare a purchase right after the till has reported it. `uniqueness` finds repeated numbers of a partner, and
acts that were counted for other people.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from services.accounting.judging.acts import SELF_PARTNER, Act
from services.accounting.methodologies.document import DECLARED

# The clocks of two partners differ by at most this much. A tap has no end. Two taps on one account within a minute are
# one boarding, or the fare of a companion.
SAME_INSTANT: Final = timedelta(seconds=60)
DECLARATION_WINDOW: Final = timedelta(minutes=30)


class CreditedAct(NamedTuple):
    """The fields of a credited act that later acts are compared with."""

    activity_id: UUID
    account_id: UUID
    groups: Sequence[str]
    started_at: datetime
    ended_at: datetime | None
    partner_id: str = ""


class CreditedActs:
    """Credited acts near the times of a batch: loaded before it is judged, extended while it is judged."""

    def __init__(self, known: Iterable[CreditedAct] = ()) -> None:
        self._by_group: dict[tuple[UUID, str], list[CreditedAct]] = defaultdict(list)
        for act in known:
            self._add(act)

    def find_original(self, act: Act, groups: Sequence[str]) -> UUID | None:
        """Return the credited act that this one repeats, if any."""
        if act.account_id is None:
            return None
        for group in groups:
            for other in self._by_group.get((act.account_id, group), ()):
                if other.activity_id != act.activity_id and _same_act(act, other, group):
                    return other.activity_id
        return None

    def add_credited(self, act: Act, groups: Sequence[str]) -> None:
        assert act.account_id is not None  # only an account's act is credited
        self._add(CreditedAct(act.activity_id, act.account_id, groups, act.occurred_at, act.ended_at, act.partner_id))

    def _add(self, act: CreditedAct) -> None:
        for group in act.groups:
            self._by_group[act.account_id, group].append(act)


def _same_act(act: Act, other: CreditedAct, group: str) -> bool:
    if group.startswith(DECLARED):
        one_is_declared = (act.partner_id == SELF_PARTNER) != (other.partner_id == SELF_PARTNER)
        return one_is_declared and abs(act.occurred_at - other.started_at) <= DECLARATION_WINDOW
    return is_same_time(act.occurred_at, act.ended_at, other.started_at, other.ended_at)


def is_same_time(start_a: datetime, end_a: datetime | None, start_b: datetime, end_b: datetime | None) -> bool:
    """Whether the two times overlap by more than the error of two clocks, so that one person cannot have done both."""
    spans = [(start_a, end_a or start_a), (start_b, end_b or start_b)]
    (short_start, short_end), (long_start, long_end) = sorted(spans, key=lambda span: span[1] - span[0])
    if long_end - long_start <= SAME_INSTANT:
        return abs(long_start - short_start) <= SAME_INSTANT
    if short_end - short_start <= SAME_INSTANT:  # a tap inside a longer trip, not near its ends
        return long_start + SAME_INSTANT < short_start and short_end < long_end - SAME_INSTANT
    return min(short_end, long_end) - max(short_start, long_start) > SAME_INSTANT

"""One physical act, one credit, whoever reports it and for whom. Pure.

A number of a partner (order, ride, deposit, receipt) names one act. A meter counts each hour once. A vehicle serves one
person at a time, or as many as every report about that time names in `passenger_count`, up to the seats of the
methodology. The act that is credited first stays.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.judging.duplicates import SAME_INSTANT, is_same_time

_KEY_BYTES: Final = 8
_KEY_DIGITS: Final = 2 * _KEY_BYTES
_HALF: Final = 1 << 8 * _KEY_BYTES - 1
# A period without length covers this much of its meter.
_LEAST_PERIOD: Final = timedelta(seconds=1)


class CountedNumber(NamedTuple):
    """A number of a partner that a credited act has used up. `account_id` is None if the activity is not known."""

    key: int
    activity_id: UUID
    account_id: UUID | None


class CountedUse(NamedTuple):
    """The time for which a credited act has used a meter or a vehicle. `people` is the most that it allows at once."""

    key: UUID
    activity_id: UUID
    started_at: datetime
    ended_at: datetime
    people: int


class Taken(NamedTuple):
    """Why an act cannot be credited. `original` is set only if the earlier act belongs to the same account."""

    reason: str
    original: UUID | None = None


def number_key(partner_id: str, natural_key: str | None) -> int | None:
    """Return the first 64 bits of a natural key, signed. They name the number and its partner.

    64 bits cost a third less than 128. With a billion credited acts, a further act meets the key of another one with a
    probability of 5 to 10^11. A key that is not hexadecimal does not name its partner, so it is hashed with it.
    """
    if natural_key is None:
        return None
    try:
        return int(natural_key[:_KEY_DIGITS], 16) - _HALF
    except ValueError:
        digest = hashlib.sha256(f"{partner_id}\x00{natural_key}".encode()).digest()
        return int.from_bytes(digest[:_KEY_BYTES]) - _HALF


def use_of(act: Act, seats: int) -> CountedUse | None:
    """Return the use of a meter or vehicle by an act, None if it names neither. `seats` are the methodology's."""
    key, start = act.use_key, act.occurred_at
    if key is None:
        return None
    end = act.ended_at or start
    if act.meter_key is not None:
        return CountedUse(key, act.activity_id, start, max(end, start + _LEAST_PERIOD), 1)
    return CountedUse(key, act.activity_id, start, end, max(1, min(seats, act.passenger_count or 1)))


class CountedActs:
    """What credited acts have used up: loaded before a batch is judged, extended while it is judged."""

    def __init__(self, numbers: Iterable[CountedNumber] = (), uses: Iterable[CountedUse] = ()) -> None:
        self._numbers: dict[int, CountedNumber | Act] = {number.key: number for number in numbers}
        self._uses: dict[UUID, list[CountedUse]] = defaultdict(list)
        for use in uses:
            self._uses[use.key].append(use)

    def find_taken(self, act: Act, seats: int) -> Taken | None:
        """Return why this act was counted before, None if it was not."""
        number = None if act.number_key is None else self._numbers.get(act.number_key)
        if number is None and act.use_key is None:
            return None
        if number is not None and number.activity_id == act.activity_id:
            number = None
        if number is not None and number.account_id == act.account_id:
            return Taken(reasons.DUPLICATE_ACT, number.activity_id)
        reason = self._find_use(act, seats) or (reasons.COUNTED_ELSEWHERE if number is not None else None)
        return None if reason is None else Taken(reason)

    def _find_use(self, act: Act, seats: int) -> str | None:
        others = None if act.use_key is None else self._uses.get(act.use_key)
        use = use_of(act, seats)
        if use is None or others is None:
            return None
        if act.meter_key is not None:
            return reasons.METER_COUNTED if any(_shares_hours(use, other) for other in others) else None
        return reasons.VEHICLE_COUNTED if _is_full(use, others) else None

    def add_credited(self, act: Act, seats: int) -> None:
        if act.number_key is not None:
            self._numbers[act.number_key] = act
        if act.use_key is not None and (use := use_of(act, seats)) is not None:
            self._uses[act.use_key].append(use)


def _shares_hours(use: CountedUse, other: CountedUse) -> bool:
    if other.activity_id == use.activity_id:
        return False
    return use.started_at < other.ended_at and other.started_at < use.ended_at


def _is_full(use: CountedUse, others: Sequence[CountedUse]) -> bool:
    """Whether the vehicle carries as many people as it may, at some moment of this use.

    The most people are aboard when somebody gets on, so only these moments are compared.
    """
    together = [
        other
        for other in others
        if other.activity_id != use.activity_id
        and is_same_time(use.started_at, use.ended_at, other.started_at, other.ended_at)
    ]
    if not together:
        return False
    if use.people == 1 or any(other.people == 1 for other in together):
        return True
    return any(
        len(aboard) + 1 > min(use.people, *(other.people for other in aboard))
        for moment in (use.started_at, *(other.started_at for other in together))
        if (aboard := [other for other in together if _is_aboard(other, moment)])
    )


def _is_aboard(use: CountedUse, moment: datetime) -> bool:
    """Leave out the last minute of a trip: somebody else may get on while the clocks differ."""
    return use.started_at <= moment <= max(use.started_at, use.ended_at - SAME_INSTANT)

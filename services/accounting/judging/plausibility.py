"""Whether an act can have happened as reported. Integer comparisons only. The methodology gives the limits."""

from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.methodologies.limits import Plausibility, Range

# Partners round starts, ends and durations separately, some of them to whole minutes.
CLOCK_TOLERANCE_S: Final = 60
# An act in an exclusivity group is compared with the acts that begin at most this long before or after it.
EXCLUSIVE_ACT_MAX_S: Final = 86_400
# MDS: a vehicle on its way to a customer, or moved for any other reason, has no passenger.
_UNOCCUPIED: Final = frozenset({"reservation", "empty"})


class BrokenLimit(NamedTuple):
    """A measure outside its limit. `measure` has the unit in its name."""

    code: str
    measure: str
    measured: int
    limit: int


_NOBODY: Final = BrokenLimit(reasons.NOBODY_CARRIED, "passenger_count", 0, 1)


def find_broken_limit(act: Act, rules: Plausibility | None, *, is_exclusive: bool = False) -> BrokenLimit | None:
    """Return the first broken limit. Without rules, check only what is wrong for every act.

    `is_exclusive`: the methodology has exclusivity groups, so that the act lasts a day at most.
    """
    elapsed = act.elapsed_s
    if elapsed is not None:
        if elapsed < 0:
            return BrokenLimit(reasons.IMPLAUSIBLE_TIME, "elapsed_s", elapsed, 0)
        if act.duration_s is not None and act.duration_s > elapsed + CLOCK_TOLERANCE_S:
            return BrokenLimit(reasons.IMPLAUSIBLE_TIME, "duration_s", act.duration_s, elapsed)
    if rules is None:
        return _above_baseline(act) or _nobody_carried(act)
    duration = elapsed if act.duration_s is None else act.duration_s
    # Most acts have few of these measures. A comparison here costs a fifth of a call that returns None.
    return (
        _outside(reasons.IMPLAUSIBLE_DURATION, "duration_s", duration, rules.duration_s)
        or _outside(reasons.IMPLAUSIBLE_DISTANCE, "distance_m", act.distance_m, rules.distance_m)
        or (_below_straight_line(act, rules) if act.straight_line_m is not None else None)
        or _speed_outside(act.distance_m, duration, rules)
        or (_amount_outside(act, rules) if rules.amounts else None)
        or (_rate_outside(act, duration, rules) if rules.per_hour is not None else None)
        or (_relation_broken(act, rules) if rules.relations else None)
        or (_above_baseline(act) if act.energy_wh is not None else None)
        or (_above_a_day(elapsed) if is_exclusive else None)
        or _nobody_carried(act)
    )


def _above_a_day(elapsed: int | None) -> BrokenLimit | None:
    if elapsed is None or elapsed <= EXCLUSIVE_ACT_MAX_S:
        return None
    return BrokenLimit(reasons.IMPLAUSIBLE_DURATION, "duration_s", elapsed, EXCLUSIVE_ACT_MAX_S)


def _nobody_carried(act: Act) -> BrokenLimit | None:
    """A trip that carried nobody replaced no other trip, whatever the vehicle and whatever its methodology says."""
    is_unoccupied = act.trip_type in _UNOCCUPIED or act.passenger_count == 0
    return _NOBODY if is_unoccupied and act.kind == "trip" else None


def _above_baseline(act: Act) -> BrokenLimit | None:
    """The saved energy is a part of the baseline, whether or not the methodology relates them."""
    if act.energy_wh is None or act.baseline_wh is None or act.energy_wh <= act.baseline_wh:
        return None
    return BrokenLimit(reasons.IMPLAUSIBLE_AMOUNT, "energy_wh", act.energy_wh, act.baseline_wh)


def _outside(code: str, measure: str, value: int | None, limits: Range | None) -> BrokenLimit | None:
    if value is None or limits is None:
        return None
    if value < limits.min:
        return BrokenLimit(code, measure, value, limits.min)
    if value > limits.max:
        return BrokenLimit(code, measure, value, limits.max)
    return None


def _below_straight_line(act: Act, rules: Plausibility) -> BrokenLimit | None:
    limit = rules.straight_line
    if limit is None or act.distance_m is None or act.straight_line_m is None:
        return None
    least = act.straight_line_m * _ratio(limit.min_ratio) // 1 - limit.slack_m
    if act.distance_m < least:
        return BrokenLimit(reasons.IMPLAUSIBLE_DISTANCE, "route_m", act.distance_m, least)
    return None


@lru_cache(maxsize=100)
def _ratio(text: str) -> Fraction:
    return Fraction(text)


def _speed_outside(distance_m: int | None, duration: int | None, rules: Plausibility) -> BrokenLimit | None:
    if distance_m is None or duration is None:
        return None
    # Compares metres * 3600 with km/h * 1000 * seconds, both divided by 200: no division, so no rounding.
    fast, slow = rules.speed_kmh_max, rules.speed_kmh_min
    if fast is not None and distance_m * 18 > fast * 5 * duration:
        return BrokenLimit(reasons.IMPLAUSIBLE_SPEED, "speed_kmh", _kmh(distance_m, duration), fast)
    if slow is not None and distance_m * 18 < slow * 5 * duration:
        return BrokenLimit(reasons.IMPLAUSIBLE_SPEED, "speed_kmh", _kmh(distance_m, duration), slow)
    return None


def _kmh(distance_m: int, duration: int) -> int:
    return distance_m * 18 // (5 * max(duration, 1))


def _amount_outside(act: Act, rules: Plausibility) -> BrokenLimit | None:
    for field, limits in rules.amounts:
        found = _outside(reasons.IMPLAUSIBLE_AMOUNT, field, getattr(act, field), limits)
        if found is not None:
            return found
    return None


def _rate_outside(act: Act, duration: int | None, rules: Plausibility) -> BrokenLimit | None:
    if rules.per_hour is None or duration is None:
        return None
    for field, limits in rules.per_hour.items():
        value = getattr(act, field)
        if value is None:
            continue
        # Compares the amount * 3600 with the limit * seconds: no division, so no rounding.
        for limit, is_broken in (
            (limits.max, value * 3600 > limits.max * duration),
            (limits.min, value * 3600 < limits.min * duration),
        ):
            if is_broken:
                measured = value * 3600 // max(duration, 1)
                return BrokenLimit(reasons.IMPLAUSIBLE_RATE, f"{field}_per_hour", measured, limit)
    return None


def _relation_broken(act: Act, rules: Plausibility) -> BrokenLimit | None:
    for relation in rules.relations:
        value, other = getattr(act, relation.field), getattr(act, relation.at_most)
        if value is not None and other is not None and value * 100 > relation.percent * other:
            measure = f"{relation.field}_to_{relation.at_most}_percent"
            # Rounded up: 100.4 % of a limit of 100 % is shown as 101 %. Of nothing, anything is above the limit.
            percent = -(-value * 100 // other) if other else max(value * 100, relation.percent + 1)
            return BrokenLimit(reasons.IMPLAUSIBLE_RATIO, measure, percent, relation.percent)
    return None

"""The cap counters and locks of an act (person, household, meter, vehicle), and whether a household may be credited.

A cap per household limits all members together and each member alone. An act counts in every household in which its
person has lived since the period began, and always in the person's own counter of the same cap. So a move gains
nothing: the old household counts until the period ends, and the person's own counter keeps its value. A person without
a household has only the own counter.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.accounting.households.domain import Stay, meter_subject_id
from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.methodologies.compiled import CapRule, Compiled


class CapKey(NamedTuple):
    """Identity of one cap counter. `period_start` is the first day of the period in Asia/Shanghai."""

    subject_id: UUID  # a person's account, a household's, or a meter's id
    cap_id: str
    period_start: date


def period_start(period: str, day: date) -> date:
    if period == "day":
        return day
    return day.replace(day=1) if period == "month" else day.replace(month=1, day=1)


def act_cap_keys(cap: CapRule, act: Act) -> tuple[CapKey, ...]:
    """Return the counters of a cap that this act counts in, each once, the person's own first."""
    assert act.account_id is not None  # acts without a binding are refused before caps
    if cap.per == "account":
        return (CapKey(act.account_id, cap.id, period_start(cap.period, act.local_date)),)
    return person_cap_keys(cap, act.account_id, act.stays, act.meter_key, act.local_date)


def person_cap_keys(
    cap: CapRule, account_id: UUID, stays: Sequence[Stay], meter_key: str | None, day: date
) -> tuple[CapKey, ...]:
    """Return the counters of a cap for a person with these stays and this meter on a day."""
    start = period_start(cap.period, day)
    if cap.per == "meter":
        return () if meter_key is None else (CapKey(meter_subject_id(meter_key), cap.id, start),)
    homes = [stay.account_id for stay in stays if stay.left_on is None or stay.left_on >= start]
    subjects = (account_id, *homes) if cap.per == "household" else (account_id,)
    return tuple(CapKey(subject_id, cap.id, start) for subject_id in subjects)


def shared_subjects(act: Act, method: Compiled) -> set[UUID]:
    """Return the households, the meter and the vehicle whose state this act may change. Lock them before judging."""
    found = {stay.account_id for stay in act.stays} if method.shared else set()
    if act.meter_key is not None:
        found.add(meter_subject_id(act.meter_key))
    elif act.use_key is not None:
        found.add(act.use_key)
    return found


def current_home(act: Act) -> UUID | None:
    """Return the account of the household in which the person lived when the act began."""
    return next((stay.account_id for stay in act.stays if stay.current), None)


def household_refusal(act: Act, method: Compiled) -> str | None:
    """Return the reason why this act cannot count for a household or a meter, None if it can."""
    if method.counts_meters and act.meter_key is None:
        return reasons.METER_UNKNOWN
    if method.document.subject != "household":
        return None
    home = current_home(act)
    if home is None:
        return reasons.HOUSEHOLD_REQUIRED
    if act.meter_key is not None and act.meter_account_id != home:
        return reasons.METER_NOT_OF_HOUSEHOLD
    return None

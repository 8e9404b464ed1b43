"""Whose limit an act is counted in: a person's, a household's, a meter's; and whether a household may be credited.

A limit per household holds for all its members together and for each member alone. An act counts in every household
its person has lived in since the period began, and always in the person's own counter. So nothing is won by moving: a
new household does not know what was used before, but the old one goes on counting until the period ends, and the
person's own counter moves along. A person without a household has only the latter.
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
    """Identity of one cap counter: the period is named by its first day in Asia/Shanghai."""

    subject_id: UUID  # a person's account, a household's, or a meter's id
    cap_id: str
    period_start: date


def period_start(period: str, day: date) -> date:
    if period == "day":
        return day
    return day.replace(day=1) if period == "month" else day.replace(month=1, day=1)


def act_cap_keys(cap: CapRule, act: Act) -> tuple[CapKey, ...]:
    """The counters in which this act is counted, each once, the person's own first."""
    assert act.account_id is not None  # only a bound act is counted
    if cap.per == "account":
        return (CapKey(act.account_id, cap.id, period_start(cap.period, act.local_date)),)
    return person_cap_keys(cap, act.account_id, act.stays, act.meter_key, act.local_date)


def person_cap_keys(
    cap: CapRule, account_id: UUID, stays: Sequence[Stay], meter_key: str | None, day: date
) -> tuple[CapKey, ...]:
    """The counters of one cap for a person who has lived there, at that meter, on that day."""
    start = period_start(cap.period, day)
    if cap.per == "meter":
        return () if meter_key is None else (CapKey(meter_subject_id(meter_key), cap.id, start),)
    homes = [stay.account_id for stay in stays if stay.left_on is None or stay.left_on >= start]
    subjects = (account_id, *homes) if cap.per == "household" else (account_id,)
    return tuple(CapKey(subject_id, cap.id, start) for subject_id in subjects)


def shared_subjects(act: Act, method: Compiled) -> set[UUID]:
    """The households and meters whose counters or account this act may touch: what must be locked before."""
    if not method.shared:
        return set()
    found = {stay.account_id for stay in act.stays}
    if act.meter_key is not None:
        found.add(meter_subject_id(act.meter_key))
    return found


def current_home(act: Act) -> UUID | None:
    """The account of the household the person lived in when the act began."""
    return next((stay.account_id for stay in act.stays if stay.current), None)


def household_refusal(act: Act, method: Compiled) -> str | None:
    """Why this act cannot be counted for a household or its meter, if it cannot."""
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

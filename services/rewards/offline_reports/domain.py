"""The rules of a till without a line. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.rewards.vouchers.qr import STEP_S, STEPS_ACCEPTED

# How long a till may accept signed codes without a line, and how much later it may report them.
SPAN: Final = timedelta(minutes=10)
REPORTED_WITHIN: Final = timedelta(hours=24)
REPORTS_MAX: Final = 200
# Clocks of tills differ a little from ours.
CLOCK_SKEW: Final = timedelta(seconds=60)


class ReportOutcome(StrEnum):
    """`known`: the till's own request had arrived, only its answer was lost."""

    REDEEMED = "redeemed"
    KNOWN = "known"
    DOUBLE_USE = "double_use"
    GIVEN_BACK = "given_back"
    REFUSED = "refused"


def is_in_time(accepted_at: datetime, *, line_lost_at: datetime, now: datetime) -> bool:
    """Whether a till without a line might accept a voucher at this time, and reports it early enough."""
    within_span = line_lost_at - CLOCK_SKEW <= accepted_at <= line_lost_at + SPAN
    return within_span and now - REPORTED_WITHIN <= accepted_at <= now + CLOCK_SKEW


def was_shown(step: int, *, accepted_at: datetime) -> bool:
    """Whether a code of this step was on a screen when the till says that it accepted it, give or take its clock."""
    skew = CLOCK_SKEW.seconds // STEP_S
    age = int(accepted_at.timestamp()) // STEP_S - step
    return -skew <= age < STEPS_ACCEPTED + skew

"""Which corrections take the place of their original. Pure."""

from datetime import datetime, timedelta
from typing import Final

from services.accounting.judging import reasons

# The corrected facts cannot be right, are incomplete or lack a proof, so the original stands. With any other refusal
# the corrected facts are accepted and earn nothing.
UNUSABLE: Final = frozenset(
    {
        reasons.IMPLAUSIBLE_TIME,
        reasons.IMPLAUSIBLE_DURATION,
        reasons.IMPLAUSIBLE_DISTANCE,
        reasons.IMPLAUSIBLE_SPEED,
        reasons.IMPLAUSIBLE_AMOUNT,
        reasons.IMPLAUSIBLE_RATE,
        reasons.IMPLAUSIBLE_RATIO,
        reasons.NOT_YET_HAPPENED,
        reasons.TOO_LATE,
        reasons.EVIDENCE_NOT_ACCEPTED,
        reasons.METER_UNKNOWN,
        reasons.MISSING_INPUT,
        reasons.NOT_COMPUTABLE,
    }
)


def is_too_late(received_at: datetime, original_received_at: datetime, deadline_days: int) -> bool:
    """Whether a correction came more than `deadline_days` after the first report of its act."""
    return received_at - original_received_at > timedelta(days=deadline_days)

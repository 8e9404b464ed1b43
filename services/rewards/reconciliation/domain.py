"""What differs between a settlement and its hold in accounting. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.rewards.settlement.domain import OPEN_STATES, Settlement, Status
from shared.contracts.holds import PostedHold


class Difference(StrEnum):
    """docs/reliability.md says what to do with each."""

    CAPTURE_MISSING = "CAPTURE_MISSING"
    """Confirmed here, not captured there: the citizen has the goods and the grams."""
    CAPTURE_UNCLAIMED = "CAPTURE_UNCLAIMED"
    """Captured there, cancelled or unknown here: the citizen has paid for nothing."""
    HOLD_UNCLAIMED = "HOLD_UNCLAIMED"
    """Held there, cancelled or unknown here: the hold expires by itself."""
    RECORD_MISSING = "RECORD_MISSING"
    """Cancelled here, unknown there: no grams moved."""
    RECORD_UNCLAIMED = "RECORD_UNCLAIMED"
    """Given back there, unknown here: no grams moved."""
    OPEN_TOO_LONG = "OPEN_TOO_LONG"
    """Neither confirmed nor cancelled here: the worker keeps trying."""
    FIELDS_DIFFER = "FIELDS_DIFFER"
    """The same end on both sides, of another account, amount or receiver."""
    LEDGER_DIFFERS = "LEDGER_DIFFERS"
    """The hold's row and the postings of accounting disagree."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One id on both sides. At least one of the two is known."""

    settlement_id: uuid.UUID
    kind: str | None
    settlement: Settlement | None
    hold: PostedHold | None

    def moved_between(self, since: datetime, until: datetime) -> bool:
        """Whether one side has changed in this time, so that the other may still follow.

        A time after `until` is no movement: rows with such times would never be compared. Nor is `infinity`, which
        no process writes and which the driver reads as a time without an offset.
        """
        times = []
        if self.settlement is not None:
            times += [self.settlement.created_at, self.settlement.settled_at]
        if self.hold is not None:
            times += [self.hold.created_at, self.hold.settled_at]
        return any(time is not None and time.tzinfo is not None and since < time <= until for time in times)


def compare(pair: Pair) -> Difference | None:
    """Return what differs. The pair has had time to end on both sides."""
    settlement, hold = pair.settlement, pair.hold
    if hold is not None and not _ledger_agrees(hold):
        return Difference.LEDGER_DIFFERS
    status = None if settlement is None else settlement.status
    if status in OPEN_STATES:
        return Difference.OPEN_TOO_LONG
    if hold is None:
        return Difference.CAPTURE_MISSING if status is Status.CONFIRMED else Difference.RECORD_MISSING
    if status is Status.CONFIRMED:
        if hold.status != "captured":
            return Difference.CAPTURE_MISSING
    elif hold.status == "captured":
        return Difference.CAPTURE_UNCLAIMED
    elif hold.status == "held":
        return Difference.HOLD_UNCLAIMED
    if settlement is None:
        return Difference.RECORD_UNCLAIMED
    return None if _fields_agree(settlement, hold) else Difference.FIELDS_DIFFER


def _ledger_agrees(hold: PostedHold) -> bool:
    if hold.status == "captured":
        return (hold.posted_mg, hold.posted_to) == (hold.amount_mg, hold.captured_to)
    if hold.status == "refunded":  # to the sponsor, and from there over the hold back to the person
        ways = set((hold.posted_to or "").split())
        return (hold.posted_mg, ways) == (2 * hold.amount_mg, {hold.captured_to, str(hold.account_id)})
    if hold.status == "held" or hold.account_id is None:  # without an account: a void that came before its hold
        return hold.posted_mg == 0
    return (hold.posted_mg, hold.posted_to) == (hold.amount_mg, str(hold.account_id))


def _fields_agree(settlement: Settlement, hold: PostedHold) -> bool:
    if hold.account_id is None:
        return True
    if (settlement.account_id, settlement.amount_mg) != (hold.account_id, hold.amount_mg):
        return False
    return hold.status != "captured" or settlement.capture_to == hold.captured_to

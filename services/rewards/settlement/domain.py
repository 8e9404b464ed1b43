"""How grams are spent on something: the states, and what each answer of the accounting service leads to.

    pending ──captured──▶ confirmed                    grams spent, the citizen has what was promised
       │                      ▲
       │ refused, too late,   │ the capture had won
       ▼ or called off        │
    cancelling ───────────────┤
       │                      │
       └─voided or expired──▶ cancelled                grams back, everything reserved is back

The hold in accounting has exactly one end, decided there by one conditional statement: captured, or given back. Our two
ends are entered only after accounting has told us the hold's end, so they can never disagree with it. Whatever crashes,
repeats or comes late, asking accounting again gives the same answer.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.language import Language

# A citizen looks at the screen for seconds; after a minute without accounting the grams are better given back.
GIVE_UP_AFTER = timedelta(seconds=60)
# Far longer than GIVE_UP_AFTER: a hold expires by itself only if this whole service stays away.
HOLD_LIFE = timedelta(minutes=10)
# What is neither confirmed nor cancelled after this long is shown to operators.
STUCK_AFTER = timedelta(minutes=2)


class Status(StrEnum):
    PENDING = "pending"
    CANCELLING = "cancelling"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


ENDS = frozenset({Status.CONFIRMED, Status.CANCELLED})


class Reason(StrEnum):
    """Why something was not confirmed; stable codes, shown to the citizen."""

    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    HOLD_REFUSED = "HOLD_REFUSED"
    SETTLEMENT_TIMED_OUT = "SETTLEMENT_TIMED_OUT"
    CALLED_OFF = "CALLED_OFF"


@dataclass(frozen=True, slots=True)
class Settlement:
    """An order or a donation as far as its grams are concerned; its id is also the hold's."""

    settlement_id: uuid.UUID
    user_id: uuid.UUID
    account_id: uuid.UUID
    amount_mg: int
    capture_to: str
    status: Status
    reason_code: str | None
    idempotency_key: str
    request_id: str
    language: Language
    created_at: datetime
    settled_at: datetime | None
    overdue: bool

    @property
    def ended(self) -> bool:
        return self.status in ENDS

    @property
    def hold_expires_at(self) -> datetime:
        """The same at every repetition, as the hold's other fields."""
        return self.created_at + HOLD_LIFE


class Heard(StrEnum):
    """What accounting says of a hold."""

    HELD = "held"
    CAPTURED = "captured"
    GIVEN_BACK = "given_back"
    REFUSED = "refused"
    NOTHING = "nothing"


class Step(StrEnum):
    CONFIRM = "confirm"
    CANCEL = "cancel"
    CALL_OFF = "call_off"
    TRY_LATER = "try_later"


def next_step(status: Status, heard: Heard) -> Step:
    """A refusal is no end: another attempt with the same id may succeed. Only a void makes it final."""
    if heard is Heard.CAPTURED:
        return Step.CONFIRM
    if heard is Heard.GIVEN_BACK:
        return Step.CANCEL
    if heard is Heard.REFUSED and status is Status.PENDING:
        return Step.CALL_OFF
    return Step.TRY_LATER

"""The states of a settlement, and the step that follows from each answer of the accounting service.

    pending ──captured──▶ confirmed ──given back by its owner──▶ returning    grams spent, goods delivered
       │  │                   ▲                                     │
       │  │ too late,         │ the capture came first              │
       │  ▼ or called off     │                                     │
       │ cancelling ──────────┤                                     │ refunded
       │  │                   │                                     │
       ▼  ▼ refused, voided or expired                              ▼
    cancelled ◀─────────────────────────────────────────────────────     grams and all reservations given back

A hold in accounting has exactly one end, captured or given back, decided there by one conditional statement. A
settlement enters one of its two ends only after accounting has reported the end of the hold, so they always agree.
After a crash, a repeat or a delay, accounting gives the same answer again.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.language import Language, Text

# A citizen waits for seconds. After a minute without accounting it is better to give the grams back.
GIVE_UP_AFTER = timedelta(seconds=60)
# Far longer than GIVE_UP_AFTER: a hold expires only if this whole service is down.
HOLD_LIFE = timedelta(minutes=10)
# Settlements that are open for longer are listed for operators.
STUCK_AFTER = timedelta(minutes=2)


class Status(StrEnum):
    PENDING = "pending"
    CANCELLING = "cancelling"
    RETURNING = "returning"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


ENDS = frozenset({Status.CONFIRMED, Status.CANCELLED})
OPEN_STATES = frozenset(Status) - ENDS


class Reason(StrEnum):
    """Why a settlement was not confirmed. Stable codes, shown to the citizen."""

    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    ACCOUNT_FROZEN = "ACCOUNT_FROZEN"
    SPENDER_NOT_ALLOWED = "SPENDER_NOT_ALLOWED"
    MONTHLY_LIMIT_REACHED = "MONTHLY_LIMIT_REACHED"
    AGREEMENT_REQUIRED = "AGREEMENT_REQUIRED"
    HOLD_REFUSED = "HOLD_REFUSED"
    SETTLEMENT_TIMED_OUT = "SETTLEMENT_TIMED_OUT"
    CALLED_OFF = "CALLED_OFF"
    REFUNDED = "REFUNDED"
    BANK_REFUSED = "BANK_REFUSED"
    BANK_SILENT = "BANK_SILENT"


@dataclass(frozen=True, slots=True)
class Settlement:
    """The part of an order or donation that concerns its grams. Its id is also the id of the hold.

    `subject`: the item, campaign or bank. `spender_id` is set if the grams are of a household or of a family card.
    """

    settlement_id: uuid.UUID
    user_id: uuid.UUID
    account_id: uuid.UUID
    amount_mg: int
    capture_to: str
    status: Status
    reason_code: str | None
    title: Text | None
    idempotency_key: str
    request_id: str
    language: Language
    created_at: datetime
    settled_at: datetime | None
    overdue: bool
    subject: str
    spender_id: uuid.UUID | None = None
    agreement_id: uuid.UUID | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDS

    @property
    def hold_expires_at(self) -> datetime:
        """The same in every repetition, like the other fields of the hold."""
        return self.created_at + HOLD_LIFE


@dataclass(frozen=True, slots=True)
class Ended:
    """Settlements that end in one transaction: delivered, given up unpaid, or given back after they were delivered."""

    confirmed: tuple[Settlement, ...] = ()
    released: tuple[Settlement, ...] = ()
    returned: tuple[Settlement, ...] = ()

    @property
    def all(self) -> tuple[Settlement, ...]:
        return self.confirmed + self.released + self.returned


class HoldAnswer(StrEnum):
    """Accounting's answer about a hold. UNKNOWN: no answer, or one without the state of the hold."""

    HELD = "held"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    GIVEN_BACK = "given_back"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Step(StrEnum):
    CONFIRM = "confirm"
    CANCEL = "cancel"
    CALL_OFF = "call_off"
    TRY_LATER = "try_later"


def next_step(status: Status, answer: HoldAnswer) -> Step:
    """Return the step after an answer.

    Accounting's refusal of a spend is final: it has voided the hold. A refusal of our own, because it is too late, is
    not: an attempt under way may succeed until the void.
    """
    if status is Status.RETURNING:
        return Step.CANCEL if answer is HoldAnswer.REFUNDED else Step.TRY_LATER
    if answer is HoldAnswer.CAPTURED:
        return Step.CONFIRM
    if answer in {HoldAnswer.GIVEN_BACK, HoldAnswer.REFUNDED}:
        return Step.CANCEL
    if answer is HoldAnswer.REFUSED and status is Status.PENDING:
        return Step.CALL_OFF
    return Step.TRY_LATER

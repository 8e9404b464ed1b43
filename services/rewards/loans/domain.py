"""How grams become fen of interest, and the states that a citizen sees. Pure.

fen = floor(mg × fen_per_kg / 10^6). Only as many milligrams are taken as these fen need.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from services.rewards.settlement.domain import Status

MG_PER_KG: Final = 10**6
INTEREST_FEN_MAX: Final = 10**9
QUOTE_LIFE_MAX: Final = timedelta(hours=24)
QUOTES_OPEN_MAX: Final = 20_000  # of one bank, so that no bank fills the table
# A bank may look at its quotes after they have ended.
QUOTE_KEPT: Final = timedelta(days=1)
QUOTE_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
CUSTOMER_REF_PATTERN: Final = r"^[A-Za-z0-9_-]{43}$"
MONTH_PATTERN: Final = r"^20[2-9][0-9]-(0[1-9]|1[0-2])$"


class BankStatus(StrEnum):
    """What the bank has done about an offset."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    SILENT = "silent"


class OffsetStatus(StrEnum):
    """The states that people see. `accepted`: the grams are spent and the bank has not answered."""

    PENDING = "pending"
    CANCELLING = "cancelling"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


def fen_of(amount_mg: int, fen_per_kg: int) -> int:
    return amount_mg * fen_per_kg // MG_PER_KG


def mg_of(fen: int, fen_per_kg: int) -> int:
    """Return the least milligrams that give these fen."""
    return -(-fen * MG_PER_KG // fen_per_kg)


def shown_status(status: Status, bank_status: BankStatus) -> OffsetStatus:
    if status is Status.CONFIRMED:
        return OffsetStatus.CONFIRMED if bank_status is BankStatus.CONFIRMED else OffsetStatus.ACCEPTED
    if status is Status.RETURNING:
        return OffsetStatus.CANCELLING
    return OffsetStatus(status)


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def days_of(month: str) -> tuple[date, date]:
    """Return the first day of a month and of the next one."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def is_over(expires_at: datetime, instant: datetime) -> bool:
    return expires_at <= instant

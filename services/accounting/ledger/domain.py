"""The ledger's chart of accounts and the rules of a hold. Amounts are milligrams CO2e.

    issuance:<methodology>   source of credits; as far below zero as it has issued
    person                   a citizen's available grams, never below zero
    hold                     grams set aside for one order or donation; its account id is the hold's id
    redeemed:<sponsor>       spent on rewards a sponsor funds
    donated:<campaign>       given to a campaign
    expired:<year>           what was left of the grams of a calendar year when they expired
    pending, debt            sub-accounts of a person: not yet vested; reversed after being spent

Every posting moves one positive amount from a debit account to a credit account, so all balances always sum to zero.
"""

import uuid
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

_NAMESPACE = uuid.UUID("0c9a1c7e-54a6-5d0f-8f0b-3a3c2f6a9be1")

MAY_BE_NEGATIVE = frozenset({"issuance", "debt"})
SUB_ACCOUNTS = frozenset({"pending", "debt"})


class PostingKind(StrEnum):
    CREDIT = "credit"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REVERSAL = "reversal"
    REPAYMENT = "repayment"
    VEST = "vest"
    EXPIRE = "expire"


class HoldStatus(StrEnum):
    HELD = "held"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


def issuance_code(methodology_code: str) -> str:
    return f"issuance:{methodology_code}"


def expired_code(year: int) -> str:
    return f"expired:{year}"


@lru_cache(maxsize=4096)  # a code per methodology, sponsor, campaign; each derived a few thousand times a second
def system_account_id(code: str) -> uuid.UUID:
    """The account behind a code such as `issuance:WH-APP-BUS`; derived, so that posting needs no look-up."""
    return uuid.uuid5(_NAMESPACE, code)


def kind_of(code: str) -> str:
    return code.partition(":")[0]


def sub_account_id(account_id: uuid.UUID, kind: str) -> uuid.UUID:
    """A person's `pending` or `debt` account."""
    return uuid.uuid5(account_id, kind)


def start_of_year(year: int, time_zone: str) -> datetime:
    """Its first instant where the programme lives."""
    return datetime(year, 1, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def last_day(year: int, valid_years: int) -> date:
    """The last day on which grams of that year can be spent."""
    return date(year + valid_years, 12, 31)


def left_of_mg(amount_mg: int, later_mg: int) -> int:
    """What of an amount came in before a moment, when `later_mg` came in after it and the oldest is spent first."""
    return max(amount_mg - later_mg, 0)

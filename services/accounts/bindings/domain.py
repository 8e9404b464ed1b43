"""Rules of bindings: usable modes, phone hashes, and the earliest `counts_from`."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

# The values of the contract `BindingChanged`.
BindingStatus = Literal["pending", "active", "ended"]


# A partner that lists this confirms each account number before it counts.
ACCOUNT_NO_CONFIRMED = "account_no_confirmed"
# Shorter than the seven days for which accounting keeps the events of a person without a binding.
CONFIRMED_WITHIN = timedelta(days=3)


class EndReason(StrEnum):
    """Why a binding ended, as its owner reads it. `frozen` is none: a frozen account keeps its bindings."""

    CITIZEN = "citizen"
    PHONE_CHANGED = "phone_changed"
    CONSENT_GIVEN_AGAIN = "consent_given_again"
    PARTNER = "partner"
    REFUSED_BY_PARTNER = "refused_by_partner"
    NOT_CONFIRMED = "not_confirmed"
    ERASED = "erased"


class Mode(StrEnum):
    ACCOUNT_NO = "account_no"
    PHONE_HASH = "phone_hash"
    TOKEN = "token"
    OAUTH = "oauth"


def usable_modes(offered: Iterable[str], *, has_phone_pepper: bool, has_oauth: bool) -> tuple[Mode, ...]:
    """Return the modes that a partner offers and is configured for."""
    listed = set(offered)
    ready = {
        Mode.ACCOUNT_NO: Mode.ACCOUNT_NO in listed or ACCOUNT_NO_CONFIRMED in listed,
        Mode.PHONE_HASH: Mode.PHONE_HASH in listed and has_phone_pepper,
        Mode.TOKEN: Mode.TOKEN in listed,
        Mode.OAUTH: Mode.OAUTH in listed and has_oauth,
    }
    return tuple(mode for mode, usable in ready.items() if usable)


def hash_phone(pepper: str, e164: str) -> str:
    """Return HMAC-SHA256 of an E.164 number as 64 hex digits: the value of `account_ref {type: "phone_hash"}`.

    Each partner has its own pepper, so that two partners cannot match their customers by this hash.
    """
    return hmac.new(pepper.encode(), e164.encode(), hashlib.sha256).hexdigest()


def earliest_start(now: datetime, *, late_window_s: int, not_before: Iterable[datetime | None]) -> datetime:
    """Return the earliest allowed `counts_from`: the start of the late window, or the latest of `not_before`."""
    window = now - timedelta(seconds=late_window_s)
    return max([window, *(floor for floor in not_before if floor is not None)])

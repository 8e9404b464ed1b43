"""Rules of bindings: which modes a partner offers, how a phone is named to it, from when acts may count."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

# The values of the contract `BindingChanged`.
BindingStatus = Literal["pending", "active", "ended"]


class Mode(StrEnum):
    ACCOUNT_NO = "account_no"
    PHONE_HASH = "phone_hash"
    TOKEN = "token"
    OAUTH = "oauth"


def usable_modes(offered: Iterable[str], *, has_phone_pepper: bool, has_oauth: bool) -> tuple[Mode, ...]:
    """The modes that work with a partner: offered, and set up with what they need."""
    listed = set(offered)
    ready = {
        Mode.ACCOUNT_NO: Mode.ACCOUNT_NO in listed,
        Mode.PHONE_HASH: Mode.PHONE_HASH in listed and has_phone_pepper,
        Mode.TOKEN: Mode.TOKEN in listed,
        Mode.OAUTH: has_oauth,
    }
    return tuple(mode for mode, usable in ready.items() if usable)


def hash_phone(pepper: str, e164: str) -> str:
    """What the partner sends as `account_ref {type: "phone_hash"}`: HMAC-SHA256 of the E.164 number, 64 hex digits.

    The pepper is the partner's own, so that two partners cannot join their customers over our bindings.
    """
    return hmac.new(pepper.encode(), e164.encode(), hashlib.sha256).hexdigest()


def earliest_start(now: datetime, *, late_window_s: int, not_before: Iterable[datetime | None]) -> datetime:
    """How far `counts_from` may reach back: the partner's late window, never into somebody else's time."""
    window = now - timedelta(seconds=late_window_s)
    return max([window, *(floor for floor in not_before if floor is not None)])

"""The three public states of a proposal. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

PublicStatus = Literal["open", "approved", "rejected"]

_PUBLIC: Final[Mapping[str, PublicStatus]] = {
    "open": "open",
    "approved": "approved",
    "rejected": "rejected",
    # Clients know three states. A withdrawal has always been shown as a rejection.
    "withdrawn": "rejected",
    "expired": "rejected",
}


def public_status(status: str) -> PublicStatus:
    return _PUBLIC[status]


def stored_statuses(shown: PublicStatus) -> frozenset[str]:
    """Return the stored states that `public_status` shows as this one."""
    return frozenset(status for status, public in _PUBLIC.items() if public == shown)

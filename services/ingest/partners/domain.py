"""Partners and keys as the accept path sees them, and the rules on keys."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Environment = Literal["live", "sandbox"]

# One in use and its successor, while a partner rolls it out.
LIVE_KEYS_MAX = 2


@dataclass(frozen=True, slots=True)
class Partner:
    """`event_types` are full CloudEvents types; empty `cities` means every city of the programme."""

    partner_id: str
    name: str
    name_en: str
    source: str
    scenes: tuple[str, ...]
    event_types: frozenset[str]
    cities: frozenset[str]
    late_window_s: int
    binding_modes: tuple[str, ...]
    environment: Environment
    phone_pepper: str | None = field(default=None, repr=False)
    oauth: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def sandbox(self) -> bool:
        return self.environment == "sandbox"


@dataclass(frozen=True, slots=True)
class Key:
    """The one algorithm that counts is the record's, never the one a request names."""

    app_key: str
    partner_id: str
    algorithm: str
    secret: bytes = field(repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A partner whose signature over these very bytes was verified. `timestamp` in seconds since 1970."""

    partner: Partner
    app_key: str
    nonce: str
    timestamp: int


def partners_with_too_many_keys(live: Iterable[str]) -> list[str]:
    """`live`: the partner id of every key that is not revoked and not expired."""
    return sorted(partner_id for partner_id, count in Counter(live).items() if count > LIVE_KEYS_MAX)

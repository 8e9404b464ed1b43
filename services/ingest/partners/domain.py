"""Partners and keys as the accept path sees them, and the rules on keys."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Literal

Environment = Literal["live", "sandbox"]
Status = Literal["active", "suspended"]
KeyState = Literal["live", "not_yet_valid", "expired", "revoked"]
Network = IPv4Network | IPv6Network

# Ids of sources that are no partners: services of ours report for them.
RESERVED_IDS = frozenset({"wechat"})

# One key in use, and its successor while the partner deploys it. Live and sandbox keys are counted separately.
LIVE_KEYS_MAX = 2


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a partner may send. None: no limit of its own, only the bounds of the process."""

    requests_per_s: int | None = None
    requests_burst: int | None = None
    events_per_s: int | None = None
    events_burst: int | None = None
    events_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Partner:
    """`event_types` are full CloudEvents types. Empty `cities` means every city of the programme."""

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
    status: Status = "active"
    allowance: Allowance = Allowance()
    allowed_networks: tuple[Network, ...] = ()

    @property
    def sandbox(self) -> bool:
        return self.environment == "sandbox"

    @property
    def intake_share(self) -> str:
        """Whose share of the intake its requests take. Trials with a sandbox key take nothing from live data."""
        return intake_share(self.partner_id, self.environment)

    def admits(self, address: str | None) -> bool:
        """Whether a request may come from this address. None: unknown, which an address list never admits."""
        if not self.allowed_networks:
            return True
        try:
            client = ip_address(address or "")
        except ValueError:
            return False
        mapped = getattr(client, "ipv4_mapped", None) or client
        return any(mapped in network for network in self.allowed_networks)


def sandbox_of(partner_id: str) -> str:
    """Return the id that data of a live partner's sandbox keys has. No partner can be registered under it."""
    return f"{partner_id}~sandbox"


def intake_share(partner_id: str, environment: Environment) -> str:
    return f"{partner_id}/{environment}"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came in. `target` is the path and `?query` as sent, `address` the client's."""

    method: str
    target: str
    authorization: str | None
    body: bytes = field(repr=False)
    content_type: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """The events of a request in a legacy form that carries them in a parameter."""

    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A partner whose signature over the request was verified. `timestamp` in seconds since 1970.

    `partner.environment` is that of the key: a live partner's sandbox key makes a sandbox caller.
    """

    partner: Partner
    app_key: str
    nonce: str
    timestamp: int
    payload: Payload | None = None
    signature: bytes = field(default=b"", repr=False)
    is_apart: bool = False
    """A sandbox key of a live partner: its data is kept apart from the live data."""

    @property
    def stored_as(self) -> str:
        """The partner id that the caller's data has."""
        return sandbox_of(self.partner.partner_id) if self.is_apart else self.partner.partner_id


def partners_with_too_many_keys(live: Iterable[tuple[str, str]]) -> list[str]:
    """`live`: partner id and environment of every key that is not revoked and not expired."""
    return sorted({partner_id for (partner_id, _), count in Counter(live).items() if count > LIVE_KEYS_MAX})


@dataclass(frozen=True, slots=True)
class KeyInterval:
    """When a key is valid: from `not_before` on, before `not_after`, and until it is revoked."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, at: datetime) -> KeyState:
        if self.revoked_at is not None and self.revoked_at <= at:
            return "revoked"
        if self.not_before is not None and at < self.not_before:
            return "not_yet_valid"
        if self.not_after is not None and at >= self.not_after:
            return "expired"
        return "live"

    def contains(self, other: "KeyInterval") -> bool:
        """Whether `other` is valid at no moment at which this one is not."""
        begins = self.not_before is None or (other.not_before is not None and other.not_before >= self.not_before)
        ends = self.not_after is None or (other.not_after is not None and other.not_after <= self.not_after)
        return begins and ends


_LISTS = ("scenes", "event_types", "binding_modes")
_LIMITS = ("requests_per_s", "requests_burst", "events_per_s", "events_burst", "events_per_day")


def widens(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether new terms allow anything that the old ones do not. Names may change freely; another source widens."""
    return (
        after["source"] != before["source"]
        or after["late_window_s"] > before["late_window_s"]
        or any(not set(after[name]) <= set(before[name]) for name in _LISTS)
        or any(_rises(before[name], after[name]) for name in _LIMITS)
        or (bool(before["cities"]) and not (after["cities"] and set(after["cities"]) <= set(before["cities"])))
        or _reaches_further(before["allowed_networks"], after["allowed_networks"])
    )


def _rises(before: int | None, after: int | None) -> bool:
    """None is no limit."""
    return before is not None and (after is None or after > before)


def _reaches_further(before: Sequence[str], after: Sequence[str]) -> bool:
    """An empty list admits every address."""
    if not before:
        return False
    known = [ip_network(text) for text in before]
    return not after or not all(any(_lies_in(ip_network(text), one) for one in known) for text in after)


def _lies_in(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)

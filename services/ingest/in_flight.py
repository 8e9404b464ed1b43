"""Bounds on the requests one process works on at a time. Beyond them a request is refused at once, not queued.

Nobody can use up all of it. A partner gets at most three quarters of what is left by the others, so there is always a
place for a partner who has none. Until a signature is verified, anybody may claim to be a partner: what one address
reads in the name of one partner has a bound of its own. Requests that name no known key share a small part.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from services.ingest.sentences import refusals
from shared.errors import Unavailable
from shared.settings import KIB, MIB

# Each request waits for one write of the log; more of them would only wait longer.
REQUESTS_MAX = 256
BYTES_MAX = 64 * MIB
# A partner may hold this many times what stays free: alone three quarters, each of two three sevenths.
_TIMES_FREE = 3
# Bodies that arrive from one address in the name of one partner. A verified request no longer counts here.
READING_REQUESTS_MAX = 128
READING_BYTES_MAX = 16 * MIB
# Smaller bodies are bounded by their number alone: announced uploads must not keep a partner's events out.
SMALL_BYTES = 64 * KIB
# Legacy forms carry their key in the body.
UNKNOWN_REQUESTS_MAX = 16
UNKNOWN_BYTES_MAX = 4 * MIB
UNKNOWN_PER_ADDRESS_MAX = 4

_UNKNOWN = ""
_Key = TypeVar("_Key")


class IntakeBusy(Unavailable):
    code = "INTAKE_BUSY"
    says = refusals.INTAKE_BUSY


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a request claims to come from. `share`: a partner's, None if its header names no key."""

    share: str | None
    address: str


class Place:
    """A place of one request. `verify` moves it to the share of the partner who signed."""

    __slots__ = ("_limit", "n_bytes", "reading", "share")

    def __init__(self, limit: "InFlightLimit", sender: Sender, n_bytes: int) -> None:
        self._limit, self.n_bytes = limit, n_bytes
        self.share = sender.share or _UNKNOWN
        self.reading: tuple[str, str] | None = (self.share, sender.address)

    def verify(self, share: str) -> None:
        """The signature is valid and takes from this share. Raises IntakeBusy if the share is exhausted."""
        self._limit.move(self, share)


class InFlightLimit:
    def __init__(self, *, requests_max: int = REQUESTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._requests_max, self._bytes_max = requests_max, bytes_max
        self._requests, self._bytes = Counter[str](), Counter[str]()
        self._all_requests = self._all_bytes = 0
        self._reading_requests, self._reading_bytes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()

    @contextmanager
    def admit(self, n_bytes: int, sender: Sender) -> Iterator[Place]:
        """Count one request of `n_bytes` while the block runs. Raises IntakeBusy."""
        place = Place(self, sender, n_bytes)
        self._require_room(place)
        self._require_room_to_read(place)
        self._count(place, 1)
        self._count_reading(place, 1)
        try:
            yield place
        finally:
            self._count(place, -1)
            self._count_reading(place, -1)

    def move(self, place: Place, share: str) -> None:
        self._count_reading(place, -1)
        place.reading = None
        if place.share != share:
            self._count(place, -1)
            before, place.share = place.share, share
            try:
                self._require_room(place)
            except IntakeBusy:
                place.share = before
                raise
            finally:
                self._count(place, 1)

    def _require_room(self, place: Place) -> None:
        requests = self._requests[place.share] + 1
        n_bytes = self._bytes[place.share] + place.n_bytes
        free_requests = self._requests_max - self._all_requests - 1
        free_bytes = self._bytes_max - self._all_bytes - place.n_bytes
        if place.share == _UNKNOWN:
            has_room = requests <= UNKNOWN_REQUESTS_MAX and n_bytes <= UNKNOWN_BYTES_MAX
            has_room = has_room and free_requests >= 0 and free_bytes >= 0
        else:
            has_room = requests <= _TIMES_FREE * free_requests and n_bytes <= _TIMES_FREE * free_bytes
        if not has_room:
            raise IntakeBusy(retry_after_s=1)

    def _require_room_to_read(self, place: Place) -> None:
        assert place.reading is not None
        requests_max = UNKNOWN_PER_ADDRESS_MAX if place.share == _UNKNOWN else READING_REQUESTS_MAX
        requests = self._reading_requests[place.reading] + 1
        n_bytes = self._reading_bytes[place.reading] + place.n_bytes
        if requests > requests_max or (place.n_bytes > SMALL_BYTES and n_bytes > READING_BYTES_MAX):
            raise IntakeBusy(retry_after_s=1)

    def _count(self, place: Place, sign: int) -> None:
        self._all_requests += sign
        self._all_bytes += sign * place.n_bytes
        _add(self._requests, place.share, sign)
        _add(self._bytes, place.share, sign * place.n_bytes)

    def _count_reading(self, place: Place, sign: int) -> None:
        if place.reading is not None:
            _add(self._reading_requests, place.reading, sign)
            _add(self._reading_bytes, place.reading, sign * place.n_bytes)


def _add(counts: Counter[_Key], key: _Key, n: int) -> None:
    """Add, and forget a key without a count: there are as many addresses as somebody likes."""
    counts[key] += n
    if not counts[key]:
        del counts[key]


async def _in_flight_limit(request: Request) -> InFlightLimit:
    limit: InFlightLimit = request.app.state.in_flight
    return limit


RequestsInFlight = Annotated[InFlightLimit, Depends(_in_flight_limit)]

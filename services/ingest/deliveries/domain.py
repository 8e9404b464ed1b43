"""What is sent in one delivery, when it is tried again, and when an address is given up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

RESULTS: Final = "cn.carboninclusion.results.v1"
PING: Final = "cn.carboninclusion.ping.v1"

# Standard Webhooks advises payloads below 20 kB: receivers and proxies take that without thinking.
PAYLOAD_BYTES_MAX: Final = 20_000
# Room for the frame around the items: type, timestamp and brackets.
_FRAME_BYTES: Final = 200

# Five seconds, then four times as long each time, at most half a day: a deployment, an outage and a weekend all fit.
_FIRST_RETRY_S: Final = 5
_RETRY_FACTOR: Final = 4
RETRY_S_MAX: Final = 43_200
_RETRIES: Final = 12
RETRY_DELAYS_S: Final[tuple[int, ...]] = tuple(
    min(_FIRST_RETRY_S * int(_RETRY_FACTOR**n), RETRY_S_MAX) for n in range(_RETRIES)
)
ATTEMPTS_MAX: Final = len(RETRY_DELAYS_S) + 1
# Spread, so that a partner who comes back is not met by everything at once.
JITTER_PERCENT: Final = 20
# One delivery was tried to its end and nothing else arrived for this long either: nobody listens there any more.
GIVEN_UP_AFTER: Final = timedelta(days=2)

GONE: Final = 410

DeliveryStatus = Literal["pending", "delivered", "exhausted"]
EndpointStatus = Literal["active", "disabled"]
DisabledReason = Literal["GONE", "FAILING", "OPERATOR", "PARTNER"]


def batches(items: Sequence[bytes], payload_bytes_max: int = PAYLOAD_BYTES_MAX) -> Iterator[list[bytes]]:
    """Encoded items in their order, in groups whose payload stays within the limit.

    One item alone is always let through: its size is bounded by the contract of the topic.
    """
    room = payload_bytes_max - _FRAME_BYTES
    group: list[bytes] = []
    used = 0
    for item in items:
        cost = len(item) + 1  # and its comma
        if group and used + cost > room:
            yield group
            group, used = [], 0
        group.append(item)
        used += cost
    if group:
        yield group


def payload(kind: str, timestamp: str, items: Sequence[bytes]) -> bytes:
    """The body of a delivery, made once and kept: every attempt signs the same bytes."""
    return b'{"type":"%b","timestamp":"%b","data":[%b]}' % (kind.encode(), timestamp.encode(), b",".join(items))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `status_code` is None when nothing was answered; then `error` says why."""

    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    retry_after_s: int | None = None

    @property
    def delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def gone(self) -> bool:
        return self.status_code == GONE


def retry_delay_s(attempts: int, *, spread_percent: int, retry_after_s: int | None) -> int | None:
    """Seconds until the next try after `attempts` tries, None when there is none.

    `spread_percent` from -JITTER_PERCENT to JITTER_PERCENT, chosen by the caller. A receiver may ask for more time.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    planned = RETRY_DELAYS_S[attempts - 1] * (100 + spread_percent) // 100
    return max(planned, min(retry_after_s or 0, RETRY_S_MAX), 1)

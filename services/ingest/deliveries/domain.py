"""The payload of a delivery, the times of its retries, and when an address is disabled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

RESULTS: Final = "cn.carboninclusion.results.v1"
PING: Final = "cn.carboninclusion.ping.v1"

# Two queues of one partner. Results of files and of a time without a webhook give way to fresh ones and pings.
FRESH: Final = 0
BULK: Final = 1

# Standard Webhooks recommends payloads below 20 kB, which every receiver and proxy accepts.
PAYLOAD_BYTES_MAX: Final = 20_000
# Room for the frame around the items: type, timestamp and brackets.
_FRAME_BYTES: Final = 200

# Five seconds, then four times longer each time, at most half a day. Covers a deployment, an outage and a weekend.
_FIRST_RETRY_S: Final = 5
_RETRY_FACTOR: Final = 4
RETRY_S_MAX: Final = 43_200
_RETRIES: Final = 12
RETRY_DELAYS_S: Final[tuple[int, ...]] = tuple(
    min(_FIRST_RETRY_S * int(_RETRY_FACTOR**n), RETRY_S_MAX) for n in range(_RETRIES)
)
ATTEMPTS_MAX: Final = len(RETRY_DELAYS_S) + 1
# Spread, so that a partner that recovers does not receive everything at once.
JITTER_PERCENT: Final = 20
# An address is disabled if a delivery is exhausted and no other one succeeded for this long.
DISABLE_AFTER: Final = timedelta(days=2)

GONE: Final = 410

DeliveryStatus = Literal["pending", "delivered", "exhausted"]
EndpointStatus = Literal["active", "disabled"]
DisabledReason = Literal["GONE", "FAILING", "OPERATOR", "PARTNER"]


def group_items(items: Sequence[bytes], payload_bytes_max: int = PAYLOAD_BYTES_MAX) -> Iterator[list[bytes]]:
    """Group encoded items, in their order, so that each payload stays within the limit.

    A single item always forms a group: the contract of the topic bounds its size.
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


def payload_of(kind: str, timestamp: str, items: Sequence[bytes]) -> bytes:
    """The body of a delivery. It is stored, so that every attempt signs the same bytes."""
    return b'{"type":"%b","timestamp":"%b","data":[%b]}' % (kind.encode(), timestamp.encode(), b",".join(items))


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of one try. `status_code` is None without an answer; then `error` says why."""

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
    """Seconds until the next try after `attempts` tries. None after the last one.

    The caller chooses `spread_percent` from -JITTER_PERCENT to JITTER_PERCENT. A receiver may ask for a longer delay.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    planned = RETRY_DELAYS_S[attempts - 1] * (100 + spread_percent) // 100
    return max(planned, min(retry_after_s or 0, RETRY_S_MAX), 1)

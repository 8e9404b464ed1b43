"""Token buckets, the length of a day, and what is left of a limit, in integers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

NANO = 1_000_000_000


class Bucket:
    """A token bucket: it gains `per_s` tokens a second, holds at most `burst`, and starts full."""

    def __init__(self, per_s: int, burst: int) -> None:
        self.per_s, self.burst = per_s, burst
        self._nano_tokens = burst * NANO
        self._filled_at_ns: int | None = None

    def take(self, count: int, at_ns: int) -> int:
        """Nanoseconds to wait; 0 if the tokens were taken. `at_ns` comes from a monotonic clock.

        A `count` above `burst` passes when the bucket is full, so that no batch is refused for ever.
        """
        self._fill(at_ns)
        wanted = min(count, self.burst) * NANO
        if self._nano_tokens >= wanted:
            self._nano_tokens -= wanted
            return 0
        return -(-(wanted - self._nano_tokens) // self.per_s)

    def left(self, at_ns: int) -> tuple[int, int]:
        """(whole tokens left, whole seconds until it is full)."""
        self._fill(at_ns)
        missing = self.burst * NANO - self._nano_tokens
        return self._nano_tokens // NANO, -(-missing // (self.per_s * NANO))

    def _fill(self, at_ns: int) -> None:
        if self._filled_at_ns is not None:
            earned = (at_ns - self._filled_at_ns) * self.per_s
            self._nano_tokens = min(self.burst * NANO, self._nano_tokens + earned)
        self._filled_at_ns = at_ns


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit and what is left of it. After `reset_s` all of it is there again."""

    name: str
    limit: int
    window_s: int
    remaining: int
    reset_s: int


def quota_headers(quotas: Iterable[Quota]) -> tuple[tuple[str, str], ...]:
    """The fields of the IETF draft for rate limits (draft-ietf-httpapi-ratelimit-headers-10). Empty without a limit."""
    shown = list(quotas)
    if not shown:
        return ()
    return (
        ("RateLimit-Policy", ", ".join(f'"{one.name}";q={one.limit};w={one.window_s}' for one in shown)),
        ("RateLimit", ", ".join(f'"{one.name}";r={one.remaining};t={one.reset_s}' for one in shown)),
    )


def seconds_to_midnight(instant: datetime, time_zone: str) -> int:
    """At least 1."""
    local = instant.astimezone(ZoneInfo(time_zone))
    midnight = datetime.combine(local.date() + timedelta(days=1), time(0), ZoneInfo(time_zone))
    return max(1, int((midnight - local).total_seconds()) + 1)

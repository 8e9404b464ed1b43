"""Token buckets and the length of a day, in integers."""

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
        if self._filled_at_ns is not None:
            earned = (at_ns - self._filled_at_ns) * self.per_s
            self._nano_tokens = min(self.burst * NANO, self._nano_tokens + earned)
        self._filled_at_ns = at_ns
        wanted = min(count, self.burst) * NANO
        if self._nano_tokens >= wanted:
            self._nano_tokens -= wanted
            return 0
        return -(-(wanted - self._nano_tokens) // self.per_s)


def seconds_to_midnight(instant: datetime, time_zone: str) -> int:
    """At least 1."""
    local = instant.astimezone(ZoneInfo(time_zone))
    midnight = datetime.combine(local.date() + timedelta(days=1), time(0), ZoneInfo(time_zone))
    return max(1, int((midnight - local).total_seconds()) + 1)

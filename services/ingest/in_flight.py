"""Bounds on what one process takes on at a time: beyond them a request is refused at once instead of queueing."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Unavailable
from shared.settings import MIB

# Each waits for one write of the log; more would only wait longer.
REQUESTS_MAX = 256
BYTES_MAX = 64 * MIB


class IntakeBusy(Unavailable):
    code = "INTAKE_BUSY"
    title_zh = "接入繁忙"
    title_en = "The intake is busy"


class InFlight:
    def __init__(self, *, requests_max: int = REQUESTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._requests_max, self._bytes_max = requests_max, bytes_max
        self._requests = self._bytes = 0

    @contextmanager
    def admit(self, n_bytes: int) -> Iterator[None]:
        """Counts one request of `n_bytes` while the block runs. Raises IntakeBusy."""
        if self._requests >= self._requests_max or self._bytes + n_bytes > self._bytes_max:
            raise IntakeBusy(retry_after_s=1)
        self._requests += 1
        self._bytes += n_bytes
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= n_bytes

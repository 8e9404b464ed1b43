"""Bounds on the requests one process works on at a time. Beyond them a request is refused at once, not queued."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from shared.errors import Unavailable
from shared.settings import MIB

# Each request waits for one write of the log; more of them would only wait longer.
REQUESTS_MAX = 256
BYTES_MAX = 64 * MIB


class IntakeBusy(Unavailable):
    code = "INTAKE_BUSY"
    title_zh = "接入繁忙"
    title_en = "The intake is busy"


class InFlightLimit:
    def __init__(self, *, requests_max: int = REQUESTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._requests_max, self._bytes_max = requests_max, bytes_max
        self._requests = self._bytes = 0

    @contextmanager
    def admit(self, n_bytes: int) -> Iterator[None]:
        """Count one request of `n_bytes` while the block runs. Raises IntakeBusy."""
        if self._requests >= self._requests_max or self._bytes + n_bytes > self._bytes_max:
            raise IntakeBusy(retry_after_s=1)
        self._requests += 1
        self._bytes += n_bytes
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= n_bytes


async def _in_flight_limit(request: Request) -> InFlightLimit:
    limit: InFlightLimit = request.app.state.in_flight
    return limit


RequestsInFlight = Annotated[InFlightLimit, Depends(_in_flight_limit)]

"""Resident memory of every process of the stack during bad input."""

import contextlib
import threading
from collections.abc import Callable, Mapping

import psutil

EVERY_S = 0.5
MIB = 1024 * 1024
# Growth after warm-up. Caches of compiled patterns and statements still fill, and arenas vary. A leak of a body or a
# document per request would be hundreds of times this.
GROWTH_MAX_MIB = 64


class Memory:
    """Samples memory in a thread. `pids`: returns the current processes by name."""

    def __init__(self, pids: Callable[[], Mapping[str, int]]) -> None:
        self._pids = pids
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._now: dict[tuple[str, int], float] = {}
        self.peak_mib: dict[str, float] = {}
        self._warm: dict[tuple[str, int], float] = {}

    def start(self) -> None:
        self._thread.start()

    def warm(self) -> None:
        """Take the baseline for the growth."""
        self._sample()
        self._warm = dict(self._now)

    def stop(self) -> dict[str, float]:
        """Stop and return the growth since `warm` in MiB, of processes that did not restart."""
        self._stopping.set()
        self._thread.join()
        self._sample()
        return {key[0]: self._now[key] - mib for key, mib in self._warm.items() if key in self._now}

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for name, pid in self._pids().items():
            with contextlib.suppress(psutil.Error):
                mib = psutil.Process(pid).memory_info().rss / MIB
                self._now[name, pid] = mib
                self.peak_mib[name] = max(mib, self.peak_mib.get(name, 0.0))

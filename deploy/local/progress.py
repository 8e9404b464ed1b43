"""Judges a start by its progress. A busy machine is slow. Only a start without a sign of progress has failed."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.processes import send_signal

LOOK_EVERY_S = 1.0
SILENT_MAX_S = 120.0  # without progress
START_MAX_S = 1800.0  # with progress: a program that asks for ever for a server that never comes
PROCESSOR_STEP_S = 0.5  # one of 30 busy processes gets this in 8 s; a stuck program uses less in SILENT_MAX_S
WAIT_S = 0.05


class ProcessTable:
    """Parents and processor times of all processes at one moment."""

    def __init__(self) -> None:
        self._used_s: dict[int, float] = {}
        self._children: dict[int, list[int]] = defaultdict(list)
        read = _read_proc if Path("/proc/self/stat").exists() else _read_ps
        for pid, parent, used_s in read():
            self._used_s[pid] = used_s
            self._children[parent].append(pid)

    def processor_s(self, pid: int | None) -> float:
        """Return the processor time of a process, its living descendants and its ended children, in seconds."""
        if pid is None:
            return 0.0
        return self._used_s.get(pid, 0.0) + sum(self.processor_s(child) for child in self._children.get(pid, ()))


class Progress:
    """Signs of progress of one start: a log changes, an answer changes, processor time is used.

    The state of other processes on the machine does not matter. A program that gets little processor time still
    shows progress. A program that waits for something that never happens does not.
    """

    def __init__(self, logs: Sequence[Path], silent_max_s: float = SILENT_MAX_S, max_s: float = START_MAX_S) -> None:
        self._logs = logs
        self._silent_max_s, self._max_s = silent_max_s, max_s
        self._started = self._moved = time.monotonic()
        self._sizes = self._log_sizes()
        self._processor_s = 0.0
        self._answer = ""

    def look(self, processor_s: float, answer: str = "") -> None:
        """Record the processor time used so far and the last answer of the program's port."""
        sizes = self._log_sizes()
        used_s = abs(processor_s - self._processor_s)  # a restarted program begins at zero
        if sizes == self._sizes and answer == self._answer and used_s < PROCESSOR_STEP_S:
            return
        self._sizes, self._answer, self._processor_s = sizes, answer, processor_s
        self._moved = time.monotonic()

    def failure(self) -> tuple[str, str] | None:
        """Return why the start has failed, in Chinese and English. None while it may still succeed."""
        now = time.monotonic()
        if now - self._moved >= self._silent_max_s:
            limit = f"{self._silent_max_s:.0f}"
            return f"已有 {limit} 秒没有任何进展", f"has shown no progress for {limit} s"
        if now - self._started >= self._max_s:
            return f"{self._max_s:.0f} 秒后仍未就绪", f"is not ready after {self._max_s:.0f} s"
        return None

    @property
    def running_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def _log_sizes(self) -> tuple[int, ...]:
        return tuple(log.stat().st_size if log.exists() else 0 for log in self._logs)


class NoProgress(Exception):
    """A command has failed to make progress and was killed."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


class Interrupted(Exception):
    """A command was killed, because its start is no longer wanted."""


def wait_for_command(
    process: "subprocess.Popen[bytes]",
    progress: Progress,
    *,
    unwanted: Callable[[], bool] = lambda: False,
    group: bool = False,
) -> int:
    """Return the exit code of a command. It is killed (`group`: with its session) if this function raises.

    Raises NoProgress, and Interrupted once `unwanted` returns True.
    """
    try:
        return _wait(process, progress, unwanted)
    except BaseException:
        send_signal(process.pid, signal.SIGKILL, group=group)
        process.wait()
        raise


def _wait(process: "subprocess.Popen[bytes]", progress: Progress, unwanted: Callable[[], bool]) -> int:
    looked = time.monotonic()
    while True:
        try:
            return process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            pass
        if unwanted():
            raise Interrupted
        if time.monotonic() - looked >= LOOK_EVERY_S:
            looked = time.monotonic()
            progress.look(ProcessTable().processor_s(process.pid))
            failure = progress.failure()
            if failure:
                raise NoProgress(*failure)


def _read_proc() -> list[tuple[int, int, float]]:
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        # The command name is in parentheses and may itself contain spaces and parentheses.
        fields = text.rpartition(")")[2].split()
        found.append((int(entry.name), int(fields[1]), sum(map(int, fields[11:15])) / ticks_per_s))
    return found


def _read_ps() -> list[tuple[int, int, float]]:
    shown = subprocess.run(["ps", "-axo", "pid=,ppid=,time="], capture_output=True, text=True, check=False).stdout
    found = []
    for line in shown.splitlines():
        pid, parent, clock = line.split()
        days, _, rest = clock.rpartition("-")
        used_s = 86_400.0 * int(days or 0)
        for power, part in enumerate(reversed(rest.split(":"))):
            used_s += float(part) * 60**power
        found.append((int(pid), int(parent), used_s))
    return found

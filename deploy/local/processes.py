"""Processes: an identity that survives the reuse of a pid, and stopping within a timeout."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

POLL_S = 0.05
KILL_WAIT_S = 5.0


def _stat_fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name is in parentheses and may itself contain spaces and parentheses.
    return text.rpartition(")")[2].split()


def start_mark(pid: int) -> str | None:
    """Return a text that differs between two processes with the same pid, None if no such process lives.

    On Linux it holds the boot id and the clock tick of the start, elsewhere the start time of `ps`. A zombie counts as
    gone.
    """
    if Path("/proc/self/stat").exists():
        fields = _stat_fields(pid)
        if fields is None or fields[0] in {"Z", "X"}:
            return None
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            boot = "-"
        return f"{boot}:{fields[19]}"
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def is_same_process(pid: int, mark: str | None) -> bool:
    """Whether the process with this pid and start mark still lives."""
    return mark is not None and pid > 0 and start_mark(pid) == mark


def command_line(pid: int) -> str:
    """Return the command line of a process, empty if it is not visible."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip()
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def pids_working_in(directory: Path) -> list[int]:
    """Return the pids of the processes with this working directory (Linux only; elsewhere empty)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").resolve() == directory:
                found.append(int(entry.name))
    return found


def pids_with_variable(name: str, value: str) -> list[int]:
    """Return the pids of the processes that were started with this environment variable (Linux only)."""
    entry = f"{name}={value}".encode()
    return [pid for pid, raw in _proc_files("environ") if entry in raw.split(b"\0")]


def pids_with_command(*parts: str) -> list[int]:
    """Return the pids of the processes whose command line contains all these parts (Linux only)."""
    wanted = [part.encode() for part in parts]
    return [pid for pid, raw in _proc_files("cmdline") if all(part in raw for part in wanted)]


def _proc_files(name: str) -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(entry.name), (entry / name).read_bytes()


def own_pids() -> set[int]:
    """Return the pids of this process and its ancestors."""
    found, pid = set(), os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        fields = _stat_fields(pid)
        pid = int(fields[1]) if fields else 0
    return found


def end_processes(pids: Iterable[int], wait_s: float) -> list[int]:
    """Send SIGTERM to the processes, then SIGKILL to those alive after `wait_s`. Returns the pids that lived."""
    found = [(pid, mark) for pid in pids if (mark := start_mark(pid)) is not None]
    for pid, _ in found:
        send_signal(pid, signal.SIGTERM)
    for pid, _ in wait_until_gone(found, wait_s):
        send_signal(pid, signal.SIGKILL)
    wait_until_gone(found, KILL_WAIT_S)
    return [pid for pid, _ in found]


def send_signal(pid: int, signum: int, *, group: bool = False) -> None:
    """Send a signal to a process or its group. A process that has just gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, signum)
        else:
            os.kill(pid, signum)


def wait_until_gone(processes: Iterable[tuple[int, str | None]], timeout_s: float) -> list[tuple[int, str | None]]:
    """Wait until the processes are gone. Returns those still alive after `timeout_s`."""
    left = list(processes)
    deadline = time.monotonic() + timeout_s
    while left:
        left = [(pid, mark) for pid, mark in left if is_same_process(pid, mark)]
        if not left or time.monotonic() >= deadline:
            break
        time.sleep(POLL_S)
    return left


def end_groups(leaders: Iterable[tuple[int, str | None]], wait_s: float) -> None:
    """Send SIGTERM to the process groups of these leaders, then SIGKILL once they are gone or after `wait_s`."""
    found = [(pid, mark) for pid, mark in leaders if is_same_process(pid, mark)]
    for pid, _ in found:
        send_signal(pid, signal.SIGTERM, group=True)
    wait_until_gone(found, wait_s)
    for pid, _ in found:  # the other processes of a group may outlive its leader
        send_signal(pid, signal.SIGKILL, group=True)
    wait_until_gone(found, KILL_WAIT_S)

"""Keeps programs running: starts them, waits until ready, restarts dead ones, stops all within a timeout."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from deploy.local.errors import CANNOT_START, StackError
from deploy.local.processes import KILL_WAIT_S, send_signal, start_mark
from deploy.local.progress import LOOK_EVERY_S, SILENT_MAX_S, START_MAX_S, ProcessTable, Progress

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 10.0
STEADY_S = 10.0  # after being ready this long, the next death starts with the first backoff
DEATHS_MAX = 5  # before the first readiness: it cannot start. On a busy machine each of them takes minutes.
READY_POLL_S = 0.1
READY_POLL_LATER_S = 1.0  # after POLL_LATER_AFTER_S: the requests themselves must not look like progress
POLL_LATER_AFTER_S = 10.0
READY_TIMEOUT_S = 10.0  # of one readiness request, on a busy machine
STILL_STARTING_EVERY_S = 30.0
LOG_KEPT_BYTES = 20 * 1024 * 1024
LOG_CHECK_S = 30.0
LOG_SHOWN_LINES = 20
LOG_READ_BYTES = 64 * 1024

Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """A program to keep running.

    ready_url        answers 200 when the program is ready.
    ready_port       accepts connections when it is ready. With neither the program is ready once it runs.
    silent_max_s     how long the first start may go without progress: a log that grows, an answer of `ready_url` that
                     changes, processor time that is used.
    start_max_s      how long the first start may take in all.
    stop_timeout_s   between SIGTERM and SIGKILL.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    ready_url: str | None = None
    ready_port: int | None = None
    silent_max_s: float = SILENT_MAX_S
    start_max_s: float = START_MAX_S
    stop_timeout_s: float = 15.0
    directory: Path = Path("/")


class Child:
    """A program and its current process."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.pid: int | None = None
        self.mark: str | None = None
        self.restarts = 0
        self.ready = asyncio.Event()
        self.was_ready = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failed.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.keeper: asyncio.Task[None] | None = None
        self.answer = ""  # status code of the last readiness request
        self._deaths = 0
        self._backoff_s = FIRST_BACKOFF_S

    def cannot_start(self, returncode: int) -> bool:
        """Count a death. Returns True after too many, and after the exit code CANNOT_START.

        A SIGKILL comes from outside and does not count.
        """
        if self.was_ready or returncode == -signal.SIGKILL:
            return False
        self._deaths += 1
        return self._deaths > DEATHS_MAX or returncode == CANNOT_START

    def next_pause_s(self, steady_for_s: float) -> float:
        """Return the pause before the next start, in seconds."""
        if steady_for_s >= STEADY_S:
            self._backoff_s = FIRST_BACKOFF_S
        pause_s = self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LAST_BACKOFF_S)
        return pause_s


class Supervisor:
    """All children in the order of their start."""

    def __init__(self, logs: Path, say: Say, changed: Callable[[], None] = lambda: None) -> None:
        self.children: dict[str, Child] = {}
        self._groups: list[list[Child]] = []
        self._logs = logs
        self._say = say
        self._changed = changed
        self._stopping = asyncio.Event()
        self._client = httpx.AsyncClient(timeout=READY_TIMEOUT_S, trust_env=False)
        self._trimmer: asyncio.Task[None] | None = None

    async def start(self, programs: Sequence[Program], on_ready: Callable[[str, float], None]) -> None:
        """Start a group of programs side by side and wait until all are ready.

        Raises StackError with the end of the log if a program cannot start or makes no progress.
        """
        self._trimmer = self._trimmer or asyncio.create_task(self._trim_logs())
        group = [Child(program, self._logs / f"{program.name}.log") for program in programs]
        self._groups.append(group)
        started = time.monotonic()
        for child in group:
            self.children[child.program.name] = child
            trim_log(child.log)
            child.keeper = asyncio.create_task(self._keep_running(child))

        async def first_ready(child: Child) -> None:
            ready = asyncio.ensure_future(child.ready.wait())
            either: set[asyncio.Future[Any]] = {ready, child.failed}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
            if child.failed.done():
                child.failed.result()
            on_ready(child.program.name, time.monotonic() - started)

        tasks = [asyncio.create_task(first_ready(child)) for child in group]
        watch = asyncio.create_task(self._watch_progress(group))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, watch):
                task.cancel()

    async def _watch_progress(self, group: Sequence[Child]) -> None:
        """Fail each program of the group that makes no progress before it is ready."""
        found = {child: Progress([child.log], child.program.silent_max_s, child.program.start_max_s) for child in group}
        report_at_s = STILL_STARTING_EVERY_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            table = ProcessTable()
            starting = [child for child in group if not child.was_ready and not child.failed.done()]
            for child in starting:
                found[child].look(table.processor_s(child.pid), child.answer)
                failure = found[child].failure()
                if failure:
                    child.failed.set_exception(program_failure(child, *failure))
                elif found[child].running_s >= report_at_s:
                    last = "".join(last_lines(child.log, 1))
                    self._say(f"{child.program.name} 仍在启动 / still starting ({report_at_s:.0f} s): {last}")
            if starting and found[starting[0]].running_s >= report_at_s:
                report_at_s += STILL_STARTING_EVERY_S

    async def wait_failed(self) -> None:
        """Wait for ever, or raise the StackError of a program that cannot start."""
        await asyncio.gather(*(child.failed for child in self.children.values()))

    async def stop(self) -> None:
        """Send SIGTERM to the groups in reverse order of their start, and SIGKILL after the timeout."""
        self._stopping.set()
        if self._trimmer:
            self._trimmer.cancel()
        for group in reversed(self._groups):
            await asyncio.gather(*(self._stop_child(child) for child in group))
        await self._client.aclose()

    async def _stop_child(self, child: Child) -> None:
        keeper = child.keeper
        if keeper is None:
            return
        if child.pid is None:
            keeper.cancel()
        else:
            send_signal(child.pid, signal.SIGTERM, group=True)
            done, _ = await asyncio.wait({keeper}, timeout=child.program.stop_timeout_s)
            if not done and child.pid is not None:
                limit_s = child.program.stop_timeout_s
                self._say(f"{child.program.name} 未在 {limit_s:.0f} 秒内停止，强制结束 / does not stop, killing it")
                send_signal(child.pid, signal.SIGKILL, group=True)
                await asyncio.wait({keeper}, timeout=KILL_WAIT_S)
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        child.failed.cancel()

    # --- one child -------------------------------------------------------------------------------------------------

    async def _keep_running(self, child: Child) -> None:
        while not self._stopping.is_set():
            ready_at: list[float] = []
            try:
                process = await self._spawn(child)
            except OSError as error:
                child.failed.set_exception(program_failure(child, f"无法启动：{error}", f"cannot be started: {error}"))
                return
            watching = asyncio.create_task(self._watch_readiness(child, ready_at))
            returncode = await process.wait()
            watching.cancel()
            # Children left in its process group must not hold its port.
            send_signal(process.pid, signal.SIGKILL, group=True)
            child.pid = child.mark = None
            child.ready.clear()
            self._changed()
            if self._stopping.is_set():
                return
            if child.cannot_start(returncode):
                if not child.failed.done():
                    child.failed.set_exception(_start_failure(child, returncode))
                return
            steady_s = time.monotonic() - ready_at[0] if ready_at else 0.0
            pause_s = child.next_pause_s(steady_s)
            self._say(
                f"{child.program.name} {_exit_text(returncode)}, "
                f"{pause_s:.1f} 秒后重启 / restarting in {pause_s:.1f} s ({child.log})"
            )
            await asyncio.sleep(pause_s)
            child.restarts += 1

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        # Append mode: the file can be cut under a running program.
        with child.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *child.program.command,
                env=dict(child.program.environment),
                cwd=child.program.directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal reaches only the supervisor, which stops them in order
            )
        child.pid, child.mark = process.pid, start_mark(process.pid)
        self._changed()
        return process

    async def _watch_readiness(self, child: Child, ready_at: list[float]) -> None:
        started = time.monotonic()
        while not await self._is_ready(child):
            is_late = time.monotonic() - started > POLL_LATER_AFTER_S
            await asyncio.sleep(READY_POLL_LATER_S if is_late else READY_POLL_S)
        ready_at.append(time.monotonic())
        child.was_ready = True
        child.ready.set()
        if child.restarts:
            self._say(f"{child.program.name} 已恢复 / is back")
        self._changed()

    async def _is_ready(self, child: Child) -> bool:
        program = child.program
        try:
            if program.ready_url is not None:
                response = await self._client.get(program.ready_url)
                child.answer = str(response.status_code)
                return response.status_code == 200
            if program.ready_port is not None:
                _, writer = await asyncio.open_connection("127.0.0.1", program.ready_port)
                writer.close()
        except (httpx.HTTPError, OSError):
            return False
        return True

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for child in self.children.values():
                trim_log(child.log)


def trim_log(log: Path) -> None:
    """Cut a log above LOG_KEPT_BYTES and keep one predecessor. Safe while a program appends to it."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_KEPT_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def last_lines(log: Path, count: int = LOG_SHOWN_LINES) -> list[str]:
    """Return the last lines of a log."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_READ_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def program_failure(child: Child, zh: str, en: str) -> StackError:
    """Return an error about a program, with the end of its log."""
    shown = "\n".join(f"  {line}" for line in last_lines(child.log))
    return StackError(
        f"{child.program.name} {zh}。日志 {child.log} 的最后几行：\n{shown}",
        f"{child.program.name} {en}; the end of its log {child.log} is shown above.",
    )


def _start_failure(child: Child, returncode: int) -> StackError:
    if returncode == CANNOT_START:
        return program_failure(child, "无法启动", "cannot start")
    return program_failure(
        child,
        f"启动时退出超过 {DEATHS_MAX} 次（{_exit_text(returncode)}）",
        f"died more than {DEATHS_MAX} times while starting",
    )


def _exit_text(returncode: int) -> str:
    if returncode >= 0:
        return f"退出，代码 {returncode} (exit {returncode})"
    try:
        return f"被信号 {signal.Signals(-returncode).name} 终止 (killed)"
    except ValueError:
        return f"被信号 {-returncode} 终止 (killed)"

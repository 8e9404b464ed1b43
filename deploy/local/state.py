"""`.run/state.json`: the running processes, for `status`, `down`, the next `up` and tests that kill processes."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from deploy.local.errors import StackError
from deploy.local.processes import (
    command_line,
    end_groups,
    end_processes,
    is_same_process,
    own_pids,
    pids_with_variable,
    start_mark,
)
from deploy.local.secrets_file import write_private

RUN_MARK = "LOCAL_STACK_RUN_DIR"
MARKER = "carbon-inclusion-local-stack"
LEFTOVER_WAIT_S = 15.0
LOCK_TRIES = 5  # `status` holds the lock for a moment
LOCK_PAUSE_S = 0.1

Phase = Literal["starting", "ready", "stopping"]


@dataclass
class ProcessState:
    """A process of the stack. `mark` distinguishes it from a later process with the same pid."""

    pid: int | None
    mark: str | None
    port: int | None
    log: str
    restarts: int = 0
    ready: bool = False

    def alive(self) -> bool:
        """Whether this process still lives."""
        return self.pid is not None and is_same_process(self.pid, self.mark)


@dataclass
class State:
    """State of the whole stack."""

    phase: Phase
    supervisor: ProcessState
    gateway_url: str
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    processes: dict[str, ProcessState] = field(default_factory=dict)


class RunDirectory:
    """The directory of the stack and its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.secrets = path / "secrets.json"
        self.credentials = path / "credentials.json"
        self.ingest_seed = path / "ingest-seed.json"
        self.operators = path / "operators.json"
        self.postgres = path / "postgres"
        self.kafka = path / "kafka"
        self.envoy = path / "envoy.yaml"
        self.metrics = path / "metrics"
        self.digests = path / "digests.jsonl"
        self.ingest_digests = path / "ingest-digests.jsonl"
        self._state = path / "state.json"
        self._lock = path / "supervisor.lock"
        self._log_kind = path / "event-log.txt"

    def prepare(self) -> None:
        """Create the directory. Others may enter it, as the database's account must; secret files have mode 0600."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        (self.path / MARKER).touch()

    def read(self) -> State | None:
        """Return the state, None if there is none or a newer version wrote it."""
        try:
            found: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
            processes = {name: ProcessState(**process) for name, process in found.pop("processes").items()}
            supervisor = ProcessState(**found.pop("supervisor"))
            return State(**found, supervisor=supervisor, processes=processes)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, state: State) -> None:
        """Replace the state file atomically."""
        write_private(self._state, json.dumps(asdict(state), indent=2, ensure_ascii=False))

    def forget(self) -> None:
        """Delete the state file. Called when no process runs any more."""
        self._state.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Yield whether this process is now the only supervisor. The kernel frees the lock of a killed one."""
        self.prepare()
        with self._lock.open("a") as file:
            mine = _try_lock(file)
            for _ in range(LOCK_TRIES):
                if not mine:
                    time.sleep(LOCK_PAUSE_S)
                    mine = _try_lock(file)
            yield mine

    def supervised(self) -> bool:
        """Whether a supervisor runs on this directory."""
        if not self._lock.exists():
            return False
        with self._lock.open("a") as file:
            return not _try_lock(file)

    def bind_event_log(self, kind: str) -> None:
        """Record the log of this data. Raises StackError for another log, where its offsets would be invalid."""
        if self._log_kind.exists():
            before = self._log_kind.read_text(encoding="utf-8").strip()
            if before != kind:
                raise StackError(
                    f"{self.path} 中的数据属于事件日志 {before}，不能改用 {kind}。"
                    f"请换一个目录 （make run RUN_DIR=.run-2 …），或先运行 make clean。",
                    f"The data in {self.path} belongs to the event log {before} and cannot be used with {kind}. "
                    f"Choose another directory (make run RUN_DIR=.run-2 …), or run `make clean` first.",
                )
        self._log_kind.write_text(f"{kind}\n", encoding="utf-8")

    def stop_leftovers(self) -> list[str]:
        """Stop the recorded processes that still live and return their names. PostgresServer stops its own."""
        state = self.read()
        if state is None:
            return []
        ended: list[str] = []
        for batch in (set(state.processes) - {"kafka"}, {"kafka"}):  # the log last, as the others may still write to it
            left = {
                name: (process.pid, process.mark)
                for name, process in state.processes.items()
                if name in batch - {"postgres"} and process.pid is not None and process.alive()
            }
            ended += left
            end_groups(left.values(), LEFTOVER_WAIT_S)
        self.forget()
        return ended

    def forget_own(self, supervisor: ProcessState) -> None:
        """Delete the state file if it is that of this supervisor."""
        state = self.read()
        if state is not None and state.supervisor.pid == supervisor.pid:
            self.forget()

    def mark_children(self) -> None:
        """Let every process that this one starts from now on carry the directory in its environment."""
        os.environ[RUN_MARK] = str(self.path)

    def stop_marked(self) -> list[str]:
        """Stop every process that carries this directory in its environment. Returns their programs (Linux only).

        It finds a process that was started a moment before its supervisor was killed, and the children of children.
        """
        pids = set(pids_with_variable(RUN_MARK, str(self.path))) - own_pids()
        names = {pid: Path(command_line(pid).partition(" ")[0]).name for pid in pids}
        return [names[pid] for pid in end_processes(pids, LEFTOVER_WAIT_S)]

    def delete(self) -> None:
        """Delete the directory. Raises StackError if this stack did not create it."""
        if not self.path.exists():
            return
        if not (self.path / MARKER).exists():
            raise StackError(
                f"{self.path} 不是本地环境的目录，不予删除。",
                f"{self.path} was not made by the local stack and is not deleted.",
            )
        shutil.rmtree(self.path)


def current_process(log: Path) -> ProcessState:
    """Return the state of this process."""
    return ProcessState(pid=os.getpid(), mark=start_mark(os.getpid()), port=None, log=str(log))


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

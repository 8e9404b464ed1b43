"""The supervisor restarts programs, reports those that cannot start, and stops all in order and in time."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deploy.local import supervisor as module
from deploy.local.errors import StackError
from deploy.local.ports import free_port, is_free
from deploy.local.processes import start_mark
from deploy.local.state import ProcessState, RunDirectory, State, current_process
from deploy.local.supervisor import Program, Supervisor

STANDIN = str(Path(__file__).with_name("standin.py"))


def standin(name: str, *more: str, stop_timeout_s: float = 5) -> Program:
    port = free_port()
    command = (sys.executable, "-S", STANDIN, str(port), *more)
    return Program(name, command, port=port, ready_url=f"http://127.0.0.1:{port}/", stop_timeout_s=stop_timeout_s)


class RecordedSupervisor:
    """A supervisor with its recorded messages."""

    def __init__(self, logs: Path) -> None:
        self.messages: list[str] = []
        self.ready: list[str] = []
        self.supervisor = Supervisor(logs, self.messages.append)

    async def start(self, *programs: Program) -> None:
        await self.supervisor.start(programs, lambda name, _: self.ready.append(name))

    def pid(self, name: str) -> int:
        pid = self.supervisor.children[name].pid
        assert pid is not None
        return pid


@pytest.fixture
async def recorded(tmp_path: Path) -> AsyncIterator[RecordedSupervisor]:
    found = RecordedSupervisor(tmp_path)
    yield found
    await found.supervisor.stop()


async def wait_until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_killed_program_is_restarted_with_one_message(recorded: RecordedSupervisor) -> None:
    program = standin("worker")
    await recorded.start(program)
    assert recorded.ready == ["worker"]
    child, killed = recorded.supervisor.children["worker"], recorded.pid("worker")
    os.kill(killed, signal.SIGKILL)
    await wait_until(lambda: child.restarts == 1 and child.ready.is_set())
    assert recorded.pid("worker") != killed
    assert [line for line in recorded.messages if "SIGKILL" in line and "0.5 s" in line] == recorded.messages[:1]
    assert recorded.messages[1:] == ["worker 已恢复 / is back"]


async def test_program_that_cannot_start_fails_with_the_end_of_its_log(
    recorded: RecordedSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF_S", 0.01)
    monkeypatch.setattr(module, "LAST_BACKOFF_S", 0.01)
    command = ("/bin/sh", "-c", "echo the reason; exit 7")
    with pytest.raises(StackError) as given_up:
        await recorded.start(standin("fine"), Program("broken", command, ready_url="http://127.0.0.1:1/"))
    assert "broken died more than 5 times" in given_up.value.en
    assert "the reason" in given_up.value.zh
    assert recorded.supervisor.children["broken"].restarts == module.DEATHS_MAX


async def test_missing_program_is_reported(recorded: RecordedSupervisor) -> None:
    with pytest.raises(StackError, match="cannot be started"):
        await recorded.start(Program("missing", ("/nonexistent/program",)))


async def test_programs_stop_in_reverse_order_within_their_timeouts(recorded: RecordedSupervisor) -> None:
    stubborn, polite = standin("stubborn", "stubborn", stop_timeout_s=0.3), standin("polite")
    await recorded.start(stubborn)
    await recorded.start(polite)
    order: list[str] = []
    for name, child in recorded.supervisor.children.items():
        assert child.keeper is not None
        child.keeper.add_done_callback(lambda _, name=name: order.append(name))  # type: ignore[misc]
    started = time.monotonic()
    await recorded.supervisor.stop()
    assert time.monotonic() - started < 3
    assert order == ["polite", "stubborn"]
    assert all(is_free(program.port) for program in (stubborn, polite) if program.port)


async def test_stop_cancels_a_pending_restart(recorded: RecordedSupervisor) -> None:
    program = standin("worker")
    await recorded.start(program)
    os.kill(recorded.pid("worker"), signal.SIGKILL)
    await wait_until(lambda: bool(recorded.messages))
    started = time.monotonic()
    await recorded.supervisor.stop()
    assert time.monotonic() - started < 0.4
    assert program.port is not None
    assert is_free(program.port)


async def test_large_log_is_cut_and_keeps_one_predecessor(
    recorded: RecordedSupervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_KEPT_BYTES", 100)
    log = tmp_path / "worker.log"
    log.write_text("old\n" * 100, encoding="utf-8")
    await recorded.start(standin("worker"))
    await wait_until(lambda: "standing in" in log.read_text(encoding="utf-8"))
    assert log.stat().st_size < 100
    assert (tmp_path / "worker.log.1").stat().st_size == 400


def write_state(directory: RunDirectory, process: "subprocess.Popen[bytes]", mark: str | None) -> None:
    directory.prepare()
    gone = ProcessState(pid=2**22 + 1, mark="-", port=None, log="")
    state = State(phase="ready", supervisor=gone, gateway_url="", processes={})
    state.processes["worker"] = ProcessState(pid=process.pid, mark=mark, port=None, log="")
    directory.write(state)


def test_leftover_processes_are_stopped_and_other_processes_are_not(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    process = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    try:
        write_state(directory, process, "another start of the same pid")
        assert directory.stop_leftovers() == []
        assert process.poll() is None
        write_state(directory, process, start_mark(process.pid))
        assert directory.stop_leftovers() == ["worker"]
        assert process.wait(5) == -signal.SIGTERM
        assert directory.read() is None
    finally:
        process.kill()
        process.wait()


def test_only_one_supervisor_holds_the_directory(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    with directory.locked() as mine:
        assert mine
        assert directory.supervised()
        with RunDirectory(tmp_path / "run").locked() as second:
            assert not second
    assert not directory.supervised()


def test_state_file_is_private_and_reads_back_as_written(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    state = State(phase="ready", supervisor=current_process(tmp_path / "log"), gateway_url="http://x")
    state.processes["a"] = ProcessState(1, "m", 2, "log", 3, ready=True)
    directory.write(state)
    assert directory.read() == state
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert state.supervisor.alive()


def test_data_of_one_event_log_is_not_used_with_another(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.bind_event_log("embedded")
    directory.bind_event_log("embedded")
    with pytest.raises(StackError, match="make clean"):
        directory.bind_event_log("kafka")


def test_only_its_own_directory_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(StackError, match="is not deleted"):
        RunDirectory(tmp_path).delete()
    directory = RunDirectory(tmp_path / "run")
    directory.prepare()
    directory.delete()
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]

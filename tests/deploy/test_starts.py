"""A start is judged by its progress. A failed or killed start leaves no process. Missing things have their names."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from deploy.kafka import node as kafka_node_module
from deploy.kafka.jars import KafkaUnavailable, require_java_and_jars
from deploy.kafka.node import KafkaNode
from deploy.local import progress as progress_module
from deploy.local import supervisor as module
from deploy.local.errors import CANNOT_START, StackError
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer
from deploy.local.processes import command_line, pids_with_command, pids_with_variable, start_mark
from deploy.local.progress import NoProgress, ProcessTable, Progress, wait_for_command
from deploy.local.settings import ROOT
from deploy.local.stack import stop_leftovers
from deploy.local.state import RUN_MARK, RunDirectory
from deploy.local.supervisor import Program, Supervisor
from tests.deploy.test_stack import LocalStack

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(module, "FIRST_BACKOFF_S", 0.01)
    monkeypatch.setattr(progress_module, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(progress_module, "PROCESSOR_STEP_S", 0.02)
    monkeypatch.setattr(kafka_node_module, "LOOK_EVERY_S", 0.1)


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    found = Supervisor(tmp_path, lambda _: None)
    yield found
    await found.stop()


def slow_child(manner: str, seconds: float, silent_max_s: float, start_max_s: float = 60) -> Program:
    port = free_port()
    command = (sys.executable, "-S", str(HERE / "slow_child.py"), str(port), str(seconds), manner)
    return Program(
        manner, command, ready_port=port, stop_timeout_s=5, silent_max_s=silent_max_s, start_max_s=start_max_s
    )


@pytest.mark.parametrize("manner", ["log", "processor"])
async def test_b20_a_slow_start_with_progress_is_waited_for(supervisor: Supervisor, manner: str) -> None:
    """The start takes three times as long as it may be silent."""
    await supervisor.start([slow_child(manner, 2.4, silent_max_s=0.8)], lambda _name, _s: None)
    assert supervisor.children[manner].was_ready


async def test_b20_a_start_without_progress_fails(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="silence has shown no progress for 1 s"):
        await supervisor.start([slow_child("silence", 60, silent_max_s=1.0)], lambda _name, _s: None)


async def test_b20_a_start_that_logs_for_ever_ends_at_the_generous_limit(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="log is not ready after 2 s"):
        await supervisor.start([slow_child("log", 60, silent_max_s=1.0, start_max_s=2.0)], lambda _name, _s: None)


async def test_b20_slow_deaths_count_as_quick_ones(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine six deaths take more than a minute. They still end the start."""
    clock = time.monotonic
    begun = clock()
    monkeypatch.setattr(time, "monotonic", lambda: begun + 100 * (clock() - begun))
    monkeypatch.setattr(module, "LAST_BACKOFF_S", 0.01)
    dying = Program("dying", ("/bin/sh", "-c", "sleep 0.2; exit 7"), ready_port=1, silent_max_s=1e6, start_max_s=1e6)
    with pytest.raises(StackError, match="died more than 5 times"):
        await supervisor.start([dying], lambda _name, _s: None)


async def test_b20_a_program_that_cannot_start_is_not_tried_again(supervisor: Supervisor) -> None:
    hopeless = Program("hopeless", ("/bin/sh", "-c", f"echo no Java; exit {CANNOT_START}"), ready_port=1)
    with pytest.raises(StackError, match="hopeless cannot start") as failed:
        await supervisor.start([hopeless], lambda _name, _s: None)
    assert "no Java" in failed.value.zh
    assert supervisor.children["hopeless"].restarts == 0


def test_b20_processor_time_of_descendants_is_progress(tmp_path: Path) -> None:
    """The launcher of Kafka sleeps while its broker works."""
    work = "import time; end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], start_new_session=True) as process:
        try:
            progress = Progress([tmp_path / "none.log"], silent_max_s=1.0)
            for _ in range(10):
                time.sleep(0.2)
                progress.look(ProcessTable().processor_s(process.pid))
                assert progress.failure() is None
        finally:
            os.killpg(process.pid, signal.SIGKILL)


# --- nothing is left behind -----------------------------------------------------------------------------------------


@pytest.fixture
def java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "java home"
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    java.write_text(f"#!{sys.executable} -S\n{(HERE / 'fake_java.py').read_text(encoding='utf-8')}", encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))
    yield home
    for pid in pids_with_command(str(home)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def fake_jars(java_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    libs = java_home.parent / "libs"
    monkeypatch.setattr(kafka_node_module, "resolve_jars", lambda *_: libs)
    return libs


@pytest.mark.usefixtures("fake_jars")
def test_b20_a_broker_without_progress_is_killed_and_quoted(
    tmp_path: Path, java_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_node_module, "Progress", lambda logs: Progress(logs, silent_max_s=0.5))
    monkeypatch.setattr(progress_module, "PROCESSOR_STEP_S", 5.0)
    with pytest.raises(KafkaUnavailable, match="no progress"):
        KafkaNode(tmp_path / "kafka").start()
    assert pids_with_command(str(java_home), "kafka.Kafka") == []


LAUNCHER = """
import sys
from pathlib import Path
from deploy.kafka import node
node.resolve_jars = lambda *_: Path("/nowhere")
from deploy.kafka.__main__ import app
app()
"""


def wait_for(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def launcher(tmp_path: Path, java_home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A launcher whose broker has been started but does not answer yet."""
    arguments = ["run", "--dir", str(tmp_path / "kafka"), "--port", str(free_port())]
    with subprocess.Popen([sys.executable, "-c", LAUNCHER, *arguments], cwd=ROOT, text=True) as process:
        try:
            wait_for(lambda: bool(pids_with_command(str(java_home), "kafka.Kafka")))
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_b20_a_launcher_stopped_while_it_starts_leaves_no_broker(
    launcher: "subprocess.Popen[str]", java_home: Path, how: signal.Signals
) -> None:
    launcher.send_signal(how)
    assert launcher.wait(30) == 0
    assert pids_with_command(str(java_home), "kafka.Kafka") == []


def test_b20_a_half_started_broker_of_a_killed_launcher_is_found_without_its_pid_file(
    launcher: "subprocess.Popen[str]", tmp_path: Path, java_home: Path
) -> None:
    launcher.kill()
    launcher.wait()
    (tmp_path / "kafka" / "kafka.pid").unlink(missing_ok=True)  # killed before it wrote the file
    (broker,) = pids_with_command(str(java_home), "kafka.Kafka")
    assert stop_leftovers(RunDirectory(tmp_path)) == ["kafka"]
    assert start_mark(broker) is None


def test_b20_a_process_of_a_killed_starter_is_found_by_its_environment(tmp_path: Path) -> None:
    """No file names it: the starter was killed before it could write its state."""
    directory, other = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "other")
    directory.prepare()
    sleeping = ["/bin/sleep", "60"]
    with (
        subprocess.Popen(sleeping, env={RUN_MARK: str(directory.path)}) as ours,
        subprocess.Popen(sleeping, env={RUN_MARK: str(other.path)}) as theirs,
    ):
        wait_for(lambda: "sleep" in command_line(ours.pid) and "sleep" in command_line(theirs.pid))
        try:
            assert stop_leftovers(directory) == ["sleep"]
            assert ours.wait(5) == -signal.SIGTERM
            assert theirs.poll() is None
        finally:
            ours.kill()
            theirs.kill()


def test_b20_the_server_of_a_wrapper_that_is_gone_is_found_in_another_session(tmp_path: Path) -> None:
    """remorses/kimaki#117, HarperFast/harper#2388: the wrapper has exited, its server lives on under process 1."""
    directory = RunDirectory(tmp_path / "run")
    directory.prepare()
    environment = {RUN_MARK: str(directory.path), "PATH": os.environ["PATH"]}
    wrapper = [sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"]
    subprocess.run(wrapper, env=environment, check=True)
    (server,) = pids_with_variable(RUN_MARK, str(directory.path))
    assert stop_leftovers(directory) == ["sleep"]
    assert start_mark(server) is None


def test_b20_a_recovery_that_tells_its_progress_is_waited_for(tmp_path: Path) -> None:
    """RakuenSoftware/aimee#2302: pg_ctl gave up after 60 s of fsync, and each new try began it again."""
    log = tmp_path / "server.log"
    script = f"for n in 1 2 3 4 5 6 7; do echo syncing data directory >> '{log}'; sleep 0.3; done"
    process = subprocess.Popen(["/bin/sh", "-c", script])
    assert wait_for_command(process, Progress([log], silent_max_s=1.0)) == 0
    silent = subprocess.Popen(["/bin/sleep", "60"])
    with pytest.raises(NoProgress, match="no progress"):
        wait_for_command(silent, Progress([log], silent_max_s=0.5))
    assert silent.returncode == -signal.SIGKILL


def test_b20_an_interrupted_start_of_postgresql_leaves_no_server(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "pg", durable=False)
    server.give_up()
    with pytest.raises(StackError, match="interrupted"):
        server.start()
    assert not server.running()
    assert pids_with_command(f"{server.home}/") == []
    server.destroy()


# --- the whole stack ------------------------------------------------------------------------------------------------


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    found = LocalStack(tmp_path / "run dir")
    yield found
    found.command("clean")


def processes_of(stack: LocalStack) -> list[str]:
    pids = {*pids_with_variable(RUN_MARK, str(stack.run_dir)), *pids_with_command(f"{stack.run_dir}/")}
    server = PostgresServer(stack.run_dir / "postgres")
    return [command_line(pid) for pid in pids | set(pids_with_command(f"{server.home}/"))]


def begin(stack: LocalStack, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "up", *options],
        cwd=ROOT,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.stack
def test_b20_down_ends_every_process_of_a_killed_start(stack: LocalStack) -> None:
    """The commands of the preparation are in no state file."""
    with begin(stack) as starter:
        wait_for((stack.run_dir / "logs" / "migrations.log").exists)
        starter.kill()
    assert processes_of(stack)
    stack.command("down")
    assert processes_of(stack) == []


@pytest.mark.stack
def test_b20_interrupting_a_start_in_the_background_ends_it(stack: LocalStack) -> None:
    with begin(stack, "--detach") as waiter:
        wait_for((PostgresServer(stack.run_dir / "postgres").home / "pg_ctl.log").exists)
        waiter.send_signal(signal.SIGTERM)  # Ctrl-C does the same, but a shell in the background ignores it
        assert waiter.wait(60) == 130
    assert processes_of(stack) == []


def refused(tmp_path: Path, **variables: str) -> str:
    """Return the message of a start that must be refused before anything starts."""
    stack = LocalStack(tmp_path / "run")
    stack.environment |= variables
    output = stack.command("up", expect=1)
    assert not PostgresServer(stack.run_dir / "postgres").home.exists()
    assert not (stack.run_dir / "event-log.txt").exists()
    assert not (stack.run_dir / "state.json").exists()
    assert processes_of(stack) == []
    return output


def test_b20_a_missing_java_is_told_before_anything_starts(tmp_path: Path) -> None:
    assert "JAVA_HOME=/nowhere has no bin/java" in refused(tmp_path, LOG="kafka", JAVA_HOME="/nowhere")


def test_b20_a_java_home_that_ends_with_bin_is_told_with_the_place_that_was_searched(
    tmp_path: Path, java_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """apache/zookeeper#834: "JAVA_HOME is incorrectly set" did not say which file was expected."""
    monkeypatch.setenv("JAVA_HOME", str(java_home / "bin"))
    with pytest.raises(KafkaUnavailable, match="bin has no bin/java"):
        require_java_and_jars(tmp_path)


def test_b20_an_old_java_is_told_before_anything_starts(tmp_path: Path, java_home: Path) -> None:
    java = java_home / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", encoding="utf-8")
    output = refused(tmp_path, LOG="kafka")
    assert "needs Java 17 or later: point JAVA_HOME at it" in output
    assert '"11.0.2"' in output


def test_b20_every_missing_program_and_server_is_named_at_once(tmp_path: Path) -> None:
    server = f"127.0.0.1:{free_port()}"
    output = refused(tmp_path, PG_BIN="/nowhere", ENVOY_BIN="/nowhere/envoy", KAFKA_BOOTSTRAP_SERVERS=server)
    for what in ("PG_BIN=/nowhere", "ENVOY_BIN=/nowhere/envoy", f"KAFKA_BOOTSTRAP_SERVERS={server}"):
        assert what in output


def test_b20_every_wrong_variable_of_gateway_and_services_is_named_at_once(tmp_path: Path) -> None:
    wrong = {"GATEWAY_ADDRESS_PER_S": "0", "ACCOUNTING_LEASE_S": "soon", "INGEST_DATABASE_POOL_SIZE": "-1"}
    output = refused(tmp_path, **wrong)
    for name in wrong:
        assert f"{name} is missing or wrong" in output

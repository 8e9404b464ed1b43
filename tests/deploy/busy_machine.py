"""Starts of the whole stack on a busy machine. Only `make nightly` runs this file: it takes all processors."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer
from tests.deploy.test_stack import LocalStack
from tests.deploy.test_starts import begin, processes_of, wait_for

pytestmark = pytest.mark.longer

BUSY_PROCESSES = 30


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    found = LocalStack(tmp_path / "run dir")
    yield found
    found.command("clean")


@pytest.mark.stack
@pytest.mark.parametrize("log", ["pg_ctl", "accounting-api"])
def test_b20_down_ends_every_process_of_a_start_killed_at_other_moments(stack: LocalStack, log: str) -> None:
    directory = PostgresServer(stack.run_dir / "postgres").home if log == "pg_ctl" else stack.run_dir / "logs"
    with begin(stack) as starter:
        wait_for((directory / f"{log}.log").exists)
        starter.kill()
    assert processes_of(stack)
    stack.command("down")
    assert processes_of(stack) == []


@pytest.mark.kafka
@pytest.mark.stack
@pytest.mark.timeout(3600)
def test_b20_a_kafka_stack_starts_beside_thirty_busy_processes(stack: LocalStack) -> None:
    stack.environment |= {"LOG": "kafka", "KAFKA_PORT": str(free_port())}
    busy = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) for _ in range(BUSY_PROCESSES)]
    started = time.monotonic()
    try:
        output = stack.command("up", "--detach", timeout_s=3000)
        print(f"\nstarted beside {BUSY_PROCESSES} busy processes in {time.monotonic() - started:.0f} s")
        assert "已就绪" in output
        state = json.loads((stack.run_dir / "state.json").read_text(encoding="utf-8"))
        assert {process["restarts"] for process in state["processes"].values()} == {0}
    finally:
        for process in busy:
            process.kill()
            process.wait()
    stack.command("down")
    assert processes_of(stack) == []

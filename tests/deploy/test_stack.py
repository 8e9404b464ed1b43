"""The whole local stack as real processes. One test, because a start takes some seconds."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.partners import PARTNERS
from deploy.local.ports import free_port, is_free
from deploy.local.processes import is_same_process
from deploy.local.settings import ROOT, SERVICES

pytestmark = pytest.mark.stack

OWN_PORTS = ("GATEWAY", "ENVOY_ADMIN", "PAGES", "WECHAT", "IDENTITY", "POSTGRES")
PORTS = (*OWN_PORTS, *(service.upper() for service in SERVICES))
WORKER_PORTS = tuple(f"{service.upper()}_WORKER" for service in SERVICES)


class LocalStack:
    """The command line of the stack, with its own directory and ports."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.ports = {f"{name}_PORT": free_port() for name in (*PORTS, *WORKER_PORTS)}
        self.environment = {**os.environ, "RUN_DIR": str(run_dir), **{k: str(v) for k, v in self.ports.items()}}

    def command(self, *arguments: str, expect: int = 0, timeout_s: float = 240) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run_dir / "state.json").read_text(encoding="utf-8"))
        return found

    def wait_replaced(self, name: str, killed: int) -> None:
        deadline = time.monotonic() + 30
        while True:
            process = self.state()["processes"][name]
            if process["ready"] and process["pid"] not in {None, killed}:
                return
            assert time.monotonic() < deadline, process
            time.sleep(0.1)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    found = LocalStack(tmp_path / "run dir")
    yield found
    found.command("clean")
    assert not found.run_dir.exists()


def log_in_as_both_operators(stack: LocalStack, client: httpx.Client) -> None:
    """B10: two persons log in at the identity provider; one revokes the other's session."""
    shown = stack.command("operators")
    sessions = {}
    for name in ("ops-local", "ops-second"):
        assert json.loads((stack.run_dir / "secrets.json").read_text())["operators"][name]["password"] in shown
        sessions[name] = json.loads(stack.command("log-in", name))
        assert sessions[name]["subject"] == name
        headers = {"Authorization": f"Bearer {sessions[name]['access_token']}"}
        assert client.get("/api/v1/ingest/ops/partners", headers=headers).status_code == 200
    first, second = sessions.values()
    path = f"/api/v1/accounts/ops/sessions/{second['session_id']}"
    first_headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert client.delete(path, params={"reason": "设备遗失"}, headers=first_headers).status_code == 204
    refresh = {"refresh_token": second["refresh_token"]}
    answer = client.post("/api/v1/accounts/ops/sessions/refresh", json=refresh)
    assert answer.json()["code"] == "OPERATOR_SESSION_ENDED"


def test_stack_starts_survives_kills_and_stops(stack: LocalStack) -> None:
    output = stack.command("up", "--detach")
    assert "已就绪" in output
    for name in ("secrets.json", "credentials.json", "ingest-seed.json", "state.json", "envoy.yaml"):
        assert (stack.run_dir / name).stat().st_mode & 0o777 == 0o600, name
    credentials = json.loads((stack.run_dir / "credentials.json").read_text(encoding="utf-8"))
    assert credentials["gateway_url"] == f"http://127.0.0.1:{stack.ports['GATEWAY_PORT']}"
    assert len(credentials["partners"]) == len(PARTNERS)

    with httpx.Client(base_url=credentials["gateway_url"], trust_env=False) as client:
        for service in SERVICES:
            assert client.get(f"/api/v1/{service}/readyz").status_code == 200
        assert client.get("/docs").status_code == 200
        assert client.get("/api/v1/accounting/me/balance").json()["code"] == "UNAUTHENTICATED"
        session = client.post("/api/v1/accounts/sessions", json={"code": "dev:stack-test"})
        assert session.status_code == 201, session.text
        # The gateway and the service both accept the operator's token.
        operator = {"Authorization": f"Bearer {credentials['ops_token']}"}
        assert client.get("/api/v1/accounting/ops/nothing-here", headers=operator).status_code == 404

        log_in_as_both_operators(stack, client)

    assert "已在运行" in stack.command("up")
    assert "accounting-worker" in stack.command("status")

    processes = stack.state()["processes"]
    for name in ("accounting-worker", "postgres"):
        os.kill(processes[name]["pid"], signal.SIGKILL)
        stack.wait_replaced(name, processes[name]["pid"])

    supervisor = stack.state()["supervisor"]["pid"]
    os.kill(supervisor, signal.SIGKILL)
    processes = stack.state()["processes"]
    output = stack.command("down")
    for name, process in processes.items():
        assert name in output
        assert not is_same_process(process["pid"], process["mark"])
    assert all(is_free(port) for port in stack.ports.values())
    stack.command("status", expect=3)

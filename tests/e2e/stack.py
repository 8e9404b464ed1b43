"""The whole local stack as real processes, with its own directory and ports."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.state import RunDirectory

ROOT = Path(__file__).resolve().parents[2]
UP_TIMEOUT_S = 240
DEMO_TIMEOUT_S = 240
_KILLABLE = ("accounts-worker", "ingest-worker", "accounting-worker", "rewards-worker")


class LocalStack:
    def __init__(
        self,
        run_dir: Path,
        *,
        port_offset: int,
        log: str,
        kafka_servers: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.run_dir = run_dir
        self._environment = {
            **os.environ,
            "RUN_DIR": str(run_dir),
            "PORT_OFFSET": str(port_offset),
            "LOG": log,
            "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
            "PYTHONWARNINGS": "",
            **(environment or {}),
        }

    def _run(self, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def up(self) -> None:
        answer = self._run("deploy.local", "up", "--detach", timeout_s=UP_TIMEOUT_S)
        assert answer.returncode == 0, answer.stdout + answer.stderr + self.log_tails()

    def down(self) -> None:
        self._run("deploy.local", "down", timeout_s=UP_TIMEOUT_S)

    def clean(self) -> None:
        answer = self._run("deploy.local", "clean", timeout_s=UP_TIMEOUT_S)
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def log_tails(self) -> str:
        logs = sorted((self.run_dir / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def demo(self, *, kills: int = 0, seed: int = 0) -> dict[str, Any]:
        """Run the demo and kill `kills` workers meanwhile, at moments the seed decides. Returns demo.json."""
        finished = threading.Event()
        killer = threading.Thread(target=self._kill_workers, args=(kills, seed, finished))
        killer.start()
        try:
            answer = self._run("deploy.demo", "--no-start", timeout_s=DEMO_TIMEOUT_S)
        finally:
            finished.set()
            killer.join()
        assert answer.returncode == 0, answer.stdout + answer.stderr + self.log_tails()
        result: dict[str, Any] = json.loads((self.run_dir / "demo.json").read_text())
        return result

    def pid_of(self, name: str) -> int | None:
        state = RunDirectory(self.run_dir).read()
        assert state is not None
        process = state.processes[name]
        return process.pid if process.alive() else None

    def _kill_workers(self, kills: int, seed: int, finished: threading.Event) -> None:
        moments = random.Random(seed)
        for number in range(kills):
            if finished.wait(moments.uniform(0.8, 2.5)):
                return
            pid = self.pid_of(_KILLABLE[(seed + number) % len(_KILLABLE)])
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    def gateway_url(self) -> str:
        content = json.loads((self.run_dir / "credentials.json").read_text())
        return str(content["gateway_url"])

    def restarts(self) -> int:
        state = RunDirectory(self.run_dir).read()
        assert state is not None
        return sum(process.restarts for process in state.processes.values())


def wait_until(condition: Any, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.2)

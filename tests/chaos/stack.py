"""The stack under faults: real processes, a proxy before the database and before the log, and pids by name."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import httpx
import psutil

from deploy.kafka.node import KafkaNode
from deploy.local.database import DATABASE, with_database
from deploy.local.partners import PARTNER_ENVIRONMENTS
from deploy.local.pgbinaries import server_account
from deploy.local.plan import Plan
from deploy.local.postgres import PostgresServer
from deploy.local.secrets_file import Secrets
from deploy.local.settings import SERVICES, LocalSettings
from deploy.local.state import RunDirectory
from deploy.local.supervisor import Program
from tests.chaos.load import ITEM, ORDER_MG
from tests.chaos.proxy import FaultProxy
from tests.e2e.stack import LocalStack

APIS = tuple(f"{service}-api" for service in SERVICES)
WORKERS = tuple(f"{service}-worker" for service in SERVICES)
# Settings that an operator has too. They are high, because the load comes from one address.
ENVIRONMENT = {"GATEWAY_ADDRESS_PER_S": "20000", "GATEWAY_ADDRESS_BURST": "40000"}
EXTRA_STOP_S = 10.0
VOLUME_SIZE = "3g"  # in memory, only written pages count; a run of eight minutes writes half of it


class FaultStack:
    """A stack with access for faults. `log`: postgres (embedded) or kafka (its own broker)."""

    def __init__(
        self, run_dir: Path, *, log: str, port_offset: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self.run_dir = run_dir
        self.log = log
        self._port_offset = port_offset
        self._environment = {**ENVIRONMENT, **(environment or {})}
        self.database_proxy: FaultProxy
        self.log_proxy: FaultProxy
        self.kafka: KafkaNode | None = None
        self.local: LocalStack
        self.server: PostgresServer
        self._settings: LocalSettings
        self.volumes: dict[str, Path] = {}
        self._extras: list[subprocess.Popen[bytes]] = []

    async def up(self) -> None:
        self._mount("postgres", PostgresServer(self.run_dir / "stack" / "postgres").home)
        self._settings = LocalSettings(
            run_dir=self.run_dir, port_offset=self._port_offset, log="embedded", kafka_bootstrap_servers=""
        )
        postgres_port = self._settings.port("postgres")
        self.database_proxy = FaultProxy(postgres_port)
        await self.database_proxy.start()
        self.log_proxy = FaultProxy(postgres_port)
        await self.log_proxy.start()
        if self.log == "kafka":
            # The broker advertises the proxy, so that clients reconnect to it.
            advertised = {"advertised.listeners": f"BROKER://127.0.0.1:{self.log_proxy.port}"}
            self._mount("broker", self.run_dir / "broker")
            self.kafka = KafkaNode(self.run_dir / "broker", overrides=advertised)
            self.log_proxy.target = int(self.kafka.bootstrap_servers.rpartition(":")[2])
            await asyncio.to_thread(self.kafka.start)
        self._settings = self._settings.model_copy(
            update={
                "database_port": self.database_proxy.port,
                "event_log_port": self.log_proxy.port,
                "kafka_bootstrap_servers": f"127.0.0.1:{self.log_proxy.port}" if self.kafka else "",
            }
        )
        self.local = LocalStack(
            self.run_dir / "stack",
            port_offset=self._port_offset,
            log="embedded",
            kafka_servers=self._settings.kafka_bootstrap_servers,
            environment={
                **self._environment,
                "DATABASE_PORT": str(self.database_proxy.port),
                "EVENT_LOG_PORT": str(self.log_proxy.port),
            },
        )
        self.directory = RunDirectory(self.run_dir / "stack")
        await asyncio.to_thread(self.local.up)
        self._secrets = Secrets(self.directory.secrets, PARTNER_ENVIRONMENTS)
        self.server = PostgresServer(
            self.directory.postgres, port=postgres_port, password=self._secrets["postgres_password"]
        )
        await self._lower_prices()

    async def down(self, *, keep: bool = False) -> None:
        """Stop everything. `keep`: keep the logs of the processes, to look for the cause of a failure."""
        for process in list(self._extras):
            await self.stop_extra_worker(process)
        for proxy in (self.database_proxy, self.log_proxy):
            proxy.mode = proxy.mode.PASS
        with contextlib.suppress(AttributeError):
            await asyncio.to_thread(self.local.down)
        if self.kafka is not None:
            await asyncio.to_thread(self.kafka.stop)
        await self.database_proxy.stop()
        await self.log_proxy.stop()
        for volume in self.volumes.values():  # a mounted directory cannot be deleted
            await asyncio.to_thread(_unmount, volume)
        if not keep:
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def _mount(self, name: str, place: Path) -> None:
        """Mount a small volume for the fault that fills it, if this account may mount one."""
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return
        account = server_account() if name == "postgres" else None
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = f",uid={account.uid},gid={account.gid}" if account else ""
        options = f"size={VOLUME_SIZE},mode=0700{owner}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False, capture_output=True
        )
        if done.returncode == 0:
            self.volumes[name] = place
        else:
            place.rmdir()

    async def _lower_prices(self) -> None:
        """Lower the price and lift the limit of the item, so that every citizen can order from the start."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(
                "UPDATE rewards.item SET price_mg = $1, per_user_limit = NULL WHERE item_id = $2", ORDER_MG, ITEM
            )
        finally:
            await connection.close()

    # --- addresses and processes -----------------------------------------------------------------------------------

    @property
    def admin_dsn(self) -> str:
        """URL of the superuser for the platform's database, past the proxies."""
        return with_database(self.server.admin_dsn(), DATABASE)

    @property
    def plan(self) -> Plan:
        return Plan(self._settings, self._secrets, self.directory, self.server.admin_dsn())

    @property
    def role_passwords(self) -> Mapping[str, str]:
        return self._secrets.roles

    def port(self, name: str) -> int:
        return self._settings.port(name)

    def pid(self, name: str) -> int | None:
        """Return the current pid of a supervised process, None if it is not alive."""
        state = self.directory.read()
        process = state.processes.get(name) if state else None
        return process.pid if process is not None and process.alive() else None

    def restarts(self) -> int:
        return self.local.restarts()

    def ready(self) -> bool:
        """Whether every process lives and is ready."""
        state = self.directory.read()
        return state is not None and all(p.ready and p.alive() for p in state.processes.values())

    async def wait_pid(self, name: str, timeout_s: float = 30.0) -> int:
        deadline = time.monotonic() + timeout_s
        while (pid := self.pid(name)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not running")
            await asyncio.sleep(0.1)
        return pid

    # --- signals ---------------------------------------------------------------------------------------------------

    def signal(self, name: str, number: signal.Signals) -> bool:
        pid = self.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                return True
        return False

    def backends(self) -> list[int]:
        """Return the pids of the services' PostgreSQL sessions."""
        postmaster = self.server.pid()
        if postmaster is None:
            return []
        found = []
        for child in psutil.Process(postmaster).children():
            with contextlib.suppress(psutil.Error):
                title = " ".join(child.cmdline())
                if any(f"postgres: {service} " in title for service in (*SERVICES, "eventlog")):
                    found.append(child.pid)
        return found

    # --- further workers -------------------------------------------------------------------------------------------

    def worker_program(self, service: str) -> Program:
        return next(program for program in self.plan.workers() if program.name == f"{service}-worker")

    def start_extra_worker(
        self, service: str, *, module: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start another worker of a service beside the supervised one, without a health port."""
        program = self.worker_program(service)
        command = [program.command[0], "-m", module or f"services.{service}.worker"]
        values = {**program.environment, f"{service.upper()}_WORKER_HEALTH_PORT": "0", **(environment or {})}
        log = self.directory.logs / f"extra-{service}-worker.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env=values, cwd=program.directory, stdout=output, stderr=output, start_new_session=True
            )
        self._extras.append(process)
        return process

    async def stop_extra_worker(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, EXTRA_STOP_S)
        if process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)
        if process in self._extras:
            self._extras.remove(process)

    async def counter(self, worker: str, name: str) -> float:
        """Return the sum of a counter's series in a worker's metrics, 0 if the worker does not answer."""
        url = f"http://127.0.0.1:{self.port(worker.replace('-', '_'))}/metrics"
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            try:
                text = (await client.get(url)).text
            except httpx.HTTPError:
                return 0.0
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def _unmount(volume: Path) -> None:
    subprocess.run(["umount", "--lazy", str(volume)], check=False, capture_output=True)
    with contextlib.suppress(OSError):
        volume.rmdir()

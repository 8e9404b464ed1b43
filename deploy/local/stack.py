"""Starts the whole stack, keeps it running, and stops it."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence

import asyncpg
import httpx

from deploy.gateway.render import render
from deploy.kafka.node import KafkaNode
from deploy.local.database import bootstrap
from deploy.local.errors import StackError
from deploy.local.operators import local_accounts
from deploy.local.partners import PARTNER_ENVIRONMENTS, credentials, ingest_seed
from deploy.local.plan import Plan, SetupCommand, stack_ports
from deploy.local.ports import require_free
from deploy.local.postgres import PostgresServer
from deploy.local.preflight import require_programs, require_settings
from deploy.local.processes import send_signal, start_mark
from deploy.local.progress import LOOK_EVERY_S, ProcessTable, Progress
from deploy.local.screen import Screen, address_table
from deploy.local.secrets_file import Secrets, write_private
from deploy.local.settings import ROOT, SERVICES, LocalSettings
from deploy.local.state import ProcessState, RunDirectory, State, current_process
from deploy.local.supervisor import (
    FIRST_BACKOFF_S,
    LAST_BACKOFF_S,
    READY_TIMEOUT_S,
    Program,
    Supervisor,
    last_lines,
)

GATEWAY_POLL_S = 0.2
POSTGRES_CHECK_S = 0.5
DETAIL_EVERY_S = 0.5
# secrets, server, roles, migrations, 3 seeds, operators (their accounts or their provider), fake WeChat, pages, 4 APIs,
# 4 workers, gateway, the check through it
STEPS = 20
# Less than the life of the operators' tokens in it.
CREDENTIALS_RENEWED_EVERY_S = 4 * 3600.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop_leftovers(directory: RunDirectory) -> list[str]:
    """Stop the processes of an earlier, killed supervisor, also half-started ones. Returns their names."""
    ended = directory.stop_leftovers()
    server = PostgresServer(directory.postgres)
    if server.running():
        server.stop()
        ended.append("postgres")
    if directory.kafka.exists():
        KafkaNode(directory.kafka).stop_earlier_run(lambda _: ended.append("kafka"))
    return list(dict.fromkeys([*ended, *directory.stop_marked()]))


class Stack:
    """One run of the local stack, from `up` to its stop."""

    def __init__(self, settings: LocalSettings, screen: Screen) -> None:
        self._settings = settings
        self._screen = screen
        self._directory = RunDirectory(settings.directory)
        self._state = State(
            phase="starting",
            supervisor=current_process(self._directory.logs / "supervisor.log"),
            gateway_url=settings.gateway_url,
        )
        self._postgres: PostgresServer | None = None
        self._postgres_start: asyncio.Future[None] | None = None
        self._postgres_restarts = 0
        self._supervisor: Supervisor | None = None

    async def run(self) -> int:
        """Start everything, wait for a stop signal, stop everything. Returns the exit code."""
        with self._directory.locked() as mine:
            if not mine:
                self._print_already_running()
                return 0
            stopping = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in STOP_SIGNALS:
                loop.add_signal_handler(number, stopping.set)
            work = asyncio.create_task(self._start_and_watch())
            stopped = asyncio.create_task(stopping.wait())
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
            except StackError as error:
                self._screen.fail(error)
                return 1
            finally:
                stopped.cancel()
                await self._stop()
            return 0

    async def _start_and_watch(self) -> None:
        started = time.monotonic()
        require_programs(self._settings)
        self._stop_leftovers()
        for purpose, (port, variable) in stack_ports(self._settings).items():
            require_free(port, purpose, variable)
        self._write_state()
        self._directory.mark_children()
        with self._screen.steps(total=STEPS + self._settings.runs_kafka):
            plan = await self._prepare()
            await self._start(plan)
        self._state.phase = "ready"
        self._write_state()
        assert self._postgres is not None
        assert self._postgres.port is not None
        self._screen.console.print(address_table(self._settings, self._directory, self._postgres.port))
        self._screen.console.print(f"[dim]{time.monotonic() - started:.1f} s[/dim]")
        assert self._supervisor is not None
        await asyncio.gather(
            self._supervisor.wait_failed(), self._keep_postgres_running(), self._keep_credentials_fresh()
        )

    def _print_already_running(self) -> None:
        state = self._directory.read()
        phase = state.phase if state else "starting"
        url = state.gateway_url if state else self._settings.gateway_url
        self._screen.console.print(
            f"本地环境已在运行（{phase}）：{url}。make status 查看，make down 停止\n"
            f"The local stack is already running ({phase}): {url} — see `make status`, stop it with `make down`"
        )

    def _stop_leftovers(self) -> None:
        ended = stop_leftovers(self._directory)
        if ended:
            names = ", ".join(ended)
            self._screen.say(f"上次未正常结束，已清理遗留进程 / stopped leftovers of an earlier run: {names}")

    def _write_credentials(self, secrets: Secrets) -> None:
        url = self._settings.url
        content = credentials(secrets, self._settings.gateway_url, url("partner_servers"), url("wechat"))
        write_private(self._directory.credentials, json.dumps(content, ensure_ascii=False, indent=2))

    async def _keep_credentials_fresh(self) -> None:
        """The operators' tokens in the file end after 8 hours. A stack may run for weeks."""
        while True:
            await asyncio.sleep(CREDENTIALS_RENEWED_EVERY_S)
            self._write_credentials(Secrets(self._directory.secrets, PARTNER_ENVIRONMENTS))

    # --- steps -----------------------------------------------------------------------------------------------------

    async def _prepare(self) -> Plan:
        """Prepare secrets, database server, roles, schemas and reference data."""
        directory, screen = self._directory, self._screen
        with screen.step("密钥与凭证 Secrets and credentials"):
            secrets = Secrets(directory.secrets, PARTNER_ENVIRONMENTS)
            server = PostgresServer(
                directory.postgres, port=self._settings.port("postgres"), password=secrets["postgres_password"]
            )
            plan = Plan(self._settings, secrets, directory, server.admin_dsn())
            seed = ingest_seed(secrets, self._settings.url("partner_servers"))
            write_private(directory.ingest_seed, json.dumps(seed, ensure_ascii=False, indent=2))
            self._write_credentials(secrets)
            if self._settings.operators == "local":
                write_private(directory.operators, json.dumps(local_accounts(secrets), indent=2))
            require_settings(plan)
            directory.bind_event_log(self._settings.event_log_kind)
        self._postgres = server
        with screen.step("PostgreSQL"):
            await self._start_postgres()
        with screen.step("数据库与角色 Database and roles"):
            try:
                await bootstrap(server.admin_dsn(), secrets.roles)
            except asyncpg.InvalidPasswordError as error:
                raise StackError(
                    f"{directory.secrets} 与已有的数据库不匹配。请恢复该文件，或运行 make clean 重新开始。",
                    f"{directory.secrets} does not fit the existing database. Restore it, or start over: make clean",
                ) from error
        write_private(directory.envoy, render(plan.gateway_settings()))
        migrations = plan.migrations()
        with screen.step(migrations.title):
            await self._run_setup(migrations)
        # Wait for all seeds before reporting a failure, so that one failing seed does not kill another half-way.
        seeds = plan.seeds()
        if self._settings.operators == "local":
            seeds.append(plan.operators_seed())
        for outcome in await asyncio.gather(*(self._seed(setup) for setup in seeds), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return plan

    async def _seed(self, setup: SetupCommand) -> None:
        with self._screen.step(setup.title):
            await self._run_setup(setup)

    async def _start(self, plan: Plan) -> None:
        self._supervisor = Supervisor(self._directory.logs, self._screen.say, self._write_state)
        if self._settings.runs_kafka:
            async with self._show_log_of("kafka"):
                await self._start_group("Apache Kafka", [plan.kafka()])
        services = [plan.wechat(), plan.partner_servers(), plan.pages(), *plan.apis(), *plan.workers()]
        if self._settings.operators == "oidc":
            services.insert(0, plan.identity())
        await self._start_group("服务 Services", services)
        await self._start_group("网关 Gateway", [plan.gateway()])
        with self._screen.step("经网关检查 Checked through the gateway"):
            await self._check_through_gateway()

    async def _start_group(self, title: str, programs: Sequence[Program]) -> None:
        assert self._supervisor is not None
        self._screen.current(title)
        await self._supervisor.start(programs, self._screen.done)

    async def _run_setup(self, setup: SetupCommand) -> None:
        log = self._directory.logs / f"{setup.name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *setup.command,
                env=dict(setup.environment),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        progress, returncode = Progress([log]), -1
        try:
            while progress.failure() is None:
                with contextlib.suppress(TimeoutError):
                    returncode = await asyncio.wait_for(process.wait(), LOOK_EVERY_S)
                    break
                progress.look(ProcessTable().processor_s(process.pid))
        finally:
            send_signal(process.pid, signal.SIGKILL, group=True)
            await process.wait()
        if returncode != 0:
            shown = "\n".join(f"  {line}" for line in last_lines(log))
            raise StackError(
                f"{setup.title} 失败（{returncode}），日志 {log} 的最后几行：\n{shown}",
                f"{setup.title} failed; the end of {log} is shown above.",
            )

    async def _check_through_gateway(self) -> None:
        progress = Progress([self._directory.logs / "gateway.log"])
        async with httpx.AsyncClient(
            base_url=self._settings.gateway_url, trust_env=False, timeout=READY_TIMEOUT_S
        ) as client:
            for service in SERVICES:
                while True:
                    answer, status = "", ""
                    with contextlib.suppress(httpx.HTTPError):
                        response = await client.get(f"/api/v1/{service}/readyz")
                        if response.status_code == 200:
                            break
                        answer, status = response.text, str(response.status_code)
                    progress.look(0.0, f"{service} {status}")
                    if progress.failure():
                        raise StackError(
                            f"{service} 经网关未就绪：{answer}", f"{service} is not ready through the gateway: {answer}"
                        )
                    await asyncio.sleep(GATEWAY_POLL_S)

    @contextlib.asynccontextmanager
    async def _show_log_of(self, name: str) -> AsyncIterator[None]:
        """Show the last line of a log beside the progress bar. The first start of Kafka may fetch 100 MB."""

        async def show() -> None:
            while True:
                for line in last_lines(self._directory.logs / f"{name}.log", 1):
                    self._screen.detail(line)
                await asyncio.sleep(DETAIL_EVERY_S)

        task = asyncio.create_task(show())
        try:
            yield
        finally:
            task.cancel()

    # --- PostgreSQL ------------------------------------------------------------------------------------------------

    async def _start_postgres(self) -> None:
        assert self._postgres is not None
        # The thread cannot be interrupted. Keep the future, so that a stop meanwhile waits for it.
        self._postgres_start = asyncio.ensure_future(asyncio.to_thread(self._postgres.start))
        self._postgres_start.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._postgres_start)
        self._write_state()

    async def _keep_postgres_running(self) -> None:
        assert self._postgres is not None
        pause_s = FIRST_BACKOFF_S
        while True:
            await asyncio.sleep(POSTGRES_CHECK_S)
            if self._postgres.running():
                pause_s = FIRST_BACKOFF_S
                continue
            self._screen.say("PostgreSQL 已退出，正在重启 / died, restarting")
            self._write_state()
            try:
                await self._start_postgres()
            except StackError as error:
                self._screen.fail(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_BACKOFF_S)
            else:
                self._postgres_restarts += 1
                self._screen.say("PostgreSQL 已恢复 / is back")
                self._write_state()

    # --- the end ---------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._state.phase = "stopping"
        if self._supervisor is None and self._postgres is None:
            self._directory.forget_own(self._state.supervisor)
            return
        self._write_state()
        self._screen.say("正在停止 / stopping")
        started = time.monotonic()
        if self._supervisor is not None:
            await self._supervisor.stop()
        if self._postgres is not None:
            if self._postgres_start is not None:
                self._postgres.give_up()
                await asyncio.wait({self._postgres_start})
            await asyncio.to_thread(self._postgres.stop)
        await asyncio.to_thread(stop_leftovers, self._directory)  # what a killed launcher has started
        self._directory.forget()
        self._screen.say(f"已停止，数据保留 / stopped, data is kept ({time.monotonic() - started:.1f} s)")

    def _write_state(self) -> None:
        """Write the state file. Called at every change, so that the next run knows every started process."""
        found = {}
        if self._postgres is not None:
            pid = self._postgres.pid()
            mark = start_mark(pid) if pid else None
            log = str(self._postgres.log_file)
            found["postgres"] = ProcessState(
                pid, mark, self._postgres.port, log, self._postgres_restarts, ready=pid is not None
            )
        for name, child in (self._supervisor.children if self._supervisor else {}).items():
            found[name] = ProcessState(
                child.pid, child.mark, child.program.port, str(child.log), child.restarts, child.ready.is_set()
            )
        self._state.processes = found
        with contextlib.suppress(OSError):  # without its directory a stack must still be stopped
            self._directory.write(self._state)

"""Output of the local stack on the terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.errors import StackError
from deploy.local.secrets_file import FIRST_OPERATOR, SECOND_OPERATOR
from deploy.local.settings import SERVICES, LocalSettings
from deploy.local.state import ProcessState, RunDirectory, State

PIPED_WIDTH = 140
DETAIL_CHARS = 60


def console() -> Console:
    """Return a console. Without a terminal it is wide, so that a log file does not break paths."""
    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=PIPED_WIDTH)


class Screen:
    """Prints one line per finished step, with a progress bar on a terminal."""

    def __init__(self) -> None:
        self.console = console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._current = ""

    @contextmanager
    def steps(self, total: int) -> Iterator[None]:
        """Show progress over `total` steps while the block runs."""
        columns = (
            SpinnerColumn(),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            self._progress, self._task = progress, progress.add_task("", total=total)
            try:
                yield
            finally:
                self._progress = None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run one step and print its line on success."""
        self.current(title)
        started = time.monotonic()
        yield
        self.done(title, time.monotonic() - started)

    def current(self, title: str) -> None:
        """Show the title of the current step."""
        self._current = title
        if self._progress:
            self._progress.update(self._task, description=title)

    def detail(self, text: str) -> None:
        """Show the last output of a long-running program beside the current step."""
        if self._progress:
            self._progress.update(self._task, description=f"{self._current} [dim]{text[:DETAIL_CHARS]}[/dim]")

    def done(self, title: str, seconds: float) -> None:
        """Print the line of a finished step."""
        self.console.print(f"[green]✓[/green] {title} [dim]{seconds:.1f} s[/dim]")
        if self._progress:
            self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Print one line with the time, for events while the stack runs."""
        clock = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        self.console.print(f"[dim]{clock}[/dim] ", end="")
        self.console.print(text, markup=False)

    def fail(self, error: StackError) -> None:
        """Print an error in both languages."""
        self.console.print("[red]✗[/red] ", end="")
        self.console.print(error.zh, markup=False)
        self.console.print(f"  {error.en}", markup=False)


def address_table(settings: LocalSettings, directory: RunDirectory, postgres_port: int) -> Table:
    """Return the table of addresses and files."""
    table = Table(
        title="碳普惠本地环境已就绪 · The local carbon-inclusion stack is ready",
        show_header=False,
        title_justify="left",
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    gateway = settings.gateway_url
    table.add_row("网关 Gateway", gateway)
    table.add_row("接口文档 API docs", f"{gateway}/docs")
    for service in SERVICES:
        table.add_row(f"{service} API", f"{gateway}/api/v1/{service}/…  (直连 direct {settings.url(service)})")
    table.add_row("模拟微信 Fake WeChat", f"{settings.url('wechat')}  (登录码 code: dev:<openid>)")
    partners = f"{settings.url('partner_servers')}/bike, /metro, /recycler, /meter, /grid"
    table.add_row("模拟合作方 Fake partners", partners)
    how = settings.url("identity") if settings.operators == "oidc" else "本地账户加动态码 local accounts, TOTP"
    table.add_row("运营登录 Operators", f"{FIRST_OPERATOR}, {SECOND_OPERATOR}  ({how}; 密码 passwords: make operators)")
    table.add_row("PostgreSQL", f"127.0.0.1:{postgres_port}/carbon  (密码 passwords: {directory.secrets})")
    table.add_row("事件日志 Event log", _event_log(settings))
    table.add_row("Envoy 管理 admin", settings.url("envoy_admin"))
    table.add_row("凭证 Credentials", str(directory.credentials))
    table.add_row("日志 Logs", f"{directory.logs}/<name>.log  (make logs)")
    table.add_row(
        "状态 · 停止 Status · stop", "make status · Ctrl-C, make down  (数据保留 data is kept; make clean 清除)"
    )
    return table


def _event_log(settings: LocalSettings) -> str:
    if settings.kafka_bootstrap_servers:
        return f"Kafka {settings.kafka_bootstrap_servers}"
    if settings.runs_kafka:
        return f"Kafka 127.0.0.1:{settings.port('kafka')}"
    return "内嵌于 PostgreSQL, embedded  (make run LOG=kafka 使用 Kafka)"


def status_table(state: State) -> Table:
    """Return the table of every process and its state."""
    table = Table(title=f"{state.gateway_url}  ·  {state.phase}  ·  {state.started_at}", title_justify="left")
    for column in ("进程 process", "状态 state", "pid", "端口 port", "重启 restarts"):
        table.add_column(column, no_wrap=True)
    table.add_column("日志 log", overflow="fold")  # this column folds in a narrow window
    for name, process in {"supervisor": state.supervisor, **state.processes}.items():
        table.add_row(
            name,
            _condition(name, process),
            str(process.pid or "-"),
            str(process.port or "-"),
            str(process.restarts),
            process.log,
        )
    return table


def _condition(name: str, process: ProcessState) -> str:
    if not process.alive():
        return "[red]已退出 down[/red]"
    if process.ready or name == "supervisor":
        return "[green]运行中 up[/green]"
    return "[yellow]启动中 starting[/yellow]"

"""`python -m deploy.local`: the command line of the local stack. `make run` and the other targets call it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError

from deploy.local import operators
from deploy.local.errors import StackError
from deploy.local.partners import PARTNER_ENVIRONMENTS
from deploy.local.postgres import PostgresServer
from deploy.local.processes import send_signal, wait_until_gone
from deploy.local.screen import Screen, status_table
from deploy.local.secrets_file import FIRST_OPERATOR, SECOND_OPERATOR, Secrets
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.stack import Stack, stop_leftovers
from deploy.local.state import RunDirectory, State
from deploy.local.supervisor import last_lines, trim_log

DOWN_TIMEOUT_S = 180.0  # more than the sum of the supervisor's own timeouts
POLL_S = 0.2
FIRST_STATE_S = 30.0
INTERRUPTED = 130  # the exit code of a shell after Ctrl-C
NOT_RUNNING = 3  # the exit code of init scripts for a stopped service

app = typer.Typer(add_completion=False, no_args_is_help=True, help="本地环境 The local stack.", rich_markup_mode=None)
screen = Screen()


def _settings() -> LocalSettings:
    try:
        return LocalSettings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors())
        screen.fail(StackError(f"设置有误：{wrong}", "These settings are wrong."))
        raise typer.Exit(2) from error


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="在后台运行 Return when ready, leave it running.")] = False,
) -> None:
    """启动并保持运行 Start everything and keep it running; Ctrl-C stops it."""
    settings = _settings()
    if detach:
        raise typer.Exit(_up_detached(settings))
    raise typer.Exit(asyncio.run(Stack(settings, screen).run()))


def _up_detached(settings: LocalSettings) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = RunDirectory(settings.directory)
    directory.prepare()
    log = directory.logs / "supervisor.log"
    trim_log(log)
    with log.open("ab") as output:
        shown = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        return _show_until_ready(directory, process, log, shown)
    except KeyboardInterrupt:  # the stack runs in a session of its own, which Ctrl-C does not reach
        send_signal(process.pid, signal.SIGTERM)
        process.wait()
        _down(directory)
        return INTERRUPTED


def _show_until_ready(directory: RunDirectory, process: "subprocess.Popen[bytes]", log: Path, shown: int) -> int:
    while True:
        returncode = process.poll()
        with log.open("rb") as file:
            file.seek(shown)
            new_bytes = file.read()
        shown += len(new_bytes)
        sys.stdout.write(new_bytes.decode(errors="replace"))
        sys.stdout.flush()
        if returncode is not None:
            return returncode
        state = directory.read()
        if state is not None and state.phase == "ready" and state.supervisor.pid == process.pid and not new_bytes:
            return 0
        time.sleep(POLL_S)


@app.command()
def down() -> None:
    """停止，数据保留 Stop everything, keep the data."""
    _down(RunDirectory(_settings().directory))


def _live_state(directory: RunDirectory) -> State | None:
    """Return the state of a living supervisor. One that has just begun writes its state in a moment."""
    deadline = time.monotonic() + FIRST_STATE_S
    while True:
        state = directory.read()
        if state is not None and state.supervisor.alive():
            return state
        if not directory.supervised() or time.monotonic() > deadline:
            return None
        time.sleep(POLL_S)


def _down(directory: RunDirectory) -> None:
    state = _live_state(directory)
    if state is not None and state.supervisor.pid is not None:
        screen.say("正在停止 / stopping")
        send_signal(state.supervisor.pid, signal.SIGTERM)
        for pid, _ in wait_until_gone([(state.supervisor.pid, state.supervisor.mark)], DOWN_TIMEOUT_S):
            send_signal(pid, signal.SIGKILL)
        wait_until_gone([(state.supervisor.pid, state.supervisor.mark)], DOWN_TIMEOUT_S)
        left = stop_leftovers(directory)
        screen.say(f"已停止 / stopped{f'; 强制结束 killed: {left}' if left else ''}")
        return
    if not directory.path.exists():
        screen.say("没有在运行 / not running")
        return
    left = stop_leftovers(directory)
    screen.say(
        f"已清理遗留进程 / stopped leftovers of an earlier run: {', '.join(left)}"
        if left
        else "没有在运行 / not running"
    )


@app.command()
def clean() -> None:
    """停止并清除数据 Stop everything and delete data, secrets and logs."""
    directory = RunDirectory(_settings().directory)
    _down(directory)
    try:
        if directory.path.exists():
            PostgresServer(directory.postgres).destroy()
        directory.delete()
    except StackError as error:
        screen.fail(error)
        raise typer.Exit(1) from error
    screen.say(f"已清除 / deleted: {directory.path}")


@app.command()
def status() -> None:
    """查看各进程 Show every process. Exit code: 0 all up, 1 some down, 3 not running."""
    directory = RunDirectory(_settings().directory)
    state = directory.read()
    if state is None:
        screen.say("没有在运行 / not running")
        raise typer.Exit(NOT_RUNNING)
    screen.console.print(status_table(state))
    if not state.supervisor.alive():
        screen.say(
            "监管进程已退出：make run 重启，make down 清理 / the supervisor is gone: use `make run` or `make down`"
        )
        raise typer.Exit(1)
    if not all(process.alive() and process.ready for process in state.processes.values()):
        raise typer.Exit(1)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="如 such as accounting-worker；省略则显示全部 omit for all")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="持续显示 Keep showing.")] = False,
) -> None:
    """查看日志 Show the end of the logs."""
    directory = RunDirectory(_settings().directory)
    files = sorted(directory.logs.glob("*.log")) if directory.logs.exists() else []
    server_log = PostgresServer(directory.postgres).log_file if files else None
    if server_log is not None and server_log.exists():
        files.append(server_log)
    names = {"postgres" if file == server_log else file.stem: file for file in files}
    if name and name not in names:
        screen.say(f"没有这个日志 / no such log: {name}. {', '.join(names) or '-'}")
        raise typer.Exit(1)
    chosen = {name: names[name]} if name else names
    for title, file in chosen.items():
        for line in last_lines(file, lines):
            sys.stdout.write(f"{title} | {line}\n")
    if follow:
        _follow(chosen)


def _follow(chosen: dict[str, Path]) -> None:
    offsets = {title: file.stat().st_size for title, file in chosen.items()}
    try:
        while True:
            for title, file in chosen.items():
                size = file.stat().st_size
                offset = offsets[title] if offsets[title] <= size else 0
                with file.open("rb") as source:
                    source.seek(offset)
                    new_bytes = source.read()
                complete = new_bytes.rfind(b"\n") + 1
                offsets[title] = offset + complete
                for line in new_bytes[:complete].decode(errors="replace").splitlines():
                    sys.stdout.write(f"{title} | {line}\n")
            sys.stdout.flush()
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return


def _secrets(directory: RunDirectory) -> Secrets:
    if not directory.secrets.exists():
        screen.say("先运行 make run / run `make run` first")
        raise typer.Exit(NOT_RUNNING)
    return Secrets(directory.secrets, PARTNER_ENVIRONMENTS)


@app.command("operators")
def show_operators() -> None:
    """打印两位运营人员的登录信息 Print how the two operators log in."""
    settings = _settings()
    print(operators.describe(settings, _secrets(RunDirectory(settings.directory))))


@app.command("log-in")
def log_in(name: Annotated[str, typer.Argument(help="ops-local | ops-second")] = FIRST_OPERATOR) -> None:
    """真正登录一次，打印会话 Log an operator in for real, print the session with its tokens."""
    settings = _settings()
    secrets = _secrets(RunDirectory(settings.directory))
    try:
        session = operators.log_in(settings, secrets, name)
    except (httpx.HTTPError, KeyError) as error:
        screen.fail(StackError(f"登录未成功：{error!r}", "The log-in failed. Is the stack running?"))
        raise typer.Exit(1) from error
    print(json.dumps(session, ensure_ascii=False, indent=2))


@app.command()
def token(
    subject: Annotated[
        str, typer.Option(help="谁的令牌 Whose token. A second person approves the proposals of the first.")
    ] = SECOND_OPERATOR,
) -> None:
    """打印开发用令牌，8 小时有效 Print a token of development that lives 8 hours."""
    print(_secrets(RunDirectory(_settings().directory)).ops_token(subject))


if __name__ == "__main__":
    os.umask(0o022)  # a stricter mask would hide the run directory from the database's account
    app()

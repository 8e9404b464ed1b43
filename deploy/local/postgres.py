"""One PostgreSQL server, started the same way by `make run`, the tests and CI.

    with PostgresServer(Path(".run/postgres")) as server:
        print(server.admin_dsn())

deploy/local/pgbinaries.py finds the programs and the account that runs them.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from deploy.local.errors import StackError
from deploy.local.pgbinaries import (
    Account,
    account_can_use,
    choose_binaries,
    reachable_directory,
    run_as,
    server_account,
)
from deploy.local.ports import free_port, is_free, port_holder
from deploy.local.processes import (
    command_line,
    is_same_process,
    own_pids,
    pids_with_command,
    pids_working_in,
    send_signal,
    start_mark,
    wait_until_gone,
)
from deploy.local.progress import START_MAX_S, Interrupted, NoProgress, Progress, wait_for_command

HOST = "127.0.0.1"
SUPERUSER = "postgres"
FALLBACK_ROOT = Path("/var/tmp")  # survives a reboot, unlike /tmp  # noqa: S108 -- ownership and mode are checked
STOP_TIMEOUT_S = 20
ORPHAN_WAIT_S = 10.0
START_ATTEMPTS = 5
LOG_KEPT_BYTES = 10 * 1024 * 1024
LOG_SHOWN_LINES = 12
OWNER_FILE = "throw-away"  # pid and start mark of the process that owns a test cluster

StopMode = Literal["smart", "fast", "immediate"]

SETTINGS = {
    "listen_addresses": HOST,
    # No socket file: its path is limited to 107 bytes, and the path of a checkout may be longer.
    "unix_socket_directories": "",
    "max_connections": "200",  # 4 APIs and 4 workers with pools of 20, tests and psql beside them
    "max_wal_size": "4GB",  # checkpoints by time, not by volume, during bulk posting
    "random_page_cost": "1.1",  # SSDs do not seek; at 4 the planner reads a whole table instead of using a large index
    "jit": "off",  # compiling short statements costs more than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
DURABLE = {"shared_buffers": "256MB"}
THROW_AWAY = {
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """A PostgreSQL server on 127.0.0.1 that owns one data directory.

    port      None picks a free one at every start.
    durable   False turns off fsync and related settings. For tests only: a crash of the machine loses the data.
    password  of the superuser `postgres`, set when the data directory is created. None trusts every local connection
              and is for throw-away test clusters.

    If root starts it, the server runs under `postgres` or `nobody`. If that account cannot reach `data_dir` (root's
    home, a checkout or a test directory under a 0700 parent), the data lies under /var/tmp, in a directory only that
    account can enter. `<data_dir>.location` then holds the path. The mode of a parent directory is never changed.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, durable: bool = True, password: str | None = None
    ) -> None:
        self.wanted_dir = data_dir.absolute()
        self.wanted_port = port
        self.durable = durable
        self.password = password
        self.port: int | None = port
        self._account: Account | None = server_account()
        self.home = self._choose_home()
        self.cluster = self.home / "data"
        self._bin: Path | None = None
        self._unwanted = False

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Create the data directory if needed, stop leftovers of an earlier run, start, and wait until ready.

        Its progress decides, not the clock. A failed start leaves no process.
        Raises StackError: no server program, wrong version of the data, busy port, failed start, `give_up` was called.
        """
        try:
            self._start()
        except NoProgress as error:
            self.stop_earlier_run()
            raise StackError(
                f"PostgreSQL {error.zh}，日志 {self.log_file}。", f"PostgreSQL {error.en}; its log is {self.log_file}."
            ) from error
        except Interrupted as error:
            self.stop_earlier_run()
            raise StackError("PostgreSQL 的启动被中断。", "The start of PostgreSQL was interrupted.") from error
        except BaseException:
            self.stop_earlier_run()
            raise

    def give_up(self) -> None:
        """End a start that runs in another thread."""
        self._unwanted = True

    def _start(self) -> None:
        self._create_home()
        if not self.durable:
            self._delete_abandoned_clusters()
            pid = os.getpid()
            (self.home / OWNER_FILE).write_text(f"{pid}\n{start_mark(pid)}\n", encoding="utf-8")
        major = self._data_major()
        self._bin = reachable_directory(choose_binaries(major), self._account, self.home)
        if major is None:
            self._initialise()
        self.stop_earlier_run()
        last = ""
        for attempt in range(START_ATTEMPTS):
            self.port = self.wanted_port or free_port()
            if self.wanted_port and not is_free(self.wanted_port):
                self._refuse_busy_port(self.wanted_port)
            self._configure()
            log_from = self._log_size()
            done = self._run("pg_ctl", "start", "-w", "-s", "-t", str(int(START_MAX_S)), "-l", str(self.log_file))
            if done.returncode == 0:
                return
            last = self._log_since(log_from) or done.stderr
            if "could not bind" not in last and "shared memory block" not in last:
                break
            # Another process took the port, or backends of a killed server still hold its memory. They exit soon.
            self._stop_orphans()
            time.sleep(0.2 * (attempt + 1))
        raise StackError(
            f"PostgreSQL 启动失败，日志 {self.log_file}：\n{last}",
            f"PostgreSQL did not start; its log {self.log_file} ends as shown above.",
        )

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server. After STOP_TIMEOUT_S kill it; the next start then recovers. No-op if stopped."""
        pid = self.pid()
        if pid is None:
            return
        mark = start_mark(pid)
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        send_signal(pid, signals[mode])
        if not wait_until_gone([(pid, mark)], STOP_TIMEOUT_S):
            return
        send_signal(pid, signal.SIGQUIT)
        if wait_until_gone([(pid, mark)], STOP_TIMEOUT_S):
            send_signal(pid, signal.SIGKILL)
        self._stop_orphans()

    def running(self) -> bool:
        """Whether a server process works on this data directory."""
        return self.pid() is not None

    def destroy(self) -> None:
        """Stop the server and delete its data."""
        self.stop("immediate")
        self._stop_orphans()
        shutil.rmtree(self.home, ignore_errors=True)
        self._location_file().unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- state -----------------------------------------------------------------------------------------------------

    def admin_dsn(self, database: str = "postgres") -> str:
        """Return the URL of the superuser for `database`. Raises RuntimeError before the first start."""
        if self.port is None:
            raise RuntimeError("the server has not been started")
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"postgresql://{SUPERUSER}{secret}@{HOST}:{self.port}/{quote(database, safe='')}"

    def pid(self) -> int | None:
        """Return the process id of the running postmaster, None if stopped."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].lstrip("-").isdigit():
            return None
        pid = abs(int(lines[0]))
        return pid if self._is_our_server(pid) else None

    @property
    def log_file(self) -> Path:
        """The server's own log."""
        return self.home / "server.log"

    # --- places ----------------------------------------------------------------------------------------------------

    def _choose_home(self) -> Path:
        """Return `wanted_dir`, or a directory under /var/tmp if the server's account cannot reach it."""
        parent = self.wanted_dir.parent
        parent.mkdir(parents=True, exist_ok=True)
        if account_can_use(self._account, parent):
            return self.wanted_dir.resolve()
        # resolve(): the same checkout under another path must find the same data.
        name = hashlib.sha256(os.fsencode(self.wanted_dir.resolve())).hexdigest()[:16]
        return FALLBACK_ROOT / f"carbon-inclusion-{name}"

    def _location_file(self) -> Path:
        return self.wanted_dir.with_name(f"{self.wanted_dir.name}.location")

    def _create_home(self) -> None:
        """Create a home that only the account can enter. Raises StackError if another account owns it."""
        with contextlib.suppress(FileExistsError):
            self.home.mkdir(mode=0o700)
            if self._account:
                os.chown(self.home, self._account.uid, self._account.gid)
        found = self.home.lstat()
        owner = self._account.uid if self._account else os.geteuid()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
            raise StackError(
                f"{self.home} 不属于运行 PostgreSQL 的账户（uid {owner}），不予使用它。请删除后重试。",
                f"{self.home} does not belong to the account that runs PostgreSQL (uid {owner}) and is not used. "
                f"Remove it and try again.",
            )
        self.home.chmod(0o700)
        if self.home.parent == FALLBACK_ROOT:
            self._location_file().write_text(f"{self.home}\n", encoding="utf-8")

    def _delete_abandoned_clusters(self) -> None:
        """Delete test clusters under /var/tmp whose test run was killed."""
        for note in FALLBACK_ROOT.glob(f"carbon-inclusion-*/{OWNER_FILE}"):
            with contextlib.suppress(OSError, ValueError):
                pid, mark = note.read_text(encoding="utf-8").splitlines()
                if note.parent.lstat().st_uid != self.home.lstat().st_uid or is_same_process(int(pid), mark):
                    continue
                left = PostgresServer(note.parent)
                left.home, left.cluster = note.parent, note.parent / "data"
                left.destroy()

    def _data_major(self) -> int | None:
        try:
            return int((self.cluster / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    # --- steps of a start ------------------------------------------------------------------------------------------

    def _initialise(self) -> None:
        """Run initdb beside the final place, then rename: a killed initdb leaves no cluster that looks complete."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.home / f".password-{secrets.token_hex(4)}"
        # C collation: the same order in every build. The build of the wheel has no ICU.
        options = ["-D", str(unfinished), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--no-instructions"]
        options += ["--data-checksums"] if self.durable else ["--no-sync"]
        try:
            if self.password:
                password_file.touch(mode=0o600)
                password_file.write_text(self.password, encoding="utf-8")
                if self._account:
                    os.chown(password_file, self._account.uid, self._account.gid)
                options += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
            else:
                options += ["--auth=trust"]
            done = self._run("initdb", *options, in_cluster=False)
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise StackError(
                f"initdb 失败（数据目录 {self.cluster}）：\n{done.stderr.strip()}",
                f"initdb failed for {self.cluster}: see above.",
            )
        unfinished.rename(self.cluster)

    def _configure(self) -> None:
        """Write the settings file at each start, so that changed settings reach old data directories too."""
        values = {**SETTINGS, **(DURABLE if self.durable else THROW_AWAY), "port": str(self.port)}
        text = "".join(f"{name} = '{value}'\n" for name, value in values.items())
        ours = self.cluster / "local.conf"
        ours.write_text(text, encoding="utf-8")
        ours.chmod(0o644)
        main = self.cluster / "postgresql.conf"
        if "include_if_exists = 'local.conf'" not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write("\ninclude_if_exists = 'local.conf'\n")
        if self._log_size() > LOG_KEPT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))

    def stop_earlier_run(self) -> None:
        """Stop a leftover server on this data and remove a stale pid file.

        PostgreSQL removes a stale pid file itself, unless the pid now belongs to another process of the same account.
        That is common after the restart of a container.
        """
        if self.running():
            self.stop("fast")
        self._stop_orphans()
        pid_file = self.cluster / "postmaster.pid"
        if pid_file.exists() and not self.running():
            pid_file.unlink(missing_ok=True)

    def _stop_orphans(self) -> None:
        """Stop a half-started server or initdb, and backends that outlived a killed postmaster.

        The command line of the first names the data directory. The working directory of the others is that directory.
        Where the kernel hides it, waiting is enough: the backends notice and exit later.
        """
        pids = {pid for pid in pids_working_in(self.cluster) if "postgres" in command_line(pid)}
        for program, directory in (("postgres", self.cluster), ("initdb", self.home / "data.new")):
            pids |= set(pids_with_command(f"/bin/{program}\0", f"-D\0{directory}\0"))
        orphans = [(pid, start_mark(pid)) for pid in pids - own_pids()]
        for signum in (signal.SIGQUIT, signal.SIGKILL):
            for pid, mark in orphans:
                if is_same_process(pid, mark):
                    send_signal(pid, signum)
            orphans = wait_until_gone(orphans, ORPHAN_WAIT_S / 2)

    def _is_our_server(self, pid: int) -> bool:
        # The command line is visible to every account. Containers without CAP_SYS_PTRACE hide the working directory
        # from root.
        if start_mark(pid) is None:
            return False
        shown = command_line(pid)
        return "postgres" in shown and str(self.cluster) in shown

    def _refuse_busy_port(self, port: int) -> None:
        found = port_holder(port)
        by = f"{found[1]} (pid {found[0]})" if found else "?"
        raise StackError(f"PostgreSQL 的端口 {port} 已被占用：{by}。", f"Port {port} for PostgreSQL is held by: {by}.")

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    # --- programs and their output ---------------------------------------------------------------------------------

    def _run(self, program: str, *arguments: str, in_cluster: bool = True) -> subprocess.CompletedProcess[str]:
        if self._bin is None:
            raise RuntimeError("the programs have not been chosen yet")
        command = [str(self._bin / program), *(["-D", str(self.cluster)] if in_cluster else []), *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"LC_ALL": "C", "LANG": "C"}
        # Files, not pipes: the server inherits the handles of pg_ctl, and a pipe would stay open while it runs.
        output = self.home / "pg_ctl.log"
        with output.open("w+", encoding="utf-8", errors="replace") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",  # the account may not be able to enter the current directory
                env=environment,
                start_new_session=True,  # Ctrl-C reaches only the supervisor, which stops the server last
                **run_as(self._account),
            )
            progress = Progress([output, self.log_file])
            code = wait_for_command(process, progress, unwanted=lambda: self._unwanted, group=True)
            file.seek(0)
            return subprocess.CompletedProcess(command, code, "", file.read())

    def _log_size(self) -> int:
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def _log_since(self, offset: int) -> str:
        if not self.log_file.exists():
            return ""
        with self.log_file.open(encoding="utf-8", errors="replace") as file:
            file.seek(offset)
            lines = [re.sub(r"^\S+ \S+ UTC ", "", line) for line in file.read().splitlines()]
        return "\n".join(lines[-LOG_SHOWN_LINES:])

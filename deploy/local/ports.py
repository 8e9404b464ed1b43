"""TCP ports: finds free ones and the holder of a busy one."""

import contextlib
import errno
import socket
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.processes import command_line

LISTEN = "0A"
COMMAND_SHOWN = 120


def free_port() -> int:
    """Return a port that is free now. Another process may take it first, so callers retry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. Connections in TIME_WAIT do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def port_holder(port: int) -> tuple[int, str] | None:
    """Return (pid, command) of the listening process, if this account may see it (Linux only)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in inodes:
                        pid = int(process.name)
                        return pid, command_line(pid)[:COMMAND_SHOWN]
    return None


def require_free(port: int, purpose: str, variable: str, host: str = "127.0.0.1") -> None:
    """Raise StackError if the port is busy. It names the port, its process and the variable that changes it."""
    if is_free(port, host):
        return
    found = port_holder(port)
    zh_by = f"进程 {found[0]}（{found[1]}）占用" if found else "其他进程占用"
    en_by = f"process {found[0]} ({found[1]})" if found else "another process"
    raise StackError(
        f"端口 {port}（{purpose}）已被{zh_by}。请结束它，或换一个端口：make run {variable}=<端口>",
        f"Port {port} ({purpose}) is held by {en_by}. Stop it, or choose another: make run {variable}=<port>",
    )

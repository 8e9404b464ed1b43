"""A proxy between one process and PostgreSQL that stops at a chosen commit.

It reads the messages of both sides (protocol 3.0), knows the statements of each open transaction, and names the step
that a COMMIT ends. The services have no hooks for this. The proxy has a thread and an event loop of its own, so that a
test may wait for its processes.
"""

import asyncio
import contextlib
import enum
import struct
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from tests.chaos.proxy import RESET_ON_CLOSE

HOST: Final = "127.0.0.1"
SLOW_S: Final = 7.0  # longer than rewards waits for accounting, shorter than a process waits for its database
_SO_LINGER: Final = (1, 13)  # SOL_SOCKET, SO_LINGER
_SSL_REQUESTS: Final = {80877103, 80877104}
_CANCEL_REQUEST: Final = 80877102


class Fault(enum.StrEnum):
    KILLED_BEFORE = "killed before the commit"
    KILLED_AFTER = "killed after the commit"
    LOST = "connection lost after the commit"
    REFUSED = "connection lost before the commit"
    SLOW = "commit slower than the caller waits"
    DOWN = "not there for ten seconds"
    AWAY = "not there for seventy seconds"
    PASSED = "passed"


class Write(NamedTuple):
    """One statement with its parameters as they were sent: texts as they are, the rest in binary."""

    sql: str
    parameters: bytes


@dataclass(slots=True)
class _Link:
    """One connection. `statements`: of prepared ones, by name. `writes`: of the open transaction."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    statements: dict[bytes, str] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    committing: bool = False
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    held: bytes = b""

    def cut(self) -> None:
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(*_SO_LINGER, RESET_ON_CLOSE)
            writer.close()


class CommitGate:
    """Use as `with CommitGate(port_of_postgres, name_step, passed) as gate`. Connect to `gate.port`.

    `name_step`: names the step of a transaction by its statements, or returns None if it is none. `passed`: gets the
    steps that arrive; gates may share it.
    """

    def __init__(self, target: int, name_step: Callable[[Sequence[Write]], str | None], passed: list[str]) -> None:
        self._target, self._name_step, self._passed = target, name_step, passed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._armed: tuple[str, Fault, Callable[[], None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.fired = threading.Event()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = server = self._run(asyncio.start_server(self._accept, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            assert self._server is not None
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def arm(self, step: str, fault: Fault, fire: Callable[[], None]) -> None:
        """Let the next commit of this step meet the fault. `fire` kills the process, if that is the fault."""
        self.fired.clear()
        self._armed = step, fault, fire

    def disarm(self) -> None:
        self._armed = None

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            source, server = await asyncio.open_connection(HOST, self._target)
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        try:
            if not await _pass_startup(reader, link, source):
                return
            back = asyncio.create_task(self._backward(source, link))
            try:
                await self._forward(reader, link)
            finally:
                back.cancel()
        except (OSError, EOFError):  # a side has ended
            pass
        finally:
            for writer in (client, server):
                writer.close()

    async def _forward(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while True:
            kind, message = await _read(reader)
            _note(link, kind, message[5:])
            if kind == b"Q" and message[5:].startswith(b"COMMIT"):
                await self._commit(link, message)
                link.writes.clear()
            else:
                link.server.write(message)
                await link.server.drain()

    async def _commit(self, link: _Link, message: bytes) -> None:
        step = self._name_step(link.writes)
        armed = self._armed
        if step is not None:
            self._passed.append(step)
        if step is None or armed is None or armed[0] != step:
            link.server.write(message)
            return
        self._armed = None
        _, fault, fire = armed
        if fault in {Fault.KILLED_BEFORE, Fault.REFUSED}:
            fire()
            link.cut()
            self.fired.set()
            raise EOFError
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        link.committing = fault in {Fault.KILLED_AFTER, Fault.LOST, Fault.DOWN, Fault.AWAY}
        link.server.write(message)
        if not link.committing:
            self.fired.set()
            return
        await link.committed.wait()
        fire()
        self.fired.set()
        if fault not in {Fault.DOWN, Fault.AWAY}:
            link.cut()
            raise EOFError
        link.committing = False
        link.client.write(link.held)

    async def _backward(self, source: asyncio.StreamReader, link: _Link) -> None:
        """Pass answers on. The answer to a COMMIT that the gate watches waits for the gate."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, message = await _read(source)
                if link.committing:
                    link.held += message
                    if kind == b"Z":
                        link.committed.set()
                else:
                    link.client.write(message)
        link.client.close()


async def _pass_startup(reader: asyncio.StreamReader, link: _Link, source: asyncio.StreamReader) -> bool:
    """Pass the first messages, which have no type. False for a request to cancel a statement: it ends the link."""
    while True:
        head = await reader.readexactly(4)
        body = await reader.readexactly(struct.unpack("!I", head)[0] - 4)
        link.server.write(head + body)
        code = struct.unpack("!I", body[:4])[0]
        if code == _CANCEL_REQUEST:
            await link.server.drain()
            return False
        if code not in _SSL_REQUESTS:
            return True
        link.client.write(await source.readexactly(1))


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the type of a message and all its bytes."""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


def _note(link: _Link, kind: bytes, body: bytes) -> None:
    """Remember prepared statements, and what an open transaction executes."""
    if kind == b"P":
        name, sql, _ = body.split(b"\0", 2)
        link.statements[name] = sql.decode()
    elif kind == b"B":
        _portal, name, parameters = body.split(b"\0", 2)
        link.writes.append(Write(link.statements.get(name, ""), parameters))
    elif kind == b"Q" and body.startswith((b"BEGIN", b"ROLLBACK")):
        link.writes.clear()

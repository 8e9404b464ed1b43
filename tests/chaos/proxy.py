"""A TCP proxy with faults, between services and PostgreSQL and between services and the event log."""

import asyncio
import contextlib
import enum
import socket
import struct
import time
from collections.abc import Coroutine
from typing import Any

HOST = "127.0.0.1"
LATENCY_S = 0.5
CHUNK_BYTES = 64 * 1024
# Only the start of a chunk, where protocols have their lengths, goes out byte by byte. The rest goes in small pieces,
# because a megabyte in single bytes would keep this process busy for seconds.
SLICED_BYTES = 512
PIECE_BYTES = 256
QUEUED_CHUNKS_MAX = 256
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FaultMode(enum.StrEnum):
    """Treatment of forwarded bytes."""

    PASS = "pass"
    LATENCY = "latency"  # every chunk arrives LATENCY_S late
    SLICE = "slice"  # one byte at a time
    BLACKHOLE = "blackhole"  # connections stay open, nothing passes until the mode changes
    RESET = "reset"  # every connection, old or new, is reset


class _Link:
    """A client's connection and the matching connection to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter | None = None) -> None:
        self.client, self.server = client, server
        self.abandoned = False

    def reset(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                _reset(writer)

    def half_open(self) -> None:
        """Reset the server's side and leave the client's side open."""
        self.abandoned = True
        if self.server is not None:
            _reset(self.server)


class FaultProxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`. `mode` may be changed at any time."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._play_mode = FaultMode.PASS
        self._changed_payload = asyncio.Event()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.reset()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def mode(self) -> FaultMode:
        return self._play_mode

    @mode.setter
    def mode(self, mode: FaultMode) -> None:
        self._play_mode = mode
        self._changed_payload.set()
        self._changed_payload = asyncio.Event()
        if mode is FaultMode.RESET:
            for link in list(self._links):
                link.reset()

    @property
    def connections(self) -> int:
        return len(self._links)

    def half_open_all(self) -> int:
        """Make every present connection half-open. Later connections work. Returns their number."""
        links = list(self._links)
        for link in links:
            link.half_open()
        return len(links)

    # --- one connection --------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(self._serve(reader, writer))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            if self._play_mode is FaultMode.RESET:
                _reset(writer)
                return
            await self._wait_while_blackholed()
            upstream_reader, link.server = await asyncio.open_connection(HOST, self.target)
            for side in (writer, link.server):
                side.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = asyncio.ensure_future(self._forward(reader, link.server))
            back = asyncio.ensure_future(self._forward(upstream_reader, writer))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (there, back):
                    task.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
            if link.abandoned:
                await _drain_until_closed(reader)
        except OSError:
            pass  # no server: the client's connection is closed below, like on a host without a listener
        finally:
            self._links.discard(link)
            link.reset() if self._play_mode is FaultMode.RESET else _close(link)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_CHUNKS_MAX)

        async def take() -> None:
            data = b"-"
            while data:
                try:
                    data = await reader.read(CHUNK_BYTES)
                except OSError:
                    data = b""
                delay_s = LATENCY_S if self._play_mode is FaultMode.LATENCY else 0.0
                await queue.put((time.monotonic() + delay_s, data))

        taking = asyncio.ensure_future(take())
        try:
            data = b"-"
            while data:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._wait_while_blackholed()
                await self._send(writer, data)
        except OSError:
            return
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        start = 0
        while start < len(data):
            size = len(data) - start
            if self._play_mode is FaultMode.SLICE:
                size = 1 if start < SLICED_BYTES else PIECE_BYTES
            writer.write(data[start : start + size])
            await writer.drain()
            start += size
            if start < len(data):
                await asyncio.sleep(0)

    async def _wait_while_blackholed(self) -> None:
        while self._play_mode is FaultMode.BLACKHOLE:
            await self._changed_payload.wait()


async def _drain_until_closed(reader: asyncio.StreamReader) -> None:
    """Read and drop the bytes of an abandoned client until it closes."""
    with contextlib.suppress(OSError):
        while await reader.read(CHUNK_BYTES):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, AttributeError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


def _close(link: _Link) -> None:
    for writer in (link.client, link.server):
        if writer is not None:
            writer.close()

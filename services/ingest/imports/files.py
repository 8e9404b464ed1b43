"""Reads the lines of a stored file piece by piece, so that memory does not grow with the file."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

from services.ingest.imports import reasons
from services.ingest.imports.domain import LINE_BYTES_MAX, LINES_MAX, UNPACKED_BYTES_MAX, Compression
from services.ingest.imports.reasons import BadFile

PIECE_BYTES: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
# Some tools pad a gzip file with zeros.
_PADDING: Final = b"\x00"

LoadPart = Callable[[int], Awaitable[bytes | None]]
"""Loads a part by its number. None after the last one."""


class LineReader:
    """Reads forward only. To resume at a later line, a new reader skips the lines before it.

    Lines have no line end. A line that is too long is cut to LINE_BYTES_MAX + 1 bytes, so that it can be recognised.
    """

    def __init__(self, compression: Compression) -> None:
        self.next_line = 1
        self.bytes_read = 0
        self._unpacker = zlib.decompressobj(_GZIP) if compression == "gzip" else None
        self._part = b""
        self._part_no = 0
        self._packed = b""
        self._unpacked_bytes = 0
        self._ready: list[bytes] = []
        self._used = 0
        self._rest = b""
        self._ended = False

    async def take(self, count: int, load: LoadPart) -> list[bytes]:
        """The next `count` lines, fewer only at the end of the file. Raises BadFile."""
        lines: list[bytes] = []
        while len(lines) < count:
            if self._used < len(self._ready):
                end = min(self._used + count - len(lines), len(self._ready))
                lines += self._ready[self._used : end]
                self._used = end
            elif self._ended:
                break
            else:
                await self._refill(load)
        self.next_line += len(lines)
        if self.next_line > LINES_MAX:
            raise BadFile(reasons.FILE_TOO_LONG)
        return lines

    async def skip_to(self, line: int, load: LoadPart) -> None:
        """Read and drop everything before `line`. Raises BadFile."""
        while self.next_line < line and await self.take(min(line - self.next_line, 5_000), load):
            await asyncio.sleep(0)

    async def _refill(self, load: LoadPart) -> None:
        piece = await self._piece(load)
        if piece is None:
            self._ended = True
            self._ready, self._used = ([self._rest] if self._rest else []), 0
            self._rest = b""
            return
        self._unpacked_bytes += len(piece)
        if self._unpacked_bytes > UNPACKED_BYTES_MAX:
            raise BadFile(reasons.FILE_TOO_LONG)
        self._ready, self._used = (self._rest + piece).split(b"\n"), 0
        self._rest = self._ready.pop()[: LINE_BYTES_MAX + 1]
        await asyncio.sleep(0)  # gives other tasks of the process a turn

    async def _piece(self, load: LoadPart) -> bytes | None:
        if self._unpacker is None:
            return await self._stored(load)
        while True:
            if self._unpacker.eof:
                self._packed = self._unpacker.unused_data.lstrip(_PADDING) or await self._after_member(load)
                if not self._packed:
                    return None
                self._unpacker = zlib.decompressobj(_GZIP)
            if not self._packed:
                more = await self._stored(load)
                if more is None:
                    raise BadFile(reasons.BAD_GZIP)
                self._packed = more
            try:
                piece = self._unpacker.decompress(self._packed, PIECE_BYTES)
            except zlib.error as exc:
                raise BadFile(reasons.BAD_GZIP) from exc
            self._packed = self._unpacker.unconsumed_tail
            if piece:
                return piece

    async def _after_member(self, load: LoadPart) -> bytes:
        """The bytes after a complete gzip member and its padding. Empty at the end of the file."""
        while (more := await self._stored(load)) is not None:
            if rest := more.lstrip(_PADDING):
                return rest
        return b""

    async def _stored(self, load: LoadPart) -> bytes | None:
        """The next uploaded bytes. None at the end."""
        if not self._part:
            loaded = await load(self._part_no)
            if loaded is None:
                return None
            self._part, self._part_no = loaded, self._part_no + 1
        piece, self._part = self._part[:PIECE_BYTES], self._part[PIECE_BYTES:]
        self.bytes_read += len(piece)
        return piece

"""A small picture of a cup of soy milk, drawn here so that the demo needs no file."""

import struct
import zlib
from typing import Final

_WIDTH: Final = 240
_HEIGHT: Final = 160
_WALL, _CUP, _MILK = (233, 243, 236), (92, 122, 104), (252, 246, 228)


def picture() -> bytes:
    """Return a PNG."""
    rows = b"".join(b"\0" + b"".join(bytes(_colour(x, y)) for x in range(_WIDTH)) for y in range(_HEIGHT))
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _colour(x: int, y: int) -> tuple[int, int, int]:
    """The cup is wider above, and its milk is an ellipse."""
    if (x - 120) ** 2 * 16 + (y - 50) ** 2 * 100 <= 44_000:
        return _MILK
    return _CUP if 45 <= y <= 140 and abs(x - 120) <= 58 - (y - 45) // 6 else _WALL


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

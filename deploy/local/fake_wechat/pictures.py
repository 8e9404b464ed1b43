"""Unlimited codes: an image that depends on page and scene."""

import re
import struct
import zlib
from typing import Any

from starlette.responses import Response

from deploy.local.fake_wechat.state import error

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
_SIZE = 29


def answer(body: dict[str, Any]) -> dict[str, Any] | Response:
    """Return the image, or an error as JSON."""
    scene, page = body.get("scene"), body.get("page", "")
    if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
        return error(40129)
    if not isinstance(page, str) or not re.fullmatch(r"pages/[a-z][a-z/_-]*", page):
        return error(41030)
    return Response(_png(f"{page}?{scene}".encode()), media_type="image/png")


def _png(content: bytes) -> bytes:
    """A grey picture of the bits of `content`."""
    bits = [byte >> place & 1 for byte in content for place in range(8)]
    lines = b"".join(
        b"\0" + bytes(255 * bits[(row * _SIZE + column) % len(bits)] for column in range(_SIZE)) for row in range(_SIZE)
    )
    head = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    )

"""Decompresses gzip bodies, at most to the size a body may have."""

import zlib

from services.ingest.events.errors import BrokenCompression
from shared.errors import PayloadTooLarge, UnsupportedMediaType

_GZIP = {"gzip", "x-gzip"}
_GZIP_WINDOW = 31  # zlib checks gzip's header, trailer and checksum


def decompress(body: bytes, content_encoding: str | None, *, limit_bytes: int) -> bytes:
    """Return the decompressed body. Never produces more than `limit_bytes`.

    Raises UnsupportedMediaType, PayloadTooLarge, BrokenCompression.
    """
    encoding = (content_encoding or "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding not in _GZIP:
        raise UnsupportedMediaType(allowed="Content-Encoding: gzip, identity", headers={"Accept-Encoding": "gzip"})
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as exc:
        raise BrokenCompression from exc
    if len(content) > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    # A second gzip member would be bytes that this reader ignores and another reader might not.
    if not inflater.eof or inflater.unused_data:
        raise BrokenCompression
    return content

"""Compressed bodies: gzip only, inflated no further than a body may be."""

import zlib

from services.ingest.events.errors import BrokenCompression
from shared.errors import PayloadTooLarge, UnsupportedMediaType

_GZIP = {"gzip", "x-gzip"}
_GZIP_WINDOW = 31  # the format's header and trailer are checked, and its checksum


def inflated(body: bytes, content_encoding: str | None, *, limit_bytes: int) -> bytes:
    """The body itself, whatever it was sent as. Never makes more than `limit_bytes` of it.

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
    # A second member behind the first would be bytes that nobody reads: two readers, two bodies.
    if not inflater.eof or inflater.unused_data:
        raise BrokenCompression
    return content

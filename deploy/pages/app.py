"""Serves the documentation pages from memory: `uvicorn deploy.pages.app:create_app --factory`.

A reader who takes nothing holds one piece of one file in this process, and nothing in a process that people need to log
in. The files never change while the process runs.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from shared.docs_page import Page, pages

# What one reader can hold of the server's memory.
PIECE_BYTES = 64 * 1024
_COMPRESSED_FROM_BYTES = 1024
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    max_age_s: int
    plain: bytes
    compressed: bytes | None
    etag: str

    @classmethod
    def of(cls, page: Page) -> "_File":
        compressed = gzip.compress(page.content, mtime=0) if len(page.content) >= _COMPRESSED_FROM_BYTES else None
        etag = f'"{hashlib.sha256(page.content).hexdigest()[:32]}"'
        return cls(page.media_type, page.max_age_s, page.content, compressed, etag)


class StaticPages:
    """An ASGI application without a framework: a fixed set of paths, GET and HEAD."""

    def __init__(self, files: Mapping[str, Page]) -> None:
        self._files = {path: _File.of(page) for path, page in files.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        path: str = scope["path"]
        file = self._files.get(path.rstrip("/"))
        if path in {"/readyz", "/healthz"}:
            await _answer(send, 200, {"content-type": _TEXT}, [b"ok"])
        elif file is None:
            await _answer(send, 404, {"content-type": _TEXT}, [b"not found"])
        elif scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, {"content-type": _TEXT, "allow": "GET, HEAD"}, [b"method not allowed"])
        else:
            await _serve(send, file, Headers(scope=scope), with_body=scope["method"] == "GET")


async def _serve(send: Send, file: _File, asked: Headers, *, with_body: bool) -> None:
    headers = {"etag": file.etag, "cache-control": f"public, max-age={file.max_age_s}", "vary": "accept-encoding"}
    if asked.get("if-none-match") == file.etag:
        await _answer(send, 304, headers, [])
        return
    content = file.plain
    if file.compressed is not None and "gzip" in asked.get("accept-encoding", ""):
        content = file.compressed
        headers["content-encoding"] = "gzip"
    headers |= {"content-type": file.media_type, "content-length": str(len(content))}
    view = memoryview(content)
    pieces = (bytes(view[at : at + PIECE_BYTES]) for at in range(0, len(content), PIECE_BYTES))
    await _answer(send, 200, headers, pieces if with_body else [])


async def _answer(send: Send, status: int, headers: Mapping[str, str], pieces: Iterable[bytes]) -> None:
    """Send piece by piece. Each `send` waits until the reader has taken enough of what came before."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def create_app() -> StaticPages:
    return StaticPages(pages())

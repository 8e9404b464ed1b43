"""Requests as bytes over a socket: what no client library sends."""

import asyncio
import re
from urllib.parse import urlsplit

from tests.fuzz.callers import Callers
from tests.fuzz.findings import Findings

ANSWER_S = 15.0
PARALLEL = 8
PLACEHOLDER = "00000000-0000-7000-8000-000000000000"


def with_placeholders(path: str) -> str:
    """Return the path of a document with an id in the place of each parameter."""
    return re.sub(r"\{[^}]*\}", PLACEHOLDER, path)


class Wire:
    """Sends requests to the gateway, PARALLEL at a time, and judges every answer."""

    def __init__(self, callers: Callers, findings: Findings) -> None:
        parts = urlsplit(callers.url)
        self.host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._findings = findings
        self._gate = asyncio.Semaphore(PARALLEL)

    async def ask(self, family: str, what: str, head: bytes, body: bytes = b"") -> tuple[int, bytes] | None:
        """Return status and body of the answer, None without an answer, which is a failure."""
        async with self._gate:
            try:
                async with asyncio.timeout(ANSWER_S):
                    status, headers, content = await self._exchange(head + body)
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
                self._findings.cases[family] += 1
                self._findings.fail(f"{family}: {what}: no answer: {error!r}")
                return None
        self._findings.check_answer(family, what, status, headers, content)
        return status, content

    async def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await asyncio.open_connection(self.host, self._port)

        async def send() -> None:
            try:
                writer.write(request)
                await writer.drain()
            except OSError:
                pass  # the server answered and closed early, as it should

        sending = asyncio.ensure_future(send())
        try:
            first = (await reader.readline()).split()
            status, headers = int(first[1]), {}
            while (line := await reader.readline()) not in {b"\r\n", b""}:
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            length = headers.get("content-length")
            content = await reader.readexactly(int(length)) if length else await reader.read(65536)
        except IndexError as error:
            raise ValueError("closed without an answer") from error
        else:
            return status, headers, content
        finally:
            sending.cancel()
            writer.transport.abort()


def request_head(method: str, target: str, lines: dict[str, str]) -> bytes:
    """Return the request line and the header lines."""
    text = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return text.encode("latin-1") + b"\r\n"

"""The hand list: bodies and requests that no client library sends, over raw sockets through the gateway."""

import asyncio
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import schemathesis
from hypothesis import strategies

from deploy.demo.gateway import EVENTS
from shared.json_keys import repeated_key
from tests.fuzz.callers import Callers, Citizen, is_partner_route
from tests.fuzz.findings import Findings

ANSWER_S = 15.0
PARALLEL = 8
DEPTH = 10_000
OVERSIZE_BYTES = 3 * 1024 * 1024
PROPERTIES_MAX = 8
PLACEHOLDER = "00000000-0000-7000-8000-000000000000"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART, PARTS = "multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n--x--\r\n"
# Each replaces one value of a body, as written here. Most are invalid JSON, some are valid but unexpected.
LITERALS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "-0",
    "-0.0",
    "9223372036854775808",
    "-9223372036854775809",
    "1" + "0" * 5000,
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\u0000"',
    '"a\\u0000b"',
    '"long enough for a reason \\u0000"',
    '"' + "汉" * 3000 + '"',
    "[" * 200 + "]" * 200,
    "null",
    "{}",
    "[]",
    "true",
    '""',
    '"\\u202e\\ufeff"',
)


@dataclass(frozen=True)
class Route:
    """A route that takes JSON. `example`: a body that fits its schema, empty if none could be generated."""

    method: str
    path: str
    media_type: str
    example: Any


def json_routes(documents: dict[str, dict[str, Any]]) -> list[Route]:
    """Return every JSON route of the OpenAPI documents with an example body."""
    routes = []
    for document in documents.values():
        schema = schemathesis.openapi.from_dict(document)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {})
                for media_type in content:
                    if "json" in media_type:
                        routes.append(Route(method.upper(), path, media_type, _example(schema[path][method])))
                        break
    return routes


def _example(operation: Any) -> Any:
    """Return the simplest body of the schema."""
    found: list[Any] = []

    @hypothesis.settings(
        max_examples=1,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(strategies.data())
    def one(data: strategies.DataObject) -> None:
        found.append(data.draw(operation.as_strategy()).body)

    one()
    return found[0] if found and isinstance(found[0], dict | list) else {}


def bodies(route: Route) -> Iterator[tuple[str, bytes]]:
    """Yield (name of the case, bytes): every property with every literal, then entirely wrong bodies."""
    example = route.example if isinstance(route.example, dict) else (route.example or [{}])[0]
    names = list(example)[:PROPERTIES_MAX] if isinstance(example, dict) else []
    for name in names or ["anything"]:
        others = {key: value for key, value in example.items() if key != name} if isinstance(example, dict) else {}
        rest = "".join(f", {json.dumps(key)}: {json.dumps(value)}" for key, value in others.items())
        for literal in LITERALS:
            text = f"{{{json.dumps(name)}: {literal}{rest}}}"
            yield f"{name}={literal[:30]}", text.encode()
    once = json.dumps(example)
    yield "deep arrays", b"[" * DEPTH + b"]" * DEPTH
    yield "deep objects", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
    yield "deep and unclosed", b"[" * DEPTH
    yield "deep inside", ('{"data": ' + "[" * DEPTH + "]" * DEPTH + "}").encode()
    yield "duplicate keys", (once[:-1] + ("," if len(once) > 2 else "") + once[1:]).encode()
    yield "not UTF-8", b'{"a": "\xff\xfe\x80"}'
    yield "UTF-16", once.encode("utf-16")
    yield "byte order mark", b"\xef\xbb\xbf" + once.encode()
    yield "NUL bytes", b"\0" * 64
    yield "two documents", (once + once).encode()
    yield "a comment", b"/* */ " + once.encode()
    yield "a bare number", b"1"
    yield "a bare string", b'"x"'
    yield "bare null", b"null"
    yield "nothing", b""
    yield "an array", b"[" + once.encode() + b"]"


class HandList:
    """Sends the list to every JSON route, then requests that are wrong as HTTP."""

    def __init__(self, callers: Callers, findings: Findings, *, seed: int, until: float) -> None:
        self._callers, self._findings = callers, findings
        self._until = until
        self._random = random.Random(seed)
        parts = urlsplit(callers.url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._gate = asyncio.Semaphore(PARALLEL)

    async def play(self, documents: dict[str, dict[str, Any]], progress: Callable[[str], None], share: float) -> int:
        """Send `share` of the list, chosen by the seed. Returns the number of routes."""
        routes = json_routes(documents)
        for route in routes:
            progress(f"{route.method} {route.path}")
            citizen = self._callers.new_citizen()
            chosen = [case for case in bodies(route) if self._random.random() < share]
            await asyncio.gather(*(self._body(route, citizen, what, body) for what, body in chosen))
            await self._odd_requests(route, citizen)
        return len(routes)

    async def _body(self, route: Route, citizen: Citizen, what: str, body: bytes) -> None:
        if time.monotonic() < self._until:
            head = self._head(route, citizen, body, {"Content-Length": str(len(body))})
            await self._ask("hand-list", f"{route.method} {route.path}: {what}", head, body)

    async def _odd_requests(self, route: Route, citizen: Citizen) -> None:
        if time.monotonic() > self._until:
            return
        big = b" " * OVERSIZE_BYTES
        bomb = gzip.compress(b"0" * (10 * 1024 * 1024), 9)
        form = b"code=1&code=2&" + b"a=b&" * 500
        chunk = 65536
        chunked = b"".join(
            b"%x\r\n%s\r\n" % (len(part), part) for part in (big[i : i + chunk] for i in range(0, len(big), chunk))
        )
        cases: list[tuple[str, dict[str, str], bytes, bytes]] = [
            ("chunked, oversize, no length", {"Transfer-Encoding": "chunked"}, big, chunked + b"0\r\n\r\n"),
            ("gzip bomb", {"Content-Length": str(len(bomb)), "Content-Encoding": "gzip"}, bomb, bomb),
            ("form", {"Content-Length": str(len(form)), "Content-Type": FORM}, form, form),
            ("multipart", {"Content-Length": str(len(PARTS)), "Content-Type": MULTIPART}, PARTS, PARTS),
            ("ten gigabytes announced", {"Content-Length": str(10**10)}, big, big),
            ("a header of 100 KB", {"Content-Length": "2", "X-Long": "x" * 100_000}, b"{}", b"{}"),
            ("a thousand headers", {"Content-Length": "2", **{f"X-{n}": "y" for n in range(1000)}}, b"{}", b"{}"),
            ("no content type", {"Content-Length": "2", "Content-Type": ""}, b"{}", b"{}"),
            ("a media type in capitals", {"Content-Length": "2", "Content-Type": "APPLICATION/JSON"}, b"{}", b"{}"),
            ("a parameter twice", {"Content-Length": "2", "Content-Type": f"{JSON}; a=1; A=2"}, b"{}", b"{}"),
            ("an open quote", {"Content-Length": "2", "Content-Type": f'{JSON}; charset="utf'}, b"{}", b"{}"),
            ("a list of types", {"Content-Length": "2", "Content-Type": f"{JSON}, text/csv"}, b"{}", b"{}"),
            ("a strange charset", {"Content-Length": "2", "Content-Type": f"{JSON}; charset=utf-7"}, b"{}", b"{}"),
        ]  # fmt: skip
        for what, headers, signed, sent in cases:
            head = self._head(route, citizen, signed, headers)
            await self._ask("hand-list", f"{route.method} {route.path}: {what}", head, sent)

    def _head(self, route: Route, citizen: Citizen, body: bytes, headers: dict[str, str]) -> bytes:
        path = route.path
        while "{" in path:
            path = path[: path.index("{")] + PLACEHOLDER + path[path.index("}") + 1 :]
        partner = "t3" if is_partner_route(path) and route.path == EVENTS and self._random.random() < 0.5 else ""
        lines = {
            "Host": self._host,
            "Connection": "close",
            "Authorization": self._callers.authorization(route.method, path, body, citizen, partner),
            "Content-Type": route.media_type,
            "Idempotency-Key": f"raw-{self._random.getrandbits(64):x}",
            **headers,
        }
        return (f"{route.method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())).encode(
            "latin-1"
        ) + b"\r\n"

    async def _ask(self, family: str, what: str, head: bytes, body: bytes) -> None:
        async with self._gate:
            try:
                async with asyncio.timeout(ANSWER_S):
                    status, headers, content = await self._exchange(head + body)
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
                self._findings.cases[family] += 1
                self._findings.fail(f"{family}: {what}: no answer: {error!r}")
                return
        self._findings.check_answer(family, what, status, headers, content)
        # A batch of events is answered 202 with a result for each of them.
        is_batch = f" {EVENTS}: " in what
        if status < 300 and what.endswith(": duplicate keys") and not is_batch and repeated_key(body) is not None:
            self._findings.fail(f"{family}: {what}: {status} for a body with a key twice")

    async def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await asyncio.open_connection(self._host, self._port)

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

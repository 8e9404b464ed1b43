"""The hand list: bodies and requests that no client library sends, over raw sockets through the gateway."""

import asyncio
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import schemathesis
from hypothesis import strategies

from deploy.demo.gateway import EVENTS
from shared.json_keys import repeated_key
from tests.fuzz.callers import Callers, Citizen, is_partner_route
from tests.fuzz.findings import Findings
from tests.fuzz.wire import Wire, request_head, with_placeholders

DEPTH = 10_000
OVERSIZE_BYTES = 3 * 1024 * 1024
PROPERTIES_MAX = 8
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
    yield from _repeated_keys(example)
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


def _repeated_keys(example: Any) -> Iterator[tuple[str, bytes]]:
    """Yield bodies with a key twice in other spellings and places than the whole body twice."""
    first = next(iter(example)) if isinstance(example, dict) and example else "x"
    value = json.dumps(example[first]) if isinstance(example, dict) and example else "1"
    rest = json.dumps(example)[1:-1] if isinstance(example, dict) else ""
    escaped = "".join(f"\\u{ord(char):04x}" for char in first)
    more = f", {rest}" if rest else ""
    yield "an escaped key: duplicate keys", f'{{"{escaped}": {value}{more}, {json.dumps(first)}: 1}}'.encode()
    yield "null and a value: duplicate keys", f"{{{json.dumps(first)}: null{more}, {json.dumps(first)}: 1}}".encode()
    yield "an unknown key: duplicate keys", f'{{"fuzz": 1, "fuzz": 1{more}}}'.encode()
    yield "inside an object: duplicate keys", f'{{"fuzz": {{"a": 1, "a": 2}}{more}}}'.encode()
    yield "inside a list: duplicate keys", f'{{"fuzz": [[{{"a": 1, "\\u0061": 2}}]]{more}}}'.encode()
    yield "an empty key: duplicate keys", f'{{"": 1, "": 2{more}}}'.encode()
    many = ", ".join('"k": 1' for _ in range(20_000))
    yield "twenty thousand times: duplicate keys", f"{{{many}{more}}}".encode()


class HandList:
    """Sends the list to every JSON route, then requests that are wrong as HTTP."""

    def __init__(self, callers: Callers, findings: Findings, *, seed: int, until: float) -> None:
        self._callers, self._findings = callers, findings
        self._until = until
        self._random = random.Random(seed)
        self._wire = Wire(callers, findings)

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
        path = with_placeholders(route.path)
        partner = "t3" if is_partner_route(path) and route.path == EVENTS and self._random.random() < 0.5 else ""
        lines = {
            "Host": self._wire.host,
            "Connection": "close",
            "Authorization": self._callers.authorization(route.method, path, body, citizen, partner),
            "Content-Type": route.media_type,
            "Idempotency-Key": f"raw-{self._random.getrandbits(64):x}",
            **headers,
        }
        return request_head(route.method, path, lines)

    async def _ask(self, family: str, what: str, head: bytes, body: bytes) -> None:
        answer = await self._wire.ask(family, what, head, body)
        if answer is None:
            return
        # A batch of events is answered 202 with a result for each of them.
        is_batch = f" {EVENTS}: " in what
        if answer[0] < 300 and what.endswith("duplicate keys") and not is_batch and repeated_key(body) is not None:
            self._findings.fail(f"{family}: {what}: {answer[0]} for a body with a key twice")

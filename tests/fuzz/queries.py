"""Whole GET requests: all query parameters of a route at once, with strange values, repeated, huge or unknown."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.cursors import FORGED, resolved_parameter
from tests.fuzz.callers import Callers, Citizen
from tests.fuzz.findings import Findings
from tests.fuzz.wire import Wire, request_head, with_placeholders

FAMILY = "queries"
REPEATS = 200
UNKNOWN = 1_000
LONG = 50_000
# Each is one value as it stands in the address, already encoded.
STRANGE = (
    "",
    "%00",
    "a%00b",
    "%ff%fe",
    "%ed%a0%80",
    "%",
    "%zz",
    "%2500",
    "+",
    "%20",
    "-1",
    "-0",
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "1e3",
    "1_000",
    "%EF%BC%91",
    "NaN",
    "Infinity",
    "-Infinity",
    "infinity",
    "true",
    "null",
    "[]",
    "%7B%7D",
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00%3A00%3A00%2B23%3A59",
    "9999-12-31T23%3A59%3A59.999999-23%3A59",
    "2026-02-30",
    "2026-11-27T24%3A00%3A00Z",
    "1764201600",
    "99999999999999",
    "00000000-0000-0000-0000-000000000000",
    "..%2F..%2Fetc%2Fpasswd",
    "%27%20OR%201%3D1--",
    "%25_%25",
    "%E6%B1%89" * 300,
    "%E2%80%AE%EF%BB%BF",
    "x" * 5_000,
    "9" * 5_000,
)
# Queries that are strange as a whole.
WHOLE = (
    "&&&&",
    "=",
    "=&=",
    "?",
    "a;b=1;c",
    "limit[]=1",
    "limit[0]=1&limit[x]=2",
    "LIMIT=1",
    "limit%00=1",
    "%ff=1",
    "limit=1&limit%5B%5D=2",
    "__proto__=1",
    "a=b=c=d",
    "%26=%3D",
)


@dataclass(frozen=True)
class GetRoute:
    """A GET route and its query parameters: name, values that fit."""

    path: str
    parameters: dict[str, tuple[str, ...]]


def get_routes(documents: dict[str, dict[str, Any]]) -> list[GetRoute]:
    """Return every GET route of the documents, also those without a parameter."""
    found = []
    for document in documents.values():
        for path, operations in document["paths"].items():
            if "get" in operations:
                parameters = [resolved_parameter(document, one) for one in operations["get"].get("parameters", [])]
                fitting = {one["name"]: tuple(_fitting(one["schema"])) for one in parameters if one["in"] == "query"}
                found.append(GetRoute(with_placeholders(path), fitting))
    return found


def _fitting(schema: dict[str, Any]) -> Iterator[str]:
    """Yield values that fit the schema, or nearly."""
    for one in schema.get("anyOf", [schema]):
        kind, form = one.get("type"), one.get("format")
        if "enum" in one:
            yield from map(str, one["enum"])
        elif kind == "integer":
            yield str(one.get("minimum", one.get("exclusiveMinimum", 0) + 1))
            yield str(one.get("maximum", 100))
        elif kind == "boolean":
            yield from ("true", "false")
        elif form == "date":
            yield "2026-11-27"
        elif form == "date-time":
            yield from ("2026-11-27T00:00:00Z", "2026-11-27T00:00:00+08:00")
        elif form == "uuid":
            yield "00000000-0000-7000-8000-000000000000"
        elif kind == "array":
            yield from _fitting(one.get("items", {}))
        elif kind != "null":
            yield from ("bus", "2026-11", "2026-11-27", "a")


def queries(route: GetRoute, chance: random.Random) -> Iterator[str]:
    """Yield query strings, already encoded. The order and the random choices follow from `chance`."""
    names = list(route.parameters)
    strange = (*STRANGE, *(quote(cursor, safe="") for cursor in FORGED))

    def good(name: str) -> str:
        return f"{name}={quote(chance.choice(route.parameters[name] or ('a',)), safe='')}"

    def bad(name: str) -> str:
        return f"{name}={chance.choice(strange)}"

    if names:
        for _ in range(6):
            yield "&".join(map(good, names))
            yield "&".join(map(bad, names))
        for name in names:  # all fit but one
            for value in chance.sample(strange, 12):
                yield "&".join([*(good(other) for other in names if other != name), f"{name}={value}"])
            yield "&".join([good(name), bad(name)])
            yield "&".join([bad(name), good(name)])
            yield "&".join([good(name)] * REPEATS)
            yield "&".join([*map(good, names), name])
        yield "&".join(map(good, names * REPEATS))
        yield "&".join([*map(bad, reversed(names)), *map(good, names)])
        yield f"{names[0]}={'x' * LONG}"
    yield from WHOLE
    yield "&".join(f"unknown{number}=1" for number in range(UNKNOWN))
    yield "&" * LONG


class WholeQueries:
    """All GET routes of all documents, with `share` of the queries of each."""

    def __init__(self, callers: Callers, findings: Findings, *, seed: int, share: float, until: float) -> None:
        self._callers, self._wire = callers, Wire(callers, findings)
        self._chance, self._share, self._until = random.Random(seed), share, until

    async def play(self, documents: dict[str, dict[str, Any]], progress: Callable[[str], None]) -> int:
        """Return the number of routes."""
        routes = get_routes(documents)
        citizen = await asyncio.to_thread(self._callers.new_citizen)
        for route in routes:
            progress(route.path)
            chosen = [query for query in queries(route, self._chance) if self._chance.random() < self._share]
            await asyncio.gather(*(self._one(f"{route.path}?{query}", citizen) for query in chosen))
        return len(routes)

    async def _one(self, target: str, citizen: Citizen) -> None:
        if time.monotonic() > self._until:
            return
        lines = {
            "Host": self._wire.host,
            "Connection": "close",
            "Authorization": self._callers.authorization("GET", target, b"", citizen),
        }
        await self._wire.ask(FAMILY, f"GET {target[:300]}", request_head("GET", target, lines))

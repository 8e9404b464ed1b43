"""Media types of bodies: other spellings of the right one are taken as the right one, wrong ones are refused."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from tests.fuzz.callers import Callers, Citizen
from tests.fuzz.findings import Findings
from tests.fuzz.raw import Route, json_routes
from tests.fuzz.wire import Wire, request_head, with_placeholders

FAMILY = "media-types"
# RFC 9110: type, subtype and parameter names are case-insensitive, white space may stand around the semicolon.
SAME = (
    "{upper}",
    "{type};charset=utf-8",
    "{type} ; charset=utf-8",
    '{type}; charset="utf-8"',
    "{type}; CHARSET=UTF-8",
    "{type};",
)
# Not JSON, or no media type. A route that takes JSON answers 415 or 422, and never does what the body says.
WRONG = (
    "text/plain",
    "text/csv",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "application/octet-stream",
    "image/png",
    "application/jsonp",
    "application",
    "/json",
    "application/",
    "*/*",
    "json",
    "text/plain; a=application/json",
    "application/json, text/csv",
    "text/csv, application/json",
    '"application/json"',
    "application/json/x",
    "application /json",
    "\x7f",
    "\xff",
    "x" * 5_000,
    "application/x-" + "+json" * 1_000 + "x",
)
ACCEPTED = ("*/*", "text/html", "image/*;q=0", "application/xml", "", "x", "a/b;q=" + "9" * 1_000, "\xff", ",,,,")
REFUSED = {400, 401, 403, 404, 409, 413, 415, 422, 429}


class MediaTypes:
    """Every route that takes JSON, with its example body under each media type."""

    def __init__(self, callers: Callers, findings: Findings, *, until: float) -> None:
        self._callers, self._findings = callers, findings
        self._wire = Wire(callers, findings)
        self._until = until
        self._number = 0
        self._citizen: Citizen

    async def play(self, documents: dict[str, dict[str, Any]], progress: Callable[[str], None]) -> int:
        """Return the number of routes."""
        routes = json_routes(documents)
        for route in routes:
            if time.monotonic() > self._until:
                break
            progress(f"{route.method} {route.path}")
            self._citizen = await asyncio.to_thread(self._callers.new_citizen)
            declared = {
                media_type
                for document in documents.values()
                for media_type in document["paths"]
                .get(route.path, {})
                .get(route.method.lower(), {})
                .get("requestBody", {})
                .get("content", {})
            }
            await self._route(route, declared)
        return len(routes)

    async def _route(self, route: Route, declared: set[str]) -> None:
        usual = await self._ask(route, route.media_type)
        same = [text.format(type=route.media_type, upper=route.media_type.upper()) for text in SAME]
        answers = await asyncio.gather(*(self._ask(route, text) for text in same))
        for text, status in zip(same, answers, strict=True):
            if 415 in {usual, status} and usual != status:
                self._findings.fail(f"{FAMILY}: {route.method} {route.path}: {text!r}: {status} instead of {usual}")
        wrong = [text for text in WRONG if text not in declared]
        answers = await asyncio.gather(*(self._ask(route, text) for text in wrong))
        for text, status in zip(wrong, answers, strict=True):
            if status is not None and status not in REFUSED and status < 500:
                self._findings.fail(f"{FAMILY}: {route.method} {route.path}: {text[:60]!r}: {status}, not refused")
        await asyncio.gather(*(self._ask(route, route.media_type, accept) for accept in ACCEPTED))

    async def _ask(self, route: Route, media_type: str, accept: str = "*/*") -> int | None:
        path = with_placeholders(route.path)
        body = json.dumps(route.example).encode()
        self._number += 1
        lines = {
            "Host": self._wire.host,
            "Connection": "close",
            "Accept": accept,
            "Authorization": self._callers.authorization(route.method, path, body, self._citizen),
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Idempotency-Key": f"media-{self._number}-{time.monotonic_ns()}",
        }
        what = f"{route.method} {route.path}: Content-Type {media_type[:60]!r}, Accept {accept[:60]!r}"
        answer = await self._wire.ask(FAMILY, what, request_head(route.method, path, lines), body)
        return answer[0] if answer else None

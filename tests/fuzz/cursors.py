"""Forged cursors for every list route."""

import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from tests.cursors import FORGED, POSSIBLE, list_routes
from tests.fuzz.callers import Callers
from tests.fuzz.findings import Findings

ANSWER_S = 20.0
# A list without the thing that it belongs to is 404, one of live data is closed to the sandbox key of the run.
EXPECTED = {403, 404, 422, 429}


class Lists:
    """The list routes of all documents. `share` of the cursors go to each."""

    def __init__(self, documents: dict[str, dict[str, Any]], *, share: float, until: float) -> None:
        self._routes = [route for document in documents.values() for route in list_routes(document)]
        self._share, self._until = share, until

    def play(self, callers: Callers, findings: Findings, seed: int, progress: Callable[[str], None]) -> int:
        """Return the number of routes."""
        chance = random.Random(seed)
        citizen = callers.new_citizen()
        with httpx.Client(base_url=callers.url, timeout=ANSWER_S, trust_env=False) as client:
            for path, name in self._routes:
                progress(path)
                for cursor in FORGED:
                    if time.monotonic() > self._until:
                        return len(self._routes)
                    if chance.random() < self._share:
                        _one(client, callers, findings, f"{path}?{name}={quote(cursor, safe='')}", citizen)
        return len(self._routes)


def _one(client: httpx.Client, callers: Callers, findings: Findings, target: str, citizen: Any) -> None:
    headers = {"Authorization": callers.authorization("GET", target, b"", citizen)}
    try:
        answer = client.get(target, headers=headers)
    except httpx.TransportError as error:
        findings.cases["cursors"] += 1
        findings.fail(f"cursors: {target}: no answer: {error!r}")
        return
    findings.check_answer("cursors", target, answer.status_code, dict(answer.headers), answer.content)
    is_possible = answer.status_code == 200 and any(target.endswith(cursor) for cursor in POSSIBLE)
    if answer.status_code not in EXPECTED and answer.status_code < 500 and not is_possible:
        findings.fail(f"cursors: {target}: {answer.status_code} instead of 422")

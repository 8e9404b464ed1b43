"""Forged cursors for every list route, and a whole query of odd parameters."""

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


def play(
    callers: Callers,
    findings: Findings,
    documents: dict[str, dict[str, Any]],
    *,
    seed: int,
    share: float,
    until: float,
    progress: Callable[[str], None],
) -> int:
    """Send `share` of the cursors to each list route. Return the number of routes."""
    chance = random.Random(seed)
    citizen = callers.new_citizen()
    routes = [route for document in documents.values() for route in list_routes(document)]
    with httpx.Client(base_url=callers.url, timeout=ANSWER_S, trust_env=False) as client:
        for path, name in routes:
            progress(path)
            for cursor in FORGED:
                if time.monotonic() > until:
                    return len(routes)
                if chance.random() < share:
                    _one(client, callers, findings, f"{path}?{name}={quote(cursor, safe='')}", citizen)
    return len(routes)


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

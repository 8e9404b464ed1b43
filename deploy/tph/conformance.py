"""The conformance kit: sends a partner's verifier requests that it must accept or must refuse.

Each request to refuse is wrong in exactly one way, so that only the check named beside it can refuse it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx

Kind = Literal["webhook", "cp1"]

TIMEOUT_S = 10.0
# Both protocols allow five minutes. This is outside by more than clocks differ.
STALE_S: Final = 600


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One request as it is sent."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """`requests` are sent one after the other. The answer to the last one counts. `zh`, `en`: what a failure means."""

    code: str
    accept: bool
    title_zh: str
    title_en: str
    zh: str
    en: str
    requests: tuple[PreparedRequest, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    case: Case
    status: int | None
    passed: bool
    note: str = ""


class Unreachable(Exception):
    """No request got an HTTP answer."""


def is_expected(case: Case, status: int) -> bool:
    """2xx if the request must be accepted, 4xx if it must be refused. A 5xx is a crash and never expected."""
    return 200 <= status < 300 if case.accept else 400 <= status < 500


async def run_cases(
    url: str, cases: Sequence[Case], *, transport: httpx.AsyncBaseTransport | None = None
) -> list[Finding]:
    """Send all cases in order. Raises Unreachable."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    findings = []
    async with httpx.AsyncClient(
        base_url=base, timeout=TIMEOUT_S, transport=transport, trust_env=False, follow_redirects=False
    ) as client:
        for case in cases:
            findings.append(await _run_case(client, case))
    if all(finding.status is None for finding in findings):
        raise Unreachable(findings[0].note if findings else url)
    return findings


async def _run_case(client: httpx.AsyncClient, case: Case) -> Finding:
    status, note = None, ""
    started = time.monotonic()
    for request in case.requests:
        try:
            answer = await client.request(
                request.method, request.target, content=request.body, headers=[(n, v) for n, v in request.headers]
            )
            status = answer.status_code
        except httpx.HTTPError as exc:
            status, note = None, type(exc).__name__
    elapsed_s = time.monotonic() - started
    if status is not None and elapsed_s > TIMEOUT_S / 2:
        note = f"{elapsed_s:.1f} s"
    return Finding(case, status, status is not None and is_expected(case, status), note)


def check(url: str, cases: Sequence[Case]) -> list[Finding]:
    return asyncio.run(run_cases(url, cases))

"""The conformance kit: what a verifier must take and must refuse, sent to the partner's own.

One way of being wrong at a time: the refusal that is owed can only come from the check that is named beside it.
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
# Outside the five minutes both protocols allow, by more than clocks differ.
STALE_S: Final = 600


@dataclass(frozen=True, slots=True)
class Shot:
    """One request as it goes over the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """`shots` go out one after the other, the answer to the last counts; `zh`, `en`: what a failure means."""

    code: str
    accept: bool
    title_zh: str
    title_en: str
    zh: str
    en: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    case: Case
    status: int | None
    passed: bool
    note: str = ""


class Unreachable(Exception):
    """Nothing at that address answers HTTP."""


def judge(case: Case, status: int) -> bool:
    """2xx for what must be taken, 4xx for what must be refused; a 5xx is a crash in either case."""
    return 200 <= status < 300 if case.accept else 400 <= status < 500


async def run(url: str, cases: Sequence[Case], *, transport: httpx.AsyncBaseTransport | None = None) -> list[Finding]:
    """Sends all cases in order. Raises Unreachable."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    findings = []
    async with httpx.AsyncClient(
        base_url=base, timeout=TIMEOUT_S, transport=transport, trust_env=False, follow_redirects=False
    ) as client:
        for case in cases:
            findings.append(await _one(client, case))
    if all(finding.status is None for finding in findings):
        raise Unreachable(findings[0].note if findings else url)
    return findings


async def _one(client: httpx.AsyncClient, case: Case) -> Finding:
    status, note = None, ""
    started = time.monotonic()
    for shot in case.shots:
        try:
            answer = await client.request(
                shot.method, shot.target, content=shot.body, headers=[(n, v) for n, v in shot.headers]
            )
            status = answer.status_code
        except httpx.HTTPError as exc:
            status, note = None, type(exc).__name__
    elapsed_s = time.monotonic() - started
    if status is not None and elapsed_s > TIMEOUT_S / 2:
        note = f"{elapsed_s:.1f} s"
    return Finding(case, status, status is not None and judge(case, status), note)


def check(url: str, cases: Sequence[Case]) -> list[Finding]:
    return asyncio.run(run(url, cases))

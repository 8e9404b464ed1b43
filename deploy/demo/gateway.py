"""A client of the public API, for partners and citizens. Every request goes through the gateway."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from shared.auth import cp1

EVENTS = "/api/v1/ingest/events"
BATCH_MAX = 200
PARALLEL = 8
SETTLE_TIMEOUT_S = 180.0
_SETTLE_PAUSE_S = 0.3
_RETRIES = 40
_RETRY_PAUSE_S = 0.5
_REQUEST_TIMEOUT_S = 20.0


class DemoFailure(Exception):
    """A result differs from the promise of the programme. The message names both."""


@dataclass
class Tally:
    """Outcomes of pushed events, from the receipts of the partner."""

    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    refused_by_reason: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.sent += other.sent
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.counts += other.counts
        self.refused_by_reason += other.refused_by_reason


@dataclass(frozen=True)
class Partner:
    partner_id: str
    name: str
    source: str
    app_key: str
    secret: str


class Gateway:
    """HTTP through the gateway. Retries an answer 429, 502, 503 or 504 with the same ids, at most `_RETRIES` times."""

    def __init__(self, credentials: Path) -> None:
        content = json.loads(credentials.read_text())
        self.url: str = content["gateway_url"]
        self.code_prefix: str = content["wechat_code_prefix"]
        self.servers_url: str = content["partner_servers_url"]
        self.wechat_url: str = content["wechat_url"]
        self._ops_tokens: tuple[str, str] = (content["ops_token"], content["second_ops_token"])
        self.partners = {
            p["partner_id"]: Partner(p["partner_id"], p["name"], p["source"], p["app_key"], p["secret"])
            for p in content["partners"]
        }
        self._client = httpx.AsyncClient(base_url=self.url, timeout=_REQUEST_TIMEOUT_S)
        self.parallel = asyncio.Semaphore(PARALLEL)

    async def close(self) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: object = None,
        key: str | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> httpx.Response:
        """`file`: media type and content, in the place of a JSON body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        content: dict[str, Any] = {"json": body}
        if file is not None:
            headers["Content-Type"], content = file[0], {"content": file[1]}

        async def once() -> httpx.Response:
            return await self._client.request(method, path, headers=headers, **content)

        return await self._retry(once)

    async def _retry(self, once: Any) -> httpx.Response:
        for attempt in range(_RETRIES):
            try:
                answer: httpx.Response = await once()
            except httpx.TransportError as exc:
                if attempt == _RETRIES - 1:
                    raise DemoFailure(f"网关没有应答 no answer from the gateway: {exc!r}") from exc
            else:
                if answer.status_code not in {429, 502, 503, 504}:
                    return answer
            await asyncio.sleep(_RETRY_PAUSE_S)
        raise DemoFailure("服务长时间不可用 unavailable for too long")

    async def expect(self, status: Sequence[int], method: str, path: str, **options: Any) -> Any:
        answer = await self.request(method, path, **options)
        if answer.status_code not in status:
            raise DemoFailure(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def at_partner(self, method: str, path: str, body: object = None) -> Any:
        """Do something at a partner's own server, as its customer."""
        answer = await self._client.request(method, self.servers_url + path, json=body)
        if answer.status_code != 200:
            raise DemoFailure(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    async def confirm_at_partner(self, url: str, customer: str) -> dict[str, str]:
        """Confirm as a partner's customer. Return what its redirect brings."""
        answer = await self._client.post(url, data={"customer": customer, "decision": "allow"})
        if answer.status_code != 303:
            raise DemoFailure(f"合作方没有确认 the partner did not confirm: {answer.status_code} {answer.text[:300]}")
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def at_wechat(self, method: str, path: str, body: object = None) -> Any:
        """Do something on the phone, or look at what it received: the server of WeChat for development."""
        answer = await self._client.request(method, self.wechat_url + path, json=body)
        if answer.status_code != 200:
            raise DemoFailure(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    async def get_as_operator(self, path: str) -> Any:
        return await self.as_operator(200, "GET", path)

    async def as_operator(
        self,
        status: int,
        method: str,
        path: str,
        body: object = None,
        *,
        person: int = 0,
        file: tuple[str, bytes] | None = None,
    ) -> Any:
        """`person`: 0 is the first operator, 1 the second. `file`: media type and content."""
        return await self.expect([status], method, path, token=self._ops_tokens[person], body=body, file=file)

    async def download_as_operator(self, path: str, media_type: str) -> bytes:
        answer = await self.request("GET", path, token=self._ops_tokens[0])
        found = answer.headers.get("content-type", "").partition(";")[0]
        if (answer.status_code, found) != (200, media_type):
            raise DemoFailure(f"GET {path}: {answer.status_code} {found} {answer.text[:500]}")
        return answer.content

    async def request_signed(
        self, partner: Partner, method: str, target: str, body: bytes = b"", media_type: str = ""
    ) -> httpx.Response:
        async def once() -> httpx.Response:
            authorization = cp1.authorization(
                app_key=partner.app_key,
                secret=partner.secret,
                method=method,
                target=target,
                timestamp=int(time.time()),
                nonce=secrets.token_hex(16),
                body=body,
            )
            headers = {"Authorization": authorization}
            if media_type:
                headers["Content-Type"] = media_type
            return await self._client.request(method, target, content=body, headers=headers)

        return await self._retry(once)

    async def push(self, partner: Partner, events: Sequence[dict[str, Any]]) -> tuple[str, Tally]:
        """Push one signed batch. Returns the receipt id and the counts of the answer."""
        body = json.dumps(events, ensure_ascii=False).encode()
        answer = await self.request_signed(partner, "POST", EVENTS, body, "application/cloudevents-batch+json")
        if answer.status_code != 202:
            raise DemoFailure(f"push {partner.partner_id}: {answer.status_code} {answer.text[:500]}")
        content = answer.json()
        tally = Tally(sent=len(events), accepted=content["accepted"], rejected=content["rejected"])
        for result in content["results"]:
            if result["status"] == "rejected":
                tally.refused_by_reason[result["code"]] += 1
        return content["receipt_id"], tally

    async def wait_settled(self, partner: Partner, receipt_id: str) -> Tally:
        """Wait for the final verdict on every event of a receipt. A parked event waits for its binding."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            answer = await self.request_signed(partner, "GET", f"/api/v1/ingest/receipts/{receipt_id}")
            content: dict[str, Any] = answer.json() if answer.status_code == 200 else {"settled": False}
            if content["settled"] and not content["counts"].get("parked"):
                tally = Tally(counts=Counter(content["counts"]))
                for result in content["results"]:
                    if result["status"] == "refused":
                        tally.refused_by_reason[result["reason_code"]] += 1
                return tally
            if answer.status_code not in {200, 404}:
                raise DemoFailure(f"receipt {receipt_id}: {answer.status_code} {answer.text[:500]}")
            if time.monotonic() > deadline:
                raise DemoFailure(f"回执未在期限内完成 receipt {receipt_id} did not settle: {answer.text[:300]}")
            await asyncio.sleep(_SETTLE_PAUSE_S)


def split_batches(events: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    for start in range(0, len(events), BATCH_MAX):
        yield events[start : start + BATCH_MAX]


async def push_and_settle(
    gateway: Gateway, work: Sequence[tuple[Partner, Sequence[dict[str, Any]]]], advance: Any
) -> Tally:
    """Push all events and wait for all verdicts. `advance(n)` moves the progress bar.

    Each partner pushes its batches one after the other. The log then has them in the order of the acts, and the same
    two trips of a day count in every run.
    """

    async def settle(partner: Partner, receipt_id: str, tally: Tally) -> Tally:
        tally.add(await gateway.wait_settled(partner, receipt_id))
        advance(tally.sent)
        return tally

    async def one_partner(partner: Partner, events: Sequence[dict[str, Any]]) -> list[Tally]:
        waiting = []
        async with asyncio.TaskGroup() as group:
            for batch in split_batches(events):
                receipt_id, tally = await gateway.push(partner, batch)
                waiting.append(group.create_task(settle(partner, receipt_id, tally)))
        return [task.result() for task in waiting]

    total = Tally()
    for tallies in await asyncio.gather(*(one_partner(partner, events) for partner, events in work)):
        for tally in tallies:
            total.add(tally)
    return total

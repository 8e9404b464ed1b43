"""The load: partners push, citizens join, order and donate, all through the gateway. It records every answer."""

import asyncio
import contextlib
import json
import random
import secrets
import time
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.events import SHANGHAI, YEAR_DAYS, VolunteerYear
from deploy.demo.gateway import EVENTS, Partner
from shared.auth import cp1
from tests.chaos.history import Ack, Event, History, Write

PARTNERS = ("bus", "metro", "bike", "market")
BATCH = 12
RETRY_FOR_S = 100.0  # longer than the longest fault; giving up sooner leaves more unknown outcomes
RETRY_PAUSE_S = 0.4
TIMEOUT_S = 12.0
ORDER_MG = 20_000
ITEM = "reganmian"
CAMPAIGN = "zero-carbon-marathon"
DONATION_MG = 1_000
GIVES_UP_SHARE = 0.15  # share of the requests with an unknown outcome that are never repeated
REPEATED_SHARE, CONFLICT_SHARE, INVALID_SHARE = 0.05, 0.02, 0.03  # of the events in a batch
NEW_CITIZEN_EVERY_S = 4.0


@dataclass
class Citizen:
    name: str
    user_id: uuid.UUID
    token: str
    account_no: str
    days: Iterator[dict[str, list[dict[str, Any]]]]


class Load:
    """Runs until `stop`. The seed decides the content of requests, not their timing."""

    def __init__(self, credentials: Path, seed: int, *, events_per_s: float, citizens: int) -> None:
        content = json.loads(credentials.read_text())
        self.url = str(content["gateway_url"])
        self.ops_token = str(content["ops_token"])
        self._code_prefix = content["wechat_code_prefix"]
        self.partners = {
            p["partner_id"]: Partner(p["partner_id"], p["name"], p["source"], p["app_key"], p["secret"])
            for p in content["partners"]
        }
        self.history = History()
        self.citizens: list[Citizen] = []
        self.random = random.Random(seed)
        self._run = f"chaos{seed}-{secrets.token_hex(3)}"
        self._first_citizens = citizens
        self._pause_s = BATCH * len(PARTNERS) / events_per_s
        self._pools: dict[str, list[dict[str, Any]]] = {name: [] for name in PARTNERS}
        limits = httpx.Limits(max_connections=60, max_keepalive_connections=30)
        self.client = httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_S, limits=limits, trust_env=False)
        self._stopping = asyncio.Event()
        self._running = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0

    async def start(self) -> None:
        for first in range(0, self._first_citizens, 8):
            await asyncio.gather(*(self.add_citizen() for _ in range(first, min(first + 8, self._first_citizens))))
        self._running.set()
        work: list[Coroutine[Any, Any, None]] = [self._keep_pushing(self.partners[name]) for name in PARTNERS]
        work += [self._keep_spending(), self._keep_spending(), self._keep_joining()]
        self._tasks = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        """Stop, and wait until every open request is answered or given up."""
        self._stopping.set()
        self._running.set()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.aclose()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- one request -----------------------------------------------------------------------------------------------

    async def request_once(self, what: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Send a request once. Returns None if its outcome is unknown."""
        try:
            answer = await self.client.request(method, path, **options)
        except httpx.TransportError as error:
            self.history.answers[type(error).__name__] += 1
            self.history.requests += 1
            return None
        self.history.record_answer(what, answer.status_code, answer.content, answer.headers)
        return answer

    def signed(self, partner: Partner, method: str, target: str, body: bytes) -> dict[str, str]:
        return {
            "Authorization": cp1.authorization(
                app_key=partner.app_key,
                secret=partner.secret,
                method=method,
                target=target,
                timestamp=int(time.time()),
                nonce=secrets.token_hex(16),
                body=body,
            ),
            "Content-Type": "application/cloudevents-batch+json",
        }

    async def _retry(self, what: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Repeat a request while its outcome is unknown. GIVES_UP_SHARE of the attempts give up, as clients do."""
        deadline = time.monotonic() + RETRY_FOR_S
        while True:
            if "partner" in options:
                given = {k: v for k, v in options.items() if k != "partner"}
                given["headers"] = self.signed(options["partner"], method, path, options["content"])
            else:
                given = options
            answer = await self.request_once(what, method, path, **given)
            if answer is not None and not _may_repeat(answer):
                return answer
            if time.monotonic() > deadline or self.random.random() < GIVES_UP_SHARE:
                return None
            self.history.retries += 1
            await asyncio.sleep(RETRY_PAUSE_S)

    # --- citizens --------------------------------------------------------------------------------------------------

    async def add_citizen(self, *, keep: bool = True) -> Citizen | None:
        """Log in, open the account and bind to the partners. Returns None if one step has no good answer."""
        name = f"{self._run}-c{self.number()}"
        answer = await self._retry(
            "sessions", "POST", "/api/v1/accounts/sessions", json={"code": self._code_prefix + name}
        )
        if answer is None or answer.status_code != 201:
            return None
        session = answer.json()
        me = {"Authorization": f"Bearer {session['access_token']}"}
        opened = await self._retry(
            "carbon-account",
            "POST",
            "/api/v1/accounts/me/carbon-account",
            json={"consent": {"policy_version": "2026-11"}},
            headers=me,
        )
        if opened is None or opened.status_code not in {200, 201}:
            return None
        now = datetime.now(SHANGHAI)
        for partner_id in PARTNERS:
            body = {
                "partner_id": partner_id,
                "mode": "account_no",
                "counts_from": (now - timedelta(days=365)).isoformat(),
            }
            bound = await self._retry("bindings", "POST", "/api/v1/accounts/me/bindings", json=body, headers=me)
            if bound is None or bound.status_code not in {200, 201, 409}:
                return None
        sources = {partner_id: self.partners[partner_id].source for partner_id in PARTNERS}
        year = VolunteerYear(sources, name, opened.json()["account_no"], now.date() - timedelta(days=1))
        days = list(year.days())[5 : YEAR_DAYS - 1]
        self.random.shuffle(days)
        citizen = Citizen(
            name,
            uuid.UUID(session["user_id"]),
            session["access_token"],
            opened.json()["account_no"],
            (year.everyday_events(day) for day in days),
        )
        if keep:
            self.citizens.append(citizen)
        return citizen

    async def _keep_joining(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), NEW_CITIZEN_EVERY_S)
                return
            await self._running.wait()
            await self.add_citizen()

    # --- partners --------------------------------------------------------------------------------------------------

    def next_event(self, partner_id: str) -> dict[str, Any]:
        """Return a new event. A person has two rides or purchases a day, so no cap refuses it."""
        pool = self._pools[partner_id]
        while not pool:
            for name, events in next(self.random.choice(self.citizens).days).items():
                self._pools[name] += events
        return pool.pop()

    def _batch(self, partner_id: str) -> list[dict[str, Any]]:
        known = [e for e in list(self.history.events.values())[-400:] if e.partner_id == partner_id]
        taken = [e for e in known if e.ack is Ack.ACCEPTED]
        found: dict[str, dict[str, Any]] = {}
        for _ in range(BATCH):
            dice = self.random.random()
            if dice < REPEATED_SHARE and taken:
                body = self.random.choice(taken).body
            elif dice < REPEATED_SHARE + CONFLICT_SHARE and taken:
                old = self.random.choice(taken).body
                body = {**old, "data": {**old["data"], "city_code": "420100", **_changed_payload(old["data"])}}
            else:
                body = self.next_event(partner_id)
                if dice > 1 - INVALID_SHARE:
                    body = {**body, "data": {**body["data"], "city_code": "not-a-city"}}
            found.setdefault(body["id"], body)
        return list(found.values())

    async def push(self, partner: Partner, bodies: list[dict[str, Any]]) -> bool:
        """Send one batch until it is answered or given up. Returns True if it was answered 202."""
        events = []
        for body in bodies:
            event = self.history.events.setdefault(
                (partner.partner_id, body["id"]), Event(partner.partner_id, body["id"], body)
            )
            events.append((event, event.body == body))
        content = json.dumps(bodies, ensure_ascii=False).encode()
        answer = await self._retry("events", "POST", EVENTS, content=content, partner=partner)
        if answer is None or answer.status_code != 202:
            if answer is not None:
                self.history.wrong_answers.append(f"events: {answer.status_code} {answer.text[:300]}")
            return False
        for (event, same), result in zip(events, answer.json()["results"], strict=True):
            if not same:
                event.conflicts += 1
            elif result["status"] == "accepted":
                event.ack, event.copies = Ack.ACCEPTED, event.copies + 1
            else:
                event.ack = Ack.REJECTED
        return True

    async def _keep_pushing(self, partner: Partner) -> None:
        while not self._stopping.is_set():
            await self._running.wait()
            started = time.monotonic()
            await self.push(partner, self._batch(partner.partner_id))
            with contextlib.suppress(TimeoutError):
                left_s = max(0.01, self._pause_s - (time.monotonic() - started))
                await asyncio.wait_for(self._stopping.wait(), left_s)

    async def probe(self) -> list[Event]:
        """Send one new event of every partner. Returns the answered ones."""
        sent = []
        for name in PARTNERS:
            body = self.next_event(name)
            if await self.push(self.partners[name], [body]):
                sent.append(self.history.events[name, body["id"]])
        return sent

    # --- spending --------------------------------------------------------------------------------------------------

    async def spend_once(self) -> Write:
        """Place an order or a donation of a random citizen. All repeats use one key."""
        citizen = self.random.choice(self.citizens)
        name = f"{self._run}-w{self.number()}"
        if self.random.random() < 0.6:
            write = Write("order", name, citizen.user_id, ORDER_MG)
            path, body = "/api/v1/rewards/orders", {"item_id": ITEM, "quantity": 1, "client_request_id": name}
        else:
            write = Write("donation", name, citizen.user_id, DONATION_MG)
            path, body = f"/api/v1/rewards/campaigns/{CAMPAIGN}/donations", {"amount_mg": DONATION_MG}
        self.history.writes[name] = write
        headers = {"Authorization": f"Bearer {citizen.token}", "Idempotency-Key": name}
        answer = await self._retry(write.kind, "POST", path, json=body, headers=headers)
        if answer is None or answer.status_code in {401, 409}:
            refused = answer is not None and not answer.json().get("retryable")
            write.ack = Ack.REJECTED if refused else Ack.UNKNOWN
            write.refusal = answer.json()["code"] if answer is not None else ""
        elif answer.status_code in {201, 202}:
            write.ack = Ack.ACCEPTED
            write.settlement_id = uuid.UUID(answer.json()[f"{write.kind}_id"])
        else:
            self.history.wrong_answers.append(f"{write.kind}: {answer.status_code} {answer.text[:300]}")
        return write

    async def _keep_spending(self) -> None:
        while not self._stopping.is_set():
            await self._running.wait()
            await self.spend_once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self.random.uniform(0.3, 1.2))


def _may_repeat(answer: httpx.Response) -> bool:
    """Whether the answer leaves the outcome open, so that the same request may be sent again."""
    if answer.status_code == 409:
        return bool(answer.json().get("retryable"))
    return answer.status_code == 429 or answer.status_code >= 500


def _changed_payload(data: dict[str, Any]) -> dict[str, Any]:
    """Return changed fields for a conflicting copy under the same id."""
    if "count" in data:
        return {"count": data["count"] + 1}
    if "distance" in data:
        return {"distance": data["distance"] + 500}
    return {"line": "changed"}

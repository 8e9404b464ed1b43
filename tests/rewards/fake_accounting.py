"""A fake of accounting's holds: the real semantics in memory, with faults on request.

Calls are idempotent by hold id, a void before its hold is remembered, an end is final, an expired hold cannot be
captured.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from shared import clock
from shared.contracts.holds import (
    CaptureRequest,
    HoldRequest,
    HoldState,
    Spender,
    SpendRequest,
    SpendRequests,
    Spent,
    SpentItems,
    Title,
)
from tests.tokens import SERVICE_CALLERS

REQUEST_LOST = "request_lost"
"""The request never arrives."""
RESPONSE_LOST = "response_lost"
"""The request takes effect, its response never arrives."""
UNAVAILABLE = "unavailable"
"""The answer is 503, without effect."""


def _problem(status: int, code: str) -> JSONResponse:
    return JSONResponse({"code": code, "status": status}, status_code=status, media_type="application/problem+json")


def _caller(request: Request) -> None:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, SERVICE_CALLERS["rewards"], algorithms=["EdDSA"], audience="accounting")
    assert claims["iss"] == "rewards"
    assert jwt.get_unverified_header(token)["typ"] == "svc+jwt"


@dataclass
class Ledger:
    """Balances, holds, captured amounts by receiver, and the number of calls of each operation."""

    balances: Counter[uuid.UUID] = field(default_factory=Counter)
    holds: dict[uuid.UUID, HoldState] = field(default_factory=dict)
    accounts: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    frozen: set[uuid.UUID] = field(default_factory=set)
    refusals: dict[uuid.UUID, str] = field(default_factory=dict)
    titles: dict[uuid.UUID, Title | None] = field(default_factory=dict)
    spenders: dict[uuid.UUID, Spender | None] = field(default_factory=dict)
    rule: Callable[[SpendRequest], str | None] = lambda asked: "SPENDER_NOT_ALLOWED" if asked.spender else None

    def end(self, hold_id: uuid.UUID, status: str, *, captured_to: str | None = None) -> HoldState:
        hold = self.holds[hold_id]
        assert hold.status == "held"
        self.holds[hold_id] = HoldState.model_validate(
            {**hold.model_dump(), "status": status, "captured_to": captured_to}
        )
        if captured_to is not None:
            self.accounts[captured_to] += hold.amount_mg
        else:
            assert hold.account_id is not None
            self.balances[hold.account_id] += hold.amount_mg
        return self.holds[hold_id]

    def spend(self, asked: SpendRequest) -> Spent:
        """Hold and capture, or void; both are final."""
        known = self.holds.get(asked.hold_id)
        if known is not None:
            if known.account_id is not None and known.status == "held":
                late = known.expires_at is not None and known.expires_at <= clock.now()
                known = (
                    self.end(asked.hold_id, "voided")
                    if late
                    else self.end(asked.hold_id, "captured", captured_to=asked.to)
                )
            return Spent(hold_id=asked.hold_id, status=known.status, code=self.refusals.get(asked.hold_id))
        self.titles[asked.hold_id] = asked.title
        self.spenders[asked.hold_id] = asked.spender
        code = self.rule(asked)
        if code is not None:
            pass
        elif asked.account_id in self.frozen:
            code = "ACCOUNT_FROZEN"
        elif self.balances[asked.account_id] < asked.amount_mg:
            code = "INSUFFICIENT_BALANCE"
        if code is not None:
            self.remember_void(asked.hold_id)
            self.refusals[asked.hold_id] = code
            return Spent(hold_id=asked.hold_id, status="voided", code=code)
        self.balances[asked.account_id] -= asked.amount_mg
        fields = asked.model_dump(exclude={"title", "to", "spender"})
        self.holds[asked.hold_id] = HoldState(**fields, status="held", captured_to=None)
        return Spent(hold_id=asked.hold_id, status=self.end(asked.hold_id, "captured", captured_to=asked.to).status)

    def refund(self, hold_id: uuid.UUID) -> None:
        known = self.holds[hold_id]
        assert known.account_id is not None
        assert known.captured_to is not None
        self.accounts[known.captured_to] -= known.amount_mg
        self.balances[known.account_id] += known.amount_mg
        self.holds[hold_id] = known.model_copy(update={"status": "refunded"})

    def remember_void(self, hold_id: uuid.UUID) -> None:
        """Remember a void that came before its hold, so that the late hold is refused."""
        nothing = {"account_id": None, "amount_mg": 0, "purpose": None, "expires_at": None, "captured_to": None}
        self.holds[hold_id] = HoldState.model_validate({"hold_id": hold_id, "status": "voided", **nothing})

    def expire_all(self) -> None:
        for hold_id, hold in list(self.holds.items()):
            if hold.status == "held":
                self.end(hold_id, "expired")

    @property
    def total_mg(self) -> int:
        """The sum of all grams: balances, captured and held."""
        held = sum(hold.amount_mg for hold in self.holds.values() if hold.status == "held")
        return self.balances.total() + self.accounts.total() + held


def _add_spends(app: FastAPI, ledger: Ledger) -> None:
    guarded: Any = [Depends(_caller)]

    @app.post("/internal/accounting/spends", dependencies=guarded)
    async def spend(body: SpendRequests) -> SpentItems:
        ledger.asked["spend"] += 1
        return SpentItems(items=[ledger.spend(one) for one in body.items])

    @app.post("/internal/accounting/holds/{hold_id}/refund", dependencies=guarded)
    async def refund(hold_id: uuid.UUID) -> Response:
        known = ledger.holds.get(hold_id)
        if known is None:
            return _problem(404, "HOLD_NOT_FOUND")
        if known.status == "captured":
            ledger.refund(hold_id)
        elif known.status != "refunded":
            return _problem(409, "HOLD_NOT_CAPTURED")
        return _state(ledger.holds[hold_id])


def holds_app(ledger: Ledger) -> FastAPI:
    app = FastAPI()
    guarded: Any = [Depends(_caller)]

    @app.post("/internal/accounting/holds", dependencies=guarded)
    async def place(body: HoldRequest) -> Response:
        ledger.asked["hold"] += 1
        known = ledger.holds.get(body.hold_id)
        if known is not None:
            if known.account_id is None:
                return _problem(409, "HOLD_SETTLED")
            same = (known.account_id, known.amount_mg, known.purpose) == (body.account_id, body.amount_mg, body.purpose)
            return _state(known) if same else _problem(409, "HOLD_DIFFERS")
        if body.expires_at <= clock.now():
            return _problem(409, "HOLD_EXPIRY_INVALID")
        if body.account_id in ledger.frozen:
            return _problem(409, "ACCOUNT_FROZEN")
        if ledger.balances[body.account_id] < body.amount_mg:
            return _problem(409, "INSUFFICIENT_BALANCE")
        ledger.balances[body.account_id] -= body.amount_mg
        ledger.holds[body.hold_id] = HoldState(**body.model_dump(exclude={"title"}), status="held", captured_to=None)
        return _state(ledger.holds[body.hold_id], 201)

    @app.get("/internal/accounting/holds/{hold_id}", dependencies=guarded)
    async def show(hold_id: uuid.UUID) -> Response:
        known = ledger.holds.get(hold_id)
        return _problem(404, "HOLD_NOT_FOUND") if known is None else _state(known)

    @app.post("/internal/accounting/holds/{hold_id}/capture", dependencies=guarded)
    async def capture(hold_id: uuid.UUID, body: CaptureRequest) -> Response:
        ledger.asked["capture"] += 1
        known = ledger.holds.get(hold_id)
        if known is None:
            return _problem(404, "HOLD_NOT_FOUND")
        if known.status == "captured":
            return _state(known) if known.captured_to == body.to else _problem(409, "HOLD_DIFFERS")
        assert known.expires_at is not None
        if known.status != "held" or known.expires_at <= clock.now():
            return _problem(409, "HOLD_SETTLED")
        return _state(ledger.end(hold_id, "captured", captured_to=body.to))

    @app.post("/internal/accounting/holds/{hold_id}/void", dependencies=guarded)
    async def void(hold_id: uuid.UUID) -> Response:
        ledger.asked["void"] += 1
        known = ledger.holds.get(hold_id)
        if known is None:
            ledger.remember_void(hold_id)
        elif known.status == "captured":
            return _problem(409, "HOLD_SETTLED")
        elif known.status == "held":
            ledger.end(hold_id, "voided")
        return _state(ledger.holds[hold_id])

    _add_spends(app, ledger)
    return app


def _state(hold: HoldState, status: int = 200) -> Response:
    return Response(hold.model_dump_json(), status_code=status, media_type="application/json")


def operation_of(request: httpx.Request) -> str:
    last = request.url.path.rsplit("/", 1)[-1]
    if request.method == "GET":
        return "show"
    known = {"capture": "capture", "void": "void", "refund": "refund", "spends": "spend"}
    return known.get(last, "hold")


class FaultyNetwork(httpx.AsyncBaseTransport):
    """The network to the fake: loses or delays requests and responses, calls `passing` before and after each call."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._inner = httpx.ASGITransport(holds_app(ledger))
        self.faults: dict[str, str] = {}
        self.passing: Callable[[str], None] = lambda _point: None
        self.delay_s: Callable[[str], float] = lambda _point: 0.0
        self.pauses: dict[str, asyncio.Event] = {}
        self.arrived: dict[str, asyncio.Event] = {}

    def pause(self, operation: str) -> tuple[asyncio.Event, asyncio.Event]:
        """Return two events: the first is set when a request has arrived, the second lets requests pass."""
        self.arrived[operation], self.pauses[operation] = asyncio.Event(), asyncio.Event()
        return self.arrived[operation], self.pauses[operation]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        operation = operation_of(request)
        self.passing(f"before {operation}")
        if delay_s := self.delay_s(f"before {operation}"):
            await asyncio.sleep(delay_s)
        if operation in self.pauses:
            self.arrived[operation].set()
            await self.pauses[operation].wait()
        fault = self.faults.get(operation) or self.faults.get("all")
        if fault == REQUEST_LOST:
            raise httpx.ConnectTimeout("request lost", request=request)
        if fault == UNAVAILABLE:
            return httpx.Response(503, request=request)
        response = await self._inner.handle_async_request(request)
        await response.aread()
        self.passing(f"after {operation}")
        if delay_s := self.delay_s(f"after {operation}"):
            await asyncio.sleep(delay_s)
        if fault == RESPONSE_LOST:
            raise httpx.ReadTimeout("response lost", request=request)
        return response

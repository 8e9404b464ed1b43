"""A bank for development: it quotes the interest of its loans, and answers the offsets of its customers.

It keeps the rules that a real one must: a quote is for one loan and works once, interest is reduced once per offset and
only after the programme took the confirmation, an offset that the loan does not cover is refused. It signs with an
Ed25519 key (CP1). The programme learns the reference of a quote and the interest that may be offset, nothing of the
loan. State lives in memory.
"""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

PREFIX = "/api/v1/rewards/partner"
QUOTE_LIFE_S = 600


class UnknownLoan(Exception):
    pass


@dataclass
class Loan:
    """`customer_ref`: what the programme calls its owner."""

    customer_ref: str
    interest_fen: int
    is_closed: bool = False
    reduced: dict[str, int] = field(default_factory=dict)

    @property
    def due_fen(self) -> int:
        return self.interest_fen - sum(self.reduced.values())


class Bank:
    def __init__(self, http: httpx.AsyncClient, *, app_key: str, key: Ed25519PrivateKey) -> None:
        self._http, self._app_key, self._key = http, app_key, key
        self.loans: dict[str, Loan] = {}
        self._quotes: dict[str, str] = {}

    def header(self, method: str, target: str, raw: bytes, *, timestamp: int | None = None, nonce: str = "") -> str:
        """Return the Authorization header of a request."""
        at, once = str(int(time.time()) if timestamp is None else timestamp), nonce or secrets.token_hex(16)
        text = f"{method}\n{target}\n{at}\n{once}\n".encode() + raw + b"\n"
        signature = base64.b64encode(self._key.sign(text)).decode()
        parts = {"app_key": self._app_key, "timestamp": at, "nonce": once, "signature": signature}
        return "CP1-ED25519 " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        target = f"{PREFIX}{path}"
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.header(method, target, raw), "Content-Type": "application/json"}
        return await self._http.request(method, target, content=raw, headers=headers)

    async def quote(self, loan_no: str, *, life_s: int = QUOTE_LIFE_S) -> str:
        """Quote the interest that is due. Return the reference. Raises UnknownLoan, httpx.HTTPStatusError."""
        loan = self.loans.get(loan_no)
        if loan is None or loan.is_closed or loan.due_fen <= 0:
            raise UnknownLoan
        quote_id = f"Q{secrets.token_hex(8)}"
        self._quotes[quote_id] = loan_no
        body = {
            "quote_id": quote_id,
            "customer_ref": loan.customer_ref,
            "interest_fen": loan.due_fen,
            "expires_at": (datetime.now(UTC) + timedelta(seconds=life_s)).isoformat(),
        }
        (await self.send("POST", "/loan-quotes", body)).raise_for_status()
        return quote_id

    async def work(self) -> dict[str, str]:
        """Answer what waits. Return the answers by quote."""
        answers: dict[str, str] = {}
        cursor = ""
        while True:
            page = await self.send("GET", f"/loan-offsets?bank_status=waiting{cursor}")
            page.raise_for_status()
            found = page.json()
            for offset in found["items"]:
                answers[offset["quote_id"]] = await self._answer(offset)
            if not found["has_more"]:
                return answers
            cursor = f"&cursor={found['next_cursor']}"

    async def _answer(self, offset: dict[str, Any]) -> str:
        loan = self.loans.get(self._quotes.get(offset["quote_id"], ""))
        if loan is None or loan.is_closed or loan.due_fen < offset["interest_fen"]:
            answer = await self.send("POST", f"/loan-offsets/{offset['offset_id']}/refuse")
            return "refused" if answer.is_success else "unknown"
        answer = await self.send("POST", f"/loan-offsets/{offset['offset_id']}/confirm")
        if not answer.is_success:
            return "unknown"
        loan.reduced[offset["offset_id"]] = offset["interest_fen"]
        return "confirmed"


def router_of(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.put("/loans/{loan_no}")
    async def open_loan(loan_no: str, request: Request) -> JSONResponse:
        asked = await request.json()
        bank.loans[loan_no] = Loan(str(asked["customer_ref"]), int(asked["interest_fen"]))
        return JSONResponse({"due_fen": bank.loans[loan_no].due_fen})

    @router.get("/loans/{loan_no}")
    async def get_loan(loan_no: str) -> JSONResponse:
        loan = bank.loans.get(loan_no)
        return JSONResponse({} if loan is None else {"due_fen": loan.due_fen}, status_code=404 if loan is None else 200)

    @router.post("/loans/{loan_no}/quote")
    async def quote(loan_no: str) -> JSONResponse:
        try:
            return JSONResponse({"quote_id": await bank.quote(loan_no)})
        except UnknownLoan:
            return JSONResponse({"error": "unknown_loan"}, status_code=404)

    @router.post("/work")
    async def work() -> dict[str, str]:
        return await bank.work()

    return router

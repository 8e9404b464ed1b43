"""A partner for development whose customers type in their account number: recycling machines, electricity meters.

It looks for bindings that wait, confirms those whose number a customer typed in, refuses those that it knows to be
nobody's, and leaves the others waiting. When a customer leaves, it says so. Each request is signed (CP1).
"""

import asyncio
import contextlib
from typing import Any

import httpx
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from deploy.local.signed_requests import SignedRequests

BINDINGS = "/api/v1/accounts/partner/bindings"
LOOK_EVERY_S = 10.0
PAGES_MAX = 50


class AccountPartner:
    def __init__(self, http: httpx.AsyncClient, *, app_key: str, secret: str) -> None:
        self._requests = SignedRequests(http, app_key=app_key, secret=secret)
        self._numbers: dict[str, str] = {}
        self._nobodys: set[str] = set()

    def register(self, customer: str, account_no: str) -> None:
        """A customer typed in the number."""
        self._numbers[customer] = account_no

    def disown(self, account_no: str) -> None:
        """No customer has this number."""
        self._nobodys.add(account_no)

    async def look(self) -> dict[str, int]:
        """Answer every binding that waits. Return how many were confirmed and refused, and how many wait on."""
        done = {"confirmed": 0, "refused": 0, "waiting": 0}
        known = set(self._numbers.values())
        for item in await self._pending():
            number, path = item["account_no"], f"{BINDINGS}/{item['binding_id']}"
            if number in known:
                done["confirmed"] += await self._sent("POST", f"{path}/confirm")
            elif number in self._nobodys:
                done["refused"] += await self._sent("POST", f"{path}/refuse")
            else:
                done["waiting"] += 1
        return done

    async def leave(self, customer: str) -> bool:
        """The customer has left. True if a binding ended with it."""
        number = self._numbers.pop(customer, None)
        if number is None:
            return False
        return await self._sent("POST", f"{BINDINGS}/end", {"account_ref": {"type": "account_no", "value": number}})

    async def look_for_ever(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):  # the programme is away: look again later
                await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _pending(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path = f"{BINDINGS}?status=pending&limit=100"
        for _ in range(PAGES_MAX):
            page = (await self._requests.send("GET", path)).raise_for_status().json()
            found += page["items"]
            if page["next_cursor"] is None:
                break
            path = f"{BINDINGS}?status=pending&limit=100&cursor={page['next_cursor']}"
        return found

    async def _sent(self, method: str, path: str, body: Any = None) -> bool:
        return (await self._requests.send(method, path, body)).is_success


def router_of(partner: AccountPartner) -> APIRouter:
    router = APIRouter()

    @router.put("/customers/{customer}")
    async def register(customer: str, request: Request) -> JSONResponse:
        partner.register(customer, str((await request.json())["account_no"]))
        return JSONResponse(await partner.look())

    @router.delete("/customers/{customer}")
    async def leave(customer: str) -> dict[str, bool]:
        return {"ended": await partner.leave(customer)}

    @router.put("/nobodys/{account_no}")
    async def disown(account_no: str) -> JSONResponse:
        partner.disown(account_no)
        return JSONResponse(await partner.look())

    @router.post("/look")
    async def look() -> dict[str, int]:
        return await partner.look()

    return router

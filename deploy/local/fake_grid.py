"""The grid company for development. Its customers name the household whose account their meter belongs to.

It knows its own meters, confirms the household that a customer named once that household has claimed the meter, and
refuses it when the customer moves out. A customer who names another household moves the meter there.
"""

import asyncio
import contextlib
import re
from typing import Final, Literal

import httpx
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from deploy.local.signed_requests import SignedRequests

METERS: Final = "/api/v1/accounts/partner/meters"
LOOK_EVERY_S: Final = 10.0
# The meters of Wuhan: its district code and nine digits.
_OWN_METER: Final = re.compile(r"4201[0-9]{9}")

Status = Literal["confirmed", "waiting"]


class UnknownMeter(Exception):
    """The grid company has no such meter."""


class GridCompany:
    def __init__(self, http: httpx.AsyncClient, *, app_key: str, secret: str) -> None:
        self._requests = SignedRequests(http, app_key=app_key, secret=secret)
        self._named: dict[str, str] = {}
        self._confirmed: set[tuple[str, str]] = set()

    async def name_household(self, meter_ref: str, account_no: str) -> Status:
        """The customer of a meter named a household. Raises UnknownMeter."""
        if not _OWN_METER.fullmatch(meter_ref):
            raise UnknownMeter
        self._named[meter_ref] = account_no
        return await self._confirm(meter_ref, account_no)

    async def move_out(self, meter_ref: str) -> bool:
        """The customer of a meter moved out. True if a household lost its meter or claim by that."""
        account_no = self._named.pop(meter_ref, None)
        if account_no is None:
            return False
        self._confirmed.discard((meter_ref, account_no))
        return await self._decide(meter_ref, account_no, "refused")

    async def look(self) -> dict[Status, int]:
        """Try again to confirm what waits: the household had not claimed the meter yet. Return how many there are."""
        done: dict[Status, int] = {"confirmed": 0, "waiting": 0}
        for meter_ref, account_no in list(self._named.items()):
            if (meter_ref, account_no) not in self._confirmed:
                done[await self._confirm(meter_ref, account_no)] += 1
        return done

    async def look_for_ever(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):  # the programme is away: look again later
                await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _confirm(self, meter_ref: str, account_no: str) -> Status:
        if not await self._decide(meter_ref, account_no, "confirmed"):
            return "waiting"
        self._confirmed.add((meter_ref, account_no))
        return "confirmed"

    async def _decide(self, meter_ref: str, account_no: str, decision: str) -> bool:
        body = {"meter_ref": meter_ref, "account_no": account_no, "decision": decision}
        return (await self._requests.send("POST", METERS, body)).is_success


def router_of(grid: GridCompany) -> APIRouter:
    router = APIRouter()

    @router.put("/customers/{meter_ref}")
    async def name_household(meter_ref: str, request: Request) -> JSONResponse:
        try:
            status = await grid.name_household(meter_ref, str((await request.json())["account_no"]))
        except UnknownMeter:
            return JSONResponse({"error": "unknown_meter"}, status_code=404)
        return JSONResponse({"status": status})

    @router.delete("/customers/{meter_ref}")
    async def move_out(meter_ref: str) -> dict[str, bool]:
        return {"ended": await grid.move_out(meter_ref)}

    @router.post("/look")
    async def look() -> dict[Status, int]:
        return await grid.look()

    return router

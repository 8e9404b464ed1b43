"""A metro company for development: it knows its passengers by phone number and reports them by a keyed hash."""

import hashlib
import hmac
import re

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


class PhonePartner:
    """Written as a partner reads our documentation. Nothing of the services is imported."""

    def __init__(self, pepper: str) -> None:
        self._pepper = pepper.encode()
        self._numbers: dict[str, str] = {}

    def register(self, customer: str, phone: str) -> bool:
        """Store a passenger's number in E.164, or a number of mainland China without its prefix."""
        number = phone if phone.startswith("+") else f"+86{phone}"
        if not _NUMBER.fullmatch(number):
            return False
        self._numbers[customer] = number
        return True

    def account_ref(self, customer: str) -> dict[str, str] | None:
        """Return the `account_ref` of the passenger's events: HMAC-SHA256 of the number, 64 hex digits."""
        number = self._numbers.get(customer)
        if number is None:
            return None
        return {"type": "phone_hash", "value": hmac.new(self._pepper, number.encode(), hashlib.sha256).hexdigest()}


def router_of(partner: PhonePartner) -> APIRouter:
    router = APIRouter()

    @router.put("/customers/{customer}")
    async def register(customer: str, request: Request) -> JSONResponse:
        body = await request.json()
        if not partner.register(customer, str(body.get("phone", ""))):
            return JSONResponse({"error": "not a phone number"}, status_code=422)
        return JSONResponse(partner.account_ref(customer))

    @router.get("/customers/{customer}")
    async def account_ref(customer: str) -> JSONResponse:
        found = partner.account_ref(customer)
        return JSONResponse(found, status_code=200 if found else 404)

    return router

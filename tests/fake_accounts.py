"""A fake of accounts: sessions live until a test ends them."""

import json
from collections import Counter

import httpx
import jwt

from tests.tokens import SERVICE_CALLERS

PATH = "/internal/accounts/sessions/live"


class FakeAccounts(httpx.AsyncBaseTransport):
    """`ended`: users whose sessions have ended. `down`: no answer. `sizes`: how many were asked for in each call."""

    def __init__(self, caller: str = "rewards") -> None:
        self.caller = caller
        self.reset()

    def reset(self) -> None:
        self.ended: set[str] = set()
        self.down = False
        self.sizes: Counter[int] = Counter()

    def answer(self, authorization: str, body: bytes) -> dict[str, list[bool]]:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "),
            SERVICE_CALLERS[self.caller],
            algorithms=["EdDSA"],
            audience="accounts",
        )
        assert claims["iss"] == self.caller
        asked = json.loads(body)["tokens"]
        self.sizes[len(asked)] += 1
        return {"live": [token["user_id"] not in self.ended for token in asked]}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == PATH
        if self.down:
            raise httpx.ConnectError("down")
        answer = self.answer(request.headers["authorization"], await request.aread())
        return httpx.Response(200, json=answer, request=request)

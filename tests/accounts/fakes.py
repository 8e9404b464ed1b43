"""Small fakes of the services that accounts calls, with the documented shapes."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from deploy.local.fake_oauth_partner import OauthPartner, Registration, router_of
from shared import clock
from shared.auth import cp1
from shared.auth.signers import HmacVerifier
from shared.auth.tokens import SERVICE_TYPE
from tests.tokens import SERVICE_CALLERS

KEYS = {
    f"ak_{name}": (name, f"cpsk_{name}_0123456789abcdef") for name in ("didi", "huishou", "meter", "hello", "metro")
}
METRO_PEPPER = "metro-phone-pepper-0123456789"
OAUTH_SECRET = "hello-oauth-secret-canary"


def partner(partner_id: str, scenes: list[str], modes: list[str], **more: Any) -> dict[str, Any]:
    return {
        "partner_id": partner_id,
        "name": f"{partner_id} 公司",
        "name_en": f"{partner_id} Ltd",
        "source": f"urn:partner:{partner_id}",
        "scenes": scenes,
        "late_window_s": 7 * 86_400,
        "binding_modes": modes,
        "environment": "live",
        "phone_pepper": None,
        "oauth": None,
        **more,
    }


OAUTH = {
    "authorize_url": "http://hello.test/oauth/authorize",
    "token_url": "http://hello.test/oauth/token",
    "revocation_url": "http://hello.test/oauth/revoke",
    "redirect_uri": "https://carbon.test/bound",
    "issuer": "https://hello.test",
    "client_id": "carbon",
    "client_secret": OAUTH_SECRET,
}
PARTNERS = [
    partner("didi", ["ev_ride"], ["account_no", "token"]),
    partner("huishou", ["recycling"], ["token"]),
    partner("metro", ["metro", "bus"], ["phone_hash", "account_no"], phone_pepper=METRO_PEPPER),
    partner("citybus", ["bus"], ["phone_hash"]),  # offers the mode, but has no pepper
    partner(
        "hello",
        ["bike"],
        ["oauth"],
        oauth=OAUTH,
    ),
    partner("meter", ["power_saving"], ["account_no_confirmed"]),
    partner("trial", ["bike"], ["account_no"], environment="sandbox"),
]


class FakeIngest:
    """The internal routes of ingest. A test may change `down`, `partners` and `audience`."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.get("/internal/ingest/partners")(self._list)
        self.app.post("/internal/ingest/verify-signature")(self._verify)
        self.app.post("/internal/ingest/reports")(self._report)

        self.reset()

    def reset(self) -> None:
        self.partners: Any = list(PARTNERS)
        self.down = False
        self.audience = "ingest"
        self.partner_calls = 0
        self.reports: list[dict[str, Any]] = []

    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app)

    def _refusal(self, request: Request) -> JSONResponse | None:
        if self.down:
            return JSONResponse({"code": "UNAVAILABLE"}, status_code=503)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            assert jwt.get_unverified_header(token)["typ"] == SERVICE_TYPE
            claims = jwt.decode(token, SERVICE_CALLERS["accounts"], algorithms=["EdDSA"], audience=self.audience)
            assert claims["iss"] == "accounts"
        except (jwt.PyJWTError, AssertionError):
            return JSONResponse({"code": "UNAUTHENTICATED"}, status_code=401)
        return None

    async def _list(self, request: Request) -> JSONResponse:
        self.partner_calls += 1
        await asyncio.sleep(0.01)  # long enough for a second caller to arrive
        return self._refusal(request) or JSONResponse({"items": self.partners})

    async def _report(self, request: Request) -> JSONResponse:
        refused = self._refusal(request)
        if refused:
            return refused
        self.reports.append(await request.json())
        return JSONResponse({"receipt_id": "r", "accepted": len(self.reports[-1]["days"])}, status_code=202)

    async def _verify(self, request: Request) -> JSONResponse:
        refused = self._refusal(request)
        if refused:
            return refused
        asked = await request.json()
        credential = cp1.parse_authorization(asked["authorization"])
        unauthenticated = JSONResponse({"code": "SIGNATURE_MISMATCH"}, status_code=401)
        if credential is None or credential.app_key not in KEYS:
            return unauthenticated
        partner_id, secret = KEYS[credential.app_key]
        message = cp1.string_to_sign(
            method=asked["method"],
            target=asked["target"],
            timestamp=credential.timestamp,
            nonce=credential.nonce,
            body=base64.b64decode(asked["body_base64"]),
        )
        fresh = abs(clock.now().timestamp() - credential.timestamp) <= cp1.WINDOW_S
        if not fresh or not HmacVerifier(secret.encode()).verify(message, credential.signature):
            return unauthenticated
        answer = {"partner_id": partner_id, "nonce": credential.nonce, "timestamp": credential.timestamp}
        return JSONResponse(answer)


Trick = Callable[[Request], Awaitable[Response]]


class Hello:
    """The OAuth server of the partner `hello`: the one of the local stack, with tricks for its token endpoint."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.middleware("http")(self._trick)
        self.reset()

    def reset(self) -> None:
        self.trick: Trick | None = None
        self.exchanges = 0
        self.partner = OauthPartner(
            Registration(OAUTH["issuer"], OAUTH["client_id"], OAUTH_SECRET, OAUTH["redirect_uri"])
        )
        self.app.router.routes.clear()
        self.app.include_router(router_of(self.partner))

    async def _trick(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path == "/oauth/token":
            self.exchanges += 1
            if self.trick is not None:
                return await self.trick(request)
        return await call_next(request)

    async def confirm(self, url: str, customer: str) -> dict[str, str]:
        """Confirm as the partner's customer. Return the parameters of the redirect."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as browser:
            answer = await browser.post(url, data={"customer": customer, "decision": "allow"})
        assert answer.status_code == 303, answer.text
        address, _, query = answer.headers["location"].partition("?")
        assert address == OAUTH["redirect_uri"]
        return {name: values[0] for name, values in parse_qs(query).items()}


def answering(document: object, status: int = 200) -> Trick:
    async def answer(_request: Request) -> Response:
        return JSONResponse(document, status_code=status)

    return answer

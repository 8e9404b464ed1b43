"""Small fakes of the services that accounts calls, with the documented shapes."""

import asyncio
import base64
from typing import Any

import httpx
import jwt
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from shared import clock
from shared.auth import cp1
from shared.auth.signers import HmacVerifier
from shared.auth.tokens import SERVICE_TYPE
from tests.tokens import SERVICE_CALLERS

KEYS = {"ak_didi": ("didi", "cpsk_didi_0123456789abcdef"), "ak_huishou": ("huishou", "cpsk_huishou_0123456789abcdef")}
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


PARTNERS = [
    partner("didi", ["ev_ride"], ["account_no", "token"]),
    partner("huishou", ["recycling"], ["token"]),
    partner("metro", ["metro", "bus"], ["phone_hash", "account_no"], phone_pepper=METRO_PEPPER),
    partner("citybus", ["bus"], ["phone_hash"]),  # offers the mode, but has no pepper
    partner(
        "hello",
        ["bike"],
        ["oauth"],
        oauth={"token_url": "http://hello.test/token", "client_id": "carbon", "client_secret": OAUTH_SECRET},
    ),
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


def fake_oauth() -> FastAPI:
    """A partner's token endpoint. `ok:<open id>` is a valid code, `busy` and `odd` cause failures."""
    app = FastAPI()

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        asked = await request.json()
        if asked.get("client_secret") != OAUTH_SECRET or asked.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        code = asked["code"]
        if code == "busy":
            return JSONResponse({}, status_code=502)
        if code == "odd":
            return JSONResponse({"open_id": ["not", "text"]})
        if not code.startswith("ok:"):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return JSONResponse({"open_id": code.removeprefix("ok:")})

    return app

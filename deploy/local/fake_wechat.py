"""A WeChat server for development. It has the calls of the accounts service and behaves like WeChat.

Every answer is HTTP 200 with `errcode` in the body. The answer to the login is `text/plain`. Codes:

    dev:<openid>           logs in as that openid, any number of times (a real code works once)
    dev-phone:<11 digits>  that phone number
    dev-error:<errcode>    answers with that error, e.g. dev-error:40226
    anything else          40029, invalid code
"""

import base64
import hashlib
import json
import os
import re
import secrets
import time
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

CODE_PREFIX = "dev:"
TOKEN_LIFE_S = 7200
LONG_AGO = 0.0

MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
}


class FakeWechat:
    """State of one server: its credentials and the access token it issued last."""

    def __init__(self, app_id: str, app_secret: str) -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._token = ""
        self._token_until_s = LONG_AGO

    def refusal(self, app_id: str | None, secret: str | None) -> int | None:
        """Return the errcode for wrong credentials of the mini-program, None for correct ones."""
        if app_id != self._app_id:
            return 40013
        return None if secret == self._app_secret else 40125

    def token(self, *, force: bool) -> dict[str, Any]:
        """Return the current token. A forced or expired token is replaced."""
        now_s = time.monotonic()
        if force or now_s >= self._token_until_s:
            self._token = f"dev_{secrets.token_hex(32)}"
            self._token_until_s = now_s + TOKEN_LIFE_S
        return {"access_token": self._token, "expires_in": int(self._token_until_s - now_s)}

    def is_current_token(self, token: str | None) -> bool:
        """Whether this is the token issued last and it has not expired."""
        return bool(self._token) and token == self._token and time.monotonic() < self._token_until_s

    def phone(self, number: str) -> dict[str, Any]:
        """Return `phone_info` in the shape of WeChat."""
        watermark = {"timestamp": int(time.time()), "appid": self._app_id}
        plain = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86", "watermark": watermark}
        return {"errcode": 0, "errmsg": "ok", "phone_info": plain}


def error(errcode: int) -> dict[str, Any]:
    """Return a failure in the words of WeChat."""
    return {"errcode": errcode, "errmsg": f"{MESSAGES.get(errcode, 'error')}, rid: {secrets.token_hex(8)}"}


def requested_error(code: str) -> int | None:
    """Return the errcode of `dev-error:<errcode>`, 40029 for an unknown form of code, None for a valid one."""
    match = re.fullmatch(r"dev-error:(-?[0-9]{1,6})", code)
    if match:
        return int(match.group(1))
    return None if re.fullmatch(r"dev:[A-Za-z0-9_-]{1,64}|dev-phone:[0-9]{11}", code) else 40029


async def json_body(request: Request) -> dict[str, Any] | None:
    """Return the body, or None if it is not a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def create_app(app_id: str | None = None, app_secret: str | None = None) -> FastAPI:
    """Create the server. The default credentials are WECHAT_APP_ID and WECHAT_APP_SECRET."""
    fake = FakeWechat(app_id or os.environ["WECHAT_APP_ID"], app_secret or os.environ["WECHAT_APP_SECRET"])
    app = FastAPI(title="Fake WeChat", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/sns/jscode2session")
    async def log_in(
        appid: str | None = None, secret: str | None = None, js_code: str = "", grant_type: str = ""
    ) -> Response:
        refused = fake.refusal(appid, secret) or (None if grant_type == "authorization_code" else 40002)
        refused = refused or requested_error(js_code)
        if refused is None and not js_code.startswith(CODE_PREFIX):
            refused = 40029  # a phone code is not a login code
        if refused is not None:
            answer = error(refused)
        else:
            openid = js_code.removeprefix(CODE_PREFIX)
            session_key = base64.b64encode(hashlib.sha256(openid.encode()).digest()[:16]).decode()
            answer = {"session_key": session_key, "openid": openid}
        return Response(json.dumps(answer), media_type="text/plain")

    @app.post("/cgi-bin/stable_token")
    async def stable_token(request: Request) -> JSONResponse:
        body = await json_body(request)
        if body is None:
            return JSONResponse(error(47001))
        refused = fake.refusal(body.get("appid"), body.get("secret"))
        refused = refused or (None if body.get("grant_type") == "client_credential" else 40002)
        return JSONResponse(error(refused) if refused else fake.token(force=body.get("force_refresh") is True))

    @app.post("/wxa/business/getuserphonenumber")
    async def phone_number(request: Request, access_token: str | None = None) -> JSONResponse:
        body = await json_body(request)
        if not fake.is_current_token(access_token):
            return JSONResponse(error(40001))
        if body is None or not isinstance(body.get("code"), str):
            return JSONResponse(error(47001))
        code: str = body["code"]
        refused = requested_error(code)
        if refused is None and not code.startswith("dev-phone:"):
            refused = 40029
        answer = error(refused) if refused is not None else fake.phone(code.removeprefix("dev-phone:"))
        return JSONResponse(answer)

    return app

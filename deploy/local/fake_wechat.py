"""A WeChat server for development: the calls the accounts service makes, with WeChat's habits.

Every answer is HTTP 200 with `errcode` in the body, the login's is `text/plain`, as the real one's. Codes:

    dev:<openid>           logs in as that openid, as often as one likes (real codes work once)
    dev-phone:<11 digits>  that phone number
    dev-error:<errcode>    plays the error, e.g. dev-error:40226
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
    """State of one fake: its credentials and the access token it last gave out."""

    def __init__(self, app_id: str, app_secret: str) -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._token = ""
        self._token_until_s = LONG_AGO

    def refusal(self, app_id: str | None, secret: str | None) -> int | None:
        """errcode for wrong credentials of the mini-program."""
        if app_id != self._app_id:
            return 40013
        return None if secret == self._app_secret else 40125

    def token(self, *, force: bool) -> dict[str, Any]:
        """The current token, a new one when forced or expired."""
        now_s = time.monotonic()
        if force or now_s >= self._token_until_s:
            self._token = f"dev_{secrets.token_hex(32)}"
            self._token_until_s = now_s + TOKEN_LIFE_S
        return {"access_token": self._token, "expires_in": int(self._token_until_s - now_s)}

    def knows_token(self, token: str | None) -> bool:
        """Whether this is the token given out last and still alive."""
        return bool(self._token) and token == self._token and time.monotonic() < self._token_until_s

    def phone(self, number: str) -> dict[str, Any]:
        """`phone_info` as WeChat shapes it."""
        watermark = {"timestamp": int(time.time()), "appid": self._app_id}
        plain = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86", "watermark": watermark}
        return {"errcode": 0, "errmsg": "ok", "phone_info": plain}


def error(errcode: int) -> dict[str, Any]:
    """A failure as WeChat words it."""
    return {"errcode": errcode, "errmsg": f"{MESSAGES.get(errcode, 'error')}, rid: {secrets.token_hex(8)}"}


def played_error(code: str) -> int | None:
    """The errcode that a code asks for: `dev-error:<errcode>`, or 40029 for a code that means nothing here."""
    match = re.fullmatch(r"dev-error:(-?[0-9]{1,6})", code)
    if match:
        return int(match.group(1))
    return None if re.fullmatch(r"dev:[A-Za-z0-9_-]{1,64}|dev-phone:[0-9]{11}", code) else 40029


async def json_body(request: Request) -> dict[str, Any] | None:
    """The body as an object, None when it is none."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def create_app(app_id: str | None = None, app_secret: str | None = None) -> FastAPI:
    """The fake; credentials from WECHAT_APP_ID and WECHAT_APP_SECRET unless given."""
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
        refused = refused or played_error(js_code)
        if refused is None and not js_code.startswith(CODE_PREFIX):
            refused = 40029  # a phone code does not log anybody in
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
        if not fake.knows_token(access_token):
            return JSONResponse(error(40001))
        if body is None or not isinstance(body.get("code"), str):
            return JSONResponse(error(47001))
        code: str = body["code"]
        refused = played_error(code)
        if refused is None and not code.startswith("dev-phone:"):
            refused = 40029
        answer = error(refused) if refused is not None else fake.phone(code.removeprefix("dev-phone:"))
        return JSONResponse(answer)

    return app

"""The routes of WeChat that the accounts service calls."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from deploy.local.fake_wechat import controls, pictures, texts
from deploy.local.fake_wechat.state import SEEN_FOR_S, FakeWechat, error
from deploy.local.fake_wechat.templates import fault_of

# Pages of the mini-program, as its app.json would list them.
PAGES_PREFIX = "pages/"
Answered = Callable[[dict[str, Any]], dict[str, Any] | Response]


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
    app.state.fake = fake

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        return {"ready": True}

    @app.middleware("http")
    async def play_faults(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        fake.calls[path] += 1
        fault = fake.next_fault(path)
        if fault is None:
            return JSONResponse(error(45009)) if fake.over_quota(path) else await call_next(request)
        await asyncio.sleep(fault.delay_s)
        if fault.raw is not None:
            return Response(fault.raw, fault.status, media_type="text/plain")
        if fault.errcode is not None:
            return JSONResponse(error(fault.errcode))
        answer = await call_next(request)
        await asyncio.sleep(fault.late_s)
        return answer

    @app.get("/sns/jscode2session")
    async def log_in(
        appid: str | None = None, secret: str | None = None, js_code: str = "", grant_type: str = ""
    ) -> Response:
        refused = fake.refusal(appid, secret) or (None if grant_type == "authorization_code" else 40002)
        answer = error(refused) if refused is not None else fake.log_in(js_code)
        return Response(json.dumps(answer), media_type="text/plain")

    @app.post("/cgi-bin/stable_token")
    async def stable_token(request: Request) -> JSONResponse:
        body = await json_body(request)
        if body is None:
            return JSONResponse(error(47001))
        refused = fake.refusal(body.get("appid"), body.get("secret"))
        refused = refused or (None if body.get("grant_type") == "client_credential" else 40002)
        return JSONResponse(error(refused) if refused else fake.token(force=body.get("force_refresh") is True))

    _add_server_calls(app, fake)
    controls.add_to(app, fake)
    return app


def _add_server_calls(app: FastAPI, fake: FakeWechat) -> None:
    """Add the calls that need the server token."""

    async def answered(request: Request, work: Answered) -> Response:
        body = await json_body(request)
        if not fake.is_current_token(request.query_params.get("access_token")):
            return JSONResponse(error(40001))
        answer = error(47001) if body is None else work(body)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    @app.post("/wxa/business/getuserphonenumber")
    async def phone_number(request: Request) -> Response:
        def work(body: dict[str, Any]) -> dict[str, Any]:
            code = body.get("code")
            return fake.phone(code) if isinstance(code, str) else error(47001)

        return await answered(request, work)

    @app.post("/cgi-bin/message/subscribe/send")
    async def send_message(request: Request) -> Response:
        return await answered(request, lambda body: _message(fake, body))

    @app.post("/wxa/msg_sec_check")
    async def check_text(request: Request) -> Response:
        raw = await request.body()

        def work(body: dict[str, Any]) -> dict[str, Any]:
            user = fake.users.get(str(body.get("openid")))
            if user is None:
                return error(40003)
            if time.time() - user.seen_at_s > SEEN_FOR_S:
                return error(61010)
            return texts.verdict(body, raw)

        return await answered(request, work)

    @app.post("/wxa/getwxacodeunlimit")
    async def qr_code(request: Request) -> Response:
        return await answered(request, pictures.answer)


def _message(fake: FakeWechat, body: dict[str, Any]) -> dict[str, Any]:
    """Send a subscribe message: keep it for whoever asks for the messages received."""
    user = fake.users.get(str(body.get("touser")))
    if user is None:
        return error(40003)
    template_id, page = str(body.get("template_id")), str(body.get("page", ""))
    fault = fault_of(template_id, body.get("data"))
    if fault is not None:
        return error(*fault)
    if page and not page.startswith(PAGES_PREFIX):
        return error(41030)
    if user.refused & {"*", template_id}:
        return error(43101)
    fake.received.append(
        {
            "openid": user.openid,
            "template_id": template_id,
            "page": page,
            "data": {name: one["value"] for name, one in body["data"].items()},
            "state": body.get("miniprogram_state"),
        }
    )
    return {"errcode": 0, "errmsg": "ok"}

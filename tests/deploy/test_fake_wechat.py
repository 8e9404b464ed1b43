"""The development WeChat answers like WeChat: HTTP 200, `errcode` in the body, text/plain for the login."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.local.fake_wechat import create_app

APP = {"appid": "wxdev", "secret": "s3cret"}


@pytest.fixture
async def wechat() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app("wxdev", "s3cret"))
    async with httpx.AsyncClient(transport=transport, base_url="http://wechat") as client:
        yield client


async def log_in(wechat: httpx.AsyncClient, code: str, **changed: str) -> dict[str, Any]:
    parameters = {**APP, "js_code": code, "grant_type": "authorization_code", **changed}
    response = await wechat.get("/sns/jscode2session", params=parameters)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    found: dict[str, Any] = response.json()
    return found


async def access_token(wechat: httpx.AsyncClient, **more: Any) -> Any:
    response = await wechat.post("/cgi-bin/stable_token", json={"grant_type": "client_credential", **APP, **more})
    assert response.json()["expires_in"] > 300
    return response.json()["access_token"]


async def test_dev_code_logs_in_repeatedly(wechat: httpx.AsyncClient) -> None:
    first = await log_in(wechat, "dev:citizen-1")
    assert first["openid"] == "citizen-1"
    assert "errcode" not in first
    assert await log_in(wechat, "dev:citizen-1") == first


@pytest.mark.parametrize(
    ("code", "errcode"),
    [
        ("dev-error:40226", 40226),
        ("dev-error:-1", -1),
        ("dev-error:45011", 45011),
        ("unknown", 40029),
        ("dev:", 40029),
        ("dev-phone:13800000000", 40029),
    ],
)
async def test_invalid_login_codes_answer_with_an_errcode(wechat: httpx.AsyncClient, code: str, errcode: int) -> None:
    answer = await log_in(wechat, code)
    assert answer["errcode"] == errcode
    assert "rid: " in answer["errmsg"]
    assert "openid" not in answer


async def test_wrong_app_credentials_answer_with_an_errcode(wechat: httpx.AsyncClient) -> None:
    assert (await log_in(wechat, "dev:x", appid="another"))["errcode"] == 40013
    assert (await log_in(wechat, "dev:x", secret="another"))["errcode"] == 40125
    response = await wechat.post("/cgi-bin/stable_token", json={"grant_type": "client_credential", "appid": "wxdev"})
    assert response.json()["errcode"] == 40125


async def test_stable_token_stays_the_same_until_a_forced_refresh(wechat: httpx.AsyncClient) -> None:
    token = await access_token(wechat)
    assert await access_token(wechat) == token
    assert await access_token(wechat, force_refresh=True) != token


async def test_phone_code_gives_the_number_and_other_codes_an_errcode(wechat: httpx.AsyncClient) -> None:
    path, token = "/wxa/business/getuserphonenumber", {"access_token": await access_token(wechat)}
    answer = (await wechat.post(path, params=token, json={"code": "dev-phone:13800000001"})).json()
    assert answer["errcode"] == 0
    assert answer["phone_info"]["purePhoneNumber"] == "13800000001"
    assert answer["phone_info"]["watermark"]["appid"] == "wxdev"
    played = await wechat.post(path, params=token, json={"code": "dev-error:45011"})
    assert played.json()["errcode"] == 45011
    login_code = await wechat.post(path, params=token, json={"code": "dev:citizen-1"})
    assert login_code.json()["errcode"] == 40029
    expired = await wechat.post(path, params={"access_token": "old"}, json={"code": "dev-phone:13800000001"})
    assert expired.json()["errcode"] == 40001

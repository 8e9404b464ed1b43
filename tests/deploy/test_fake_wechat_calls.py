"""The development WeChat keeps its own rules: single use, quotas, templates, encryption, words, images."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.fake_wechat import create_app
from services.accounts.wechat.decryption import decrypt
from tests.deploy.test_fake_wechat import access_token, log_in

MESSAGE: dict[str, Any] = {
    "touser": "anna",
    "template_id": "dev-credited-today",
    "page": "pages/records/index",
    "data": {"thing1": {"value": "5 克"}, "number2": {"value": "1"}, "date3": {"value": "2026年11月27日"}},
}


@pytest.fixture
async def wechat() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app("wxdev", "s3cret"))
    async with httpx.AsyncClient(transport=transport, base_url="http://wechat") as client:
        yield client


async def as_server(wechat: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    return await wechat.post(path, params={"access_token": await access_token(wechat)}, json=body)


async def send(wechat: httpx.AsyncClient, **changed: Any) -> int:
    answer = await as_server(wechat, "/cgi-bin/message/subscribe/send", {**MESSAGE, **changed})
    return int(answer.json()["errcode"])


async def test_a_code_of_the_phone_works_once(wechat: httpx.AsyncClient) -> None:
    code = (await wechat.post("/_phone/log-in?openid=anna")).json()["code"]
    assert (await log_in(wechat, code))["openid"] == "anna"
    assert (await log_in(wechat, code))["errcode"] == 40163


async def test_a_user_logs_in_a_hundred_times_a_minute(wechat: httpx.AsyncClient) -> None:
    answers = [await log_in(wechat, "dev:anna") for _ in range(102)]
    assert [answer.get("errcode") for answer in answers].count(45011) in {1, 2}  # a minute may begin in between
    assert "openid" in await log_in(wechat, "dev:ben")


async def test_messages_are_received_by_whom_they_name(wechat: httpx.AsyncClient) -> None:
    assert await send(wechat) == 40003
    await log_in(wechat, "dev:anna")
    assert await send(wechat) == 0
    [received] = (await wechat.get("/_fake/messages?openid=anna")).json()["items"]
    assert received["data"] == {"thing1": "5 克", "number2": "1", "date3": "2026年11月27日"}
    assert (await wechat.get("/_fake/messages?openid=ben")).json()["items"] == []


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"template_id": "other"}, 40037),
        ({"page": "nowhere/index"}, 41030),
        ({"data": {}}, 47003),
        ({"data": {**MESSAGE["data"], "thing1": {"value": "二十一个字的文字" * 3}}}, 47003),
        ({"data": {**MESSAGE["data"], "number2": {"value": "一"}}}, 47003),
        ({"data": {**MESSAGE["data"], "date3": {"value": "2026-11-27"}}}, 47003),
    ],
)
async def test_a_message_with_a_fault_is_refused(
    wechat: httpx.AsyncClient, changed: dict[str, Any], errcode: int
) -> None:
    await log_in(wechat, "dev:anna")
    assert await send(wechat, **changed) == errcode


async def test_a_user_who_refused_gets_nothing(wechat: httpx.AsyncClient) -> None:
    await log_in(wechat, "dev:anna")
    await wechat.post("/_fake/users/anna", json={"refused": ["*"]})
    assert await send(wechat) == 43101


async def test_steps_are_encrypted_with_the_key_of_the_last_log_in(wechat: httpx.AsyncClient) -> None:
    asked = {"openid": "anna", "days": {"2026-11-26": 8000}}
    steps = (await wechat.post("/_phone/steps", json=asked)).json()
    key = SecretStr((await log_in(wechat, steps["code"]))["session_key"])
    document = decrypt(encrypted_data=steps["encrypted_data"], iv=steps["iv"], session_key=key, app_id="wxdev")
    assert document["stepInfoList"] == [{"timestamp": 1795622400, "step": 8000}]


async def test_texts_are_judged_by_words_and_only_of_users_seen_lately(wechat: httpx.AsyncClient) -> None:
    body = {"version": 2, "openid": "anna", "scene": 1, "content": "违禁"}
    await log_in(wechat, "dev:anna")
    assert (await as_server(wechat, "/wxa/msg_sec_check", body)).json()["result"]["suggest"] == "risky"
    assert (await as_server(wechat, "/wxa/msg_sec_check", {**body, "scene": 9})).json()["errcode"] == 40129
    escaped = await wechat.post(
        "/wxa/msg_sec_check",
        params={"access_token": await access_token(wechat)},
        content=b'{"version": 2, "openid": "anna", "scene": 1, "content": "\\u8fdd"}',
    )
    assert escaped.json()["errcode"] == 47001
    await wechat.post("/_fake/users/anna", json={"seen": False})
    assert (await as_server(wechat, "/wxa/msg_sec_check", body)).json()["errcode"] == 61010


async def test_codes_are_images_or_errors(wechat: httpx.AsyncClient) -> None:
    image = await as_server(wechat, "/wxa/getwxacodeunlimit", {"scene": "i=1", "page": "pages/p"})
    assert image.headers["content-type"] == "image/png"
    assert (await as_server(wechat, "/wxa/getwxacodeunlimit", {"scene": "i 1"})).json()["errcode"] == 40129


async def test_faults_and_quotas_are_played_and_forgotten(wechat: httpx.AsyncClient) -> None:
    path = "/sns/jscode2session"
    await wechat.post("/_fake/faults", json={"path": path, "raw": "<html>", "status": 200})
    assert (await wechat.get(path)).text == "<html>"
    await wechat.post("/_fake/quotas", json={path: 0})
    assert (await wechat.get(path)).json()["errcode"] == 45009
    await wechat.post("/_fake/reset")
    assert "openid" in await log_in(wechat, "dev:anna")

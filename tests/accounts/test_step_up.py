"""Step-up: unbinding and another phone number need a fresh code of WeChat by the same person."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.responses import Response

from services.accounts.people.step_up import STEP_UP_QUOTA
from services.accounts.wechat.client import WeChatClient
from tests.accounts.conftest import BASE, Db, People, Person, code_of


async def confirm(person: Person, code: str) -> httpx.Response:
    return await person.call("POST", "/sessions/step-up", json={"code": code})


async def set_phone(person: Person, number: str) -> httpx.Response:
    return await person.call("PUT", "/me/phone", json={"code": f"dev-phone:{number}"})


async def unbind(person: Person, binding_id: str = str(uuid.UUID(int=1))) -> httpx.Response:
    return await person.call("DELETE", f"/me/bindings/{binding_id}")


async def test_unbinding_needs_a_step_up_of_the_same_session(people: People) -> None:
    phone, tablet = await people.new("anna"), await people.new("anna")
    binding_id = (await phone.bind("didi")).json()["binding_id"]
    assert code_of(await unbind(phone, binding_id)) == (403, "STEP_UP_REQUIRED")
    assert (await confirm(tablet, "dev:anna")).status_code == 204
    assert code_of(await unbind(phone, binding_id)) == (403, "STEP_UP_REQUIRED")
    assert (await confirm(phone, "dev:anna")).status_code == 204
    assert (await unbind(phone, binding_id)).status_code == 204


async def test_the_first_phone_number_needs_no_step_up_and_another_one_does(people: People) -> None:
    anna = await people.new("anna")
    assert (await set_phone(anna, "13812345678")).status_code == 200
    assert code_of(await set_phone(anna, "13900000000")) == (403, "STEP_UP_REQUIRED")
    assert (await anna.call("GET", "/me")).json()["phone_masked"] == "138****5678"
    await anna.step_up()
    assert (await set_phone(anna, "13900000000")).status_code == 200


async def test_two_first_phone_numbers_at_once_are_not_a_change_without_a_step_up(people: People) -> None:
    anna = await people.new("anna")
    answers = await asyncio.gather(*[set_phone(anna, number) for number in ("13812345678", "13900000000")])
    assert sorted(answer.status_code for answer in answers) == [200, 403]


async def test_a_step_up_holds_five_minutes_by_the_clock_of_the_database(people: People, db: Db) -> None:
    anna = await people.new("anna")
    await anna.step_up()
    await db.execute("UPDATE accounts.login_session SET stepped_up_at = stepped_up_at - interval '295 seconds'")
    assert code_of(await unbind(anna)) == (404, "BINDING_NOT_FOUND")
    await db.execute("UPDATE accounts.login_session SET stepped_up_at = stepped_up_at - interval '5 seconds'")
    assert code_of(await unbind(anna)) == (403, "STEP_UP_REQUIRED")


async def test_a_step_up_survives_a_refresh_of_the_tokens(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new("anna")
    await anna.step_up()
    fresh = (await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token})).json()
    anna.headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert code_of(await unbind(anna)) == (404, "BINDING_NOT_FOUND")


async def test_a_code_of_another_person_is_refused_and_makes_nobody(people: People, db: Db) -> None:
    anna, _ = await people.new("anna"), await people.new("bert")
    for other in ("dev:bert", "dev:nobody-yet"):
        assert code_of(await confirm(anna, other)) == (403, "STEP_UP_OTHER_PERSON")
    assert code_of(await unbind(anna)) == (403, "STEP_UP_REQUIRED")
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("dev-error:40029", (422, "STEP_UP_CODE_INVALID")),
        ("dev-error:40163", (422, "STEP_UP_CODE_INVALID")),
        ("dev-error:40226", (403, "WX_USER_BLOCKED")),
        ("dev-error:45011", (429, "WX_RATE_LIMITED")),
        ("dev-error:-1", (503, "WX_UNAVAILABLE")),
    ],
)
async def test_refusals_of_wechat_leave_the_session_as_it_was(
    people: People, code: str, expected: tuple[int, str]
) -> None:
    anna = await people.new("anna")
    assert code_of(await confirm(anna, code)) == expected
    assert code_of(await unbind(anna)) == (403, "STEP_UP_REQUIRED")
    assert (await anna.call("GET", "/me")).status_code == 200


async def test_a_session_that_has_ended_cannot_be_confirmed(people: People) -> None:
    anna = await people.new("anna")
    await anna.call("DELETE", "/sessions/current")
    assert code_of(await confirm(anna, "dev:anna")) == (401, "SESSION_ENDED")


async def test_a_step_up_ends_with_its_session(people: People) -> None:
    anna = await people.new("anna")
    await anna.step_up()
    await anna.call("DELETE", "/sessions/current")
    assert code_of(await unbind(anna)) == (401, "SESSION_ENDED")


async def test_attempts_are_limited_per_person(people: People) -> None:
    anna = await people.new("anna")
    for _ in range(STEP_UP_QUOTA.at_most):
        assert (await confirm(anna, "dev-error:40029")).status_code == 422
    assert code_of(await confirm(anna, "dev:anna")) == (429, "QUOTA_EXCEEDED")


class RealWeChat:
    """Takes each code once, as the real one does, except `dev:<open id>`. Another code begins with its open id."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.app = FastAPI()
        self.app.add_route("/sns/jscode2session", self._exchange)

    async def _exchange(self, request: Request) -> Response:
        code = request.query_params["js_code"]
        is_new = code.startswith("dev:") or code not in self.calls
        if not code.startswith("dev:"):
            self.calls.append(code)
        await asyncio.sleep(0.05)
        answer: dict[str, Any] = (
            {"openid": code.removeprefix("dev:").partition("-")[0]} if is_new else {"errcode": 40163, "errmsg": "used"}
        )
        return Response(json.dumps(answer), media_type="text/plain")


@pytest.fixture
async def wechat(app: FastAPI, people: People) -> AsyncIterator[RealWeChat]:
    real = RealWeChat()
    transport = httpx.ASGITransport(real.app)
    secret = SecretStr("secret")
    client = WeChatClient(base_url="http://wechat.test", app_id="wx", app_secret=secret, transport=transport)
    before = app.state.resources
    app.state.resources = dataclasses.replace(before, wechat=client)
    yield real
    app.state.resources = before
    await client.stop()


async def test_one_code_sent_five_times_at_once_is_one_call_and_one_answer(people: People, wechat: RealWeChat) -> None:
    anna = await people.new("anna")
    answers = await asyncio.gather(*[confirm(anna, "anna-1") for _ in range(5)])
    assert [answer.status_code for answer in answers] == [204] * 5
    assert wechat.calls == ["anna-1"]


async def test_a_lost_answer_is_given_again_and_the_code_serves_no_other_session(
    people: People, wechat: RealWeChat, db: Db, client: httpx.AsyncClient
) -> None:
    anna, tablet = await people.new("anna"), await people.new("anna")
    assert (await confirm(anna, "anna-1")).status_code == 204
    assert (await confirm(anna, "anna-1")).status_code == 204
    assert code_of(await confirm(tablet, "anna-1")) == (422, "STEP_UP_CODE_INVALID")
    assert code_of(await client.post(f"{BASE}/sessions", json={"code": "anna-1"})) == (401, "WX_CODE_INVALID")
    # Nor is it a second confirmation when the first one is over.
    await db.execute("UPDATE accounts.login_session SET stepped_up_at = stepped_up_at - interval '6 minutes'")
    assert code_of(await confirm(anna, "anna-1")) == (422, "STEP_UP_CODE_INVALID")


async def test_one_code_for_a_log_in_and_a_step_up_at_once_serves_one_of_them(
    people: People, wechat: RealWeChat, client: httpx.AsyncClient
) -> None:
    anna = await people.new("anna")
    confirmed, logged_in = await asyncio.gather(
        confirm(anna, "anna-1"), client.post(f"{BASE}/sessions", json={"code": "anna-1"})
    )
    assert (confirmed.status_code, logged_in.status_code) in {(204, 401), (422, 201)}
    assert wechat.calls == ["anna-1"]

import asyncio
import hashlib
import json
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.responses import Response

from services.accounts.phones.service import VERIFICATIONS_QUOTA
from services.accounts.vault import Vault
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import WxUnavailable
from shared.sealing import SealBroken
from tests.accounts.conftest import Db, People, Person, code_of, published


async def set_phone(person: Person, code: str) -> httpx.Response:
    """Set the number as the mini-program does: step up, then send the code of the button."""
    await person.step_up()
    return await person.call("PUT", "/me/phone", json={"code": code})


async def test_a_phone_number_is_shown_masked_and_stored_hashed_and_sealed(
    people: People, db: Db, app: FastAPI
) -> None:
    anna = await people.new()
    answer = await set_phone(anna, "dev-phone:13812345678")
    assert (answer.status_code, answer.json()) == (200, {"phone_masked": "138****5678"})
    row = await db.fetchrow("SELECT * FROM accounts.phone")
    assert row is not None
    assert row["phone_hash"] != hashlib.sha256(b"+8613812345678").digest()
    assert b"13812345678" not in row["phone_sealed"]
    vault: Vault = app.state.resources.vault
    assert vault.unseal("phone", anna.user_id, row["phone_sealed"]) == "+8613812345678"
    with pytest.raises(SealBroken):
        vault.unseal("phone", uuid.uuid4(), row["phone_sealed"])
    with pytest.raises(SealBroken):
        vault.unseal("openid", anna.user_id, row["phone_sealed"])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("dev-error:40029", (422, "WX_PHONE_CODE_INVALID")),
        ("dev:anna", (422, "WX_PHONE_CODE_INVALID")),
        ("dev-error:45011", (429, "WX_RATE_LIMITED")),
        ("dev-error:-1", (503, "WX_UNAVAILABLE")),
    ],
)
async def test_refusals_of_wechat_for_a_phone_code_become_our_codes(
    people: People, code: str, expected: tuple[int, str]
) -> None:
    assert code_of(await set_phone(await people.new(), code)) == expected


async def test_a_number_belongs_to_one_person_until_that_person_changes_it(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    assert (await set_phone(anna, "dev-phone:13812345678")).status_code == 200
    assert (await set_phone(anna, "dev-phone:13812345678")).status_code == 200
    assert code_of(await set_phone(bert, "dev-phone:13812345678")) == (409, "PHONE_TAKEN")
    assert (await set_phone(anna, "dev-phone:13900000000")).status_code == 200
    assert (await set_phone(bert, "dev-phone:13812345678")).status_code == 200


async def test_concurrent_requests_for_one_number_give_it_to_one_person(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    answers = await asyncio.gather(*[set_phone(person, "dev-phone:13812345678") for person in (anna, bert)])
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_refused_number_keeps_the_old_one(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    await set_phone(anna, "dev-phone:13812345678")
    await set_phone(bert, "dev-phone:13911112222")
    assert code_of(await set_phone(bert, "dev-phone:13812345678")) == (409, "PHONE_TAKEN")
    assert (await bert.call("GET", "/me")).json()["phone_masked"] == "139****2222"


async def test_failed_verifications_count_towards_the_limit(people: People) -> None:
    anna = await people.new()
    for _ in range(VERIFICATIONS_QUOTA.at_most):
        assert (await set_phone(anna, "dev-error:40029")).status_code == 422
    refused = await set_phone(anna, "dev-phone:13812345678")
    assert code_of(refused) == (429, "QUOTA_EXCEEDED")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_new_number_ends_the_bindings_made_with_the_old_one(people: People, db: Db) -> None:
    anna = await people.new()
    await set_phone(anna, "dev-phone:13812345678")
    by_phone = (await anna.bind("metro", "phone_hash")).json()["binding_id"]
    by_number = (await anna.bind("didi")).json()["binding_id"]
    await set_phone(anna, "dev-phone:13900000000")
    states = {item["binding_id"]: item["status"] for item in (await anna.call("GET", "/me/bindings")).json()["items"]}
    assert states == {by_phone: "ended", by_number: "active"}
    last = (await published(db))[-1]
    assert (str(last.binding_id), last.version, last.status) == (by_phone, 2, "ended")


class ScriptedWeChat:
    """Answers each path from a list, for answers that the local fake cannot give."""

    def __init__(self, **answers: list[Any]) -> None:
        self.calls: list[str] = []
        self._answers = answers
        self.app = FastAPI()
        self.app.add_route("/{path:path}", self._answer, methods=["GET", "POST"])

    async def _answer(self, request: Request) -> Response:
        name = request.url.path.rsplit("/", 1)[-1]
        token = request.query_params.get("access_token")
        self.calls.append(f"{name}:{token}" if token else name)
        await asyncio.sleep(0.01)
        script = self._answers[name]
        content = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(content, bytes):
            return Response(content, media_type="text/plain")
        if isinstance(content, int):
            return Response("upstream", status_code=content)
        return Response(json.dumps(content), media_type="text/plain")

    def client(self) -> WeChatClient:
        return WeChatClient(
            base_url="http://wechat.test",
            app_id="wx",
            app_secret=SecretStr("secret"),
            transport=httpx.ASGITransport(self.app),
        )


PHONE = {"errcode": 0, "errmsg": "ok", "phone_info": {"purePhoneNumber": "13812345678", "countryCode": 86}}


async def test_concurrent_calls_fetch_the_server_token_once() -> None:
    fake = ScriptedWeChat(stable_token=[{"access_token": "T1", "expires_in": 7200}], getuserphonenumber=[PHONE])
    client = fake.client()
    numbers = await asyncio.gather(*[client.fetch_phone(f"c{i}") for i in range(5)])
    await client.stop()
    assert numbers == ["+8613812345678"] * 5
    assert fake.calls.count("stable_token") == 1


async def test_a_rejected_server_token_is_renewed_once_and_the_call_repeated() -> None:
    fake = ScriptedWeChat(
        stable_token=[{"access_token": "T1", "expires_in": 7200}, {"access_token": "T2", "expires_in": 7200}],
        getuserphonenumber=[{"errcode": 40001, "errmsg": "invalid credential"}, PHONE],
    )
    client = fake.client()
    assert await client.fetch_phone("c") == "+8613812345678"
    await client.stop()
    assert fake.calls == ["stable_token", "getuserphonenumber:T1", "stable_token", "getuserphonenumber:T2"]


async def test_a_server_token_that_stays_rejected_is_force_renewed_once() -> None:
    fake = ScriptedWeChat(
        stable_token=[{"access_token": "T1", "expires_in": 7200}],
        getuserphonenumber=[{"errcode": 40001, "errmsg": "invalid credential"}],
    )
    client = fake.client()
    for _ in range(2):
        with pytest.raises(WxUnavailable):
            await client.fetch_phone("c")
    await client.stop()
    # First call: fetch, rejected, fetch returns the same token, forced fetch.
    # Second call: cached token, rejected, fetch, no forced fetch so soon after the last one.
    assert fake.calls.count("stable_token") == 4


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>busy</html>",
        b"[]",
        b"",
        b"[" * 100_000,
        b'{"openid": "' + b"a" * 70_000 + b'"}',
        502,
        {},
        {"openid": 5},
        {"openid": "with space"},
        {"errcode": "40029"},
    ],
)
async def test_a_malformed_answer_of_wechat_is_a_503(answer: Any) -> None:
    client = ScriptedWeChat(jscode2session=[answer]).client()
    with pytest.raises(WxUnavailable):
        await client.fetch_openid("code")
    await client.stop()


async def test_a_timeout_of_wechat_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.accounts.wechat.transport.CALL_TIMEOUT_S", 0.001)
    client = ScriptedWeChat(jscode2session=[{"openid": "late"}]).client()
    with pytest.raises(WxUnavailable):
        await client.fetch_openid("code")
    await client.stop()


@pytest.mark.parametrize("info", [None, {}, {"purePhoneNumber": "1381234x678", "countryCode": "86"}, []])
async def test_a_malformed_phone_answer_of_wechat_is_a_503(info: Any) -> None:
    fake = ScriptedWeChat(
        stable_token=[{"access_token": "T1", "expires_in": 7200}],
        getuserphonenumber=[{"errcode": 0, "phone_info": info}],
    )
    client = fake.client()
    with pytest.raises(WxUnavailable):
        await client.fetch_phone("c")
    await client.stop()

"""A person sees the sessions that live, by kind of device, and ends one or all of them at once."""

import asyncio
import uuid
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.sessions.domain import USER_AGENT_CHARS_MAX, Device, read_device
from tests.accounts.conftest import BASE, Db, Person, code_of
from tests.tokens import service_token

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; PKB110) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 "
    "Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x2800313D) WeChat/arm64"
)
TOOLS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1 "
    "wechatdevtools/1.06.2402040 MicroMessenger/8.0.5 webview/ sessionid/1"
)


async def log_in(client: httpx.AsyncClient, openid: str, user_agent: str) -> Person:
    code = f"dev:{openid}"
    answer = await client.post(f"{BASE}/sessions", json={"code": code}, headers={"User-Agent": user_agent})
    assert answer.status_code == 201, answer.text
    return Person(client, answer.json(), code)


async def items(person: Person, **more: Any) -> list[dict[str, Any]]:
    answer = await person.call("GET", "/me/sessions", **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def spends(client: httpx.AsyncClient, person: Person) -> bool:
    """Ask as rewards does before grams are spent."""
    token = person.headers["Authorization"].removeprefix("Bearer ")
    token_id = jwt.decode(token, options={"verify_signature": False})["jti"]
    body = {"tokens": [{"user_id": str(person.user_id), "token_id": token_id}]}
    headers = {"Authorization": f"Bearer {service_token('rewards', 'accounts')}"}
    answer = await client.post("/internal/accounts/sessions/live", json=body, headers=headers)
    live: bool = answer.json()["live"][0]
    return live


async def test_devices_and_times_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    await log_in(client, "bert", ANDROID)
    phone, tablet = await log_in(client, "anna", IPHONE), await log_in(client, "anna", ANDROID)
    first, second = await items(phone)
    assert (first["device"], first["current"]) == ("微信 · Android", False)
    assert (second["device"], second["current"]) == ("微信 · iPhone", True)
    assert second["last_refreshed_at"] == second["created_at"]
    assert [one["current"] for one in await items(tablet)] == [True, False]
    phone.headers |= {"Accept-Language": "en"}
    assert [one["device"] for one in await items(phone)] == ["WeChat · Android", "WeChat · iPhone"]


async def test_a_refresh_is_a_time_in_the_list(client: httpx.AsyncClient, db: Db) -> None:
    phone = await log_in(client, "anna", TOOLS)
    await db.execute("UPDATE accounts.login_session SET created_at = created_at - interval '1 day'")
    await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": phone.refresh_token})
    [one] = await items(phone)
    assert one["device"] == "开发者工具"
    assert one["last_refreshed_at"] > one["created_at"]


async def test_pages_lead_through_all_sessions(client: httpx.AsyncClient) -> None:
    people = [await log_in(client, "anna", IPHONE) for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await people[0].call("GET", "/me/sessions", params=params)).json()
        seen += [item["session_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (len(seen), seen, cursor) == (5, sorted(seen, reverse=True), None)


async def test_an_ended_session_is_refused_at_once_where_it_could_change_or_spend(client: httpx.AsyncClient) -> None:
    phone, tablet = await log_in(client, "anna", IPHONE), await log_in(client, "anna", ANDROID)
    await tablet.open_account()
    await tablet.step_up()
    assert await spends(client, tablet)
    lost = next(one for one in await items(phone) if not one["current"])
    assert (await phone.call("DELETE", f"/me/sessions/{lost['session_id']}")).status_code == 204
    assert not await spends(client, tablet)
    assert code_of(await tablet.call("DELETE", f"/me/bindings/{uuid.UUID(int=1)}")) == (401, "SESSION_ENDED")
    assert code_of(await tablet.call("PUT", "/me/phone", json={"code": "dev-phone:13800138000"}))[1] == "SESSION_ENDED"
    refreshed = await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": tablet.refresh_token})
    assert code_of(refreshed) == (401, "REFRESH_TOKEN_INVALID")
    # It cannot end others in revenge, and is not listed any more.
    assert code_of(await tablet.call("DELETE", "/me/sessions?keep=current")) == (401, "SESSION_ENDED")
    assert [one["current"] for one in await items(phone)] == [True]
    assert (await phone.call("DELETE", f"/me/sessions/{lost['session_id']}")).status_code == 204


async def test_nobody_ends_the_session_of_another_person(client: httpx.AsyncClient) -> None:
    anna, bert = await log_in(client, "anna", IPHONE), await log_in(client, "bert", IPHONE)
    [of_bert] = await items(bert)
    for session_id in (of_bert["session_id"], uuid.uuid4()):
        assert code_of(await anna.call("DELETE", f"/me/sessions/{session_id}")) == (404, "SESSION_NOT_FOUND")
    assert code_of(await anna.call("DELETE", "/me/sessions/not-an-id")) == (422, "INVALID_REQUEST")
    assert len(await items(bert)) == 1


async def test_all_or_all_others_end(client: httpx.AsyncClient) -> None:
    bert = await log_in(client, "bert", IPHONE)
    logins = [await log_in(client, "anna", IPHONE) for _ in range(3)]
    assert code_of(await logins[0].call("DELETE", "/me/sessions?keep=all"))[0] == 422
    assert (await logins[0].call("DELETE", "/me/sessions?keep=current")).status_code == 204
    assert [await spends(client, one) for one in logins] == [True, False, False]
    assert (await logins[0].call("DELETE", "/me/sessions")).status_code == 204
    assert not await spends(client, logins[0])
    assert await spends(client, bert)


async def test_two_devices_that_end_each_other_at_once_do_not_wait_for_each_other(client: httpx.AsyncClient) -> None:
    logins = [await log_in(client, "anna", IPHONE) for _ in range(4)]
    answers = await asyncio.gather(*[one.call("DELETE", "/me/sessions?keep=current") for one in logins])
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401, 401]
    assert sum([await spends(client, one) for one in logins]) == 1


async def test_the_agent_of_a_phone_is_stored_nowhere(client: httpx.AsyncClient, db: Db) -> None:
    await log_in(client, "anna", ANDROID.replace("PKB110", "canary-model-7"))
    rows = await db.fetch("SELECT session::text AS line FROM accounts.login_session AS session")
    assert rows
    assert all("canary" not in row["line"] and "Mozilla" not in row["line"] for row in rows)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (IPHONE, Device.WECHAT_IPHONE),
        (ANDROID, Device.WECHAT_ANDROID),
        (TOOLS, Device.DEVELOPER_TOOLS),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) MicroMessenger/8.0.49 iPhone", Device.WECHAT_IPAD),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile MicroMessenger/1.0.6", Device.WECHAT_HARMONY),
        ("Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7.0.20 WindowsWechat(0x63090a13)", Device.WECHAT_COMPUTER),
        ("curl/8.5.0", Device.OTHER),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1", Device.OTHER),
        ("x" * USER_AGENT_CHARS_MAX + IPHONE, Device.OTHER),
        (None, Device.OTHER),
        ("", Device.OTHER),
    ],
)
def test_the_kind_of_device_is_read_from_the_agent(agent: str | None, device: Device) -> None:
    assert read_device(agent) is device


@given(st.text(max_size=3_000))
def test_any_agent_is_some_kind_of_device(agent: str) -> None:
    assert read_device(agent) in Device

"""C13 and C14 over HTTP: times and sentences of a citizen's answers."""

from datetime import timedelta

import pytest

from services.accounts.households.domain import MOVE_WAIT
from shared import clock
from tests.accounts.conftest import People, code_of
from tests.accounts.test_households import invite, join
from tests.answer_times import times_of, wrong_times_of


async def test_c13_every_list_of_a_citizen_has_offset_and_whole_seconds(people: People) -> None:
    anna = await people.new()
    await anna.bind("didi")
    home = (await anna.call("POST", "/households", json={})).json()
    await anna.call("POST", f"/households/{home['household_id']}/invitations")
    for path in ("/me", "/me/bindings", "/me/consents", "/me/sessions", "/scenes", "/policies"):
        answer = await anna.call("GET", path)
        assert wrong_times_of(answer) == [], path
    assert times_of(await anna.call("GET", "/me/bindings"))
    token = await anna.call("POST", "/me/bindings/token")
    assert (wrong_times_of(token), len(times_of(token))) == ([], 1)


async def test_c13_a_sentence_gives_day_and_minute_and_the_member_the_second(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    home = (await anna.call("POST", "/households", json={})).json()
    await anna.call("DELETE", f"/households/{home['household_id']}/members/me")
    other = (await bert.call("POST", "/households", json={})).json()
    refused = await join(anna, await invite(bert, other["household_id"]))
    assert code_of(refused) == (409, "HOUSEHOLD_MOVE_TOO_SOON")
    assert wrong_times_of(refused) == []
    earliest = clock.now() + MOVE_WAIT + timedelta(hours=8)
    assert f"{earliest.year}年{earliest.month}月{earliest.day}日" in refused.json()["detail"]
    assert not {"T", "+"} & set(refused.json()["detail"])


@pytest.mark.parametrize(
    ("body", "field", "kind", "zh", "en"),
    [
        (
            {"partner_id": "didi", "mode": "oauth", "state": "s"},
            "body.oauth.code",
            "MISSING",
            "这一项还没有填写，请补上。",
            "This field is missing.",
        ),
        (
            {"partner_id": "didi", "mode": "telepathy"},
            "body",
            "UNION_TAG_INVALID",
            "没有这个种类，请重新选择。",
            "There is no such kind. Choose one of those in the documentation.",
        ),
        (
            {"partner_id": "hello", "mode": "oauth", "code": "c" * 513, "state": "s"},
            "body.oauth.code",
            "STRING_TOO_LONG",
            "最多只能填 512 个字，请缩短。",
            "It can have at most 512 characters.",
        ),
        (
            {"partner_id": "didi", "mode": "account_no", "shoe": 1},
            "body.account_no.shoe",
            "EXTRA_FORBIDDEN",
            "没有这一项，请去掉。",
            "There is no such field. Leave it out.",
        ),
        (
            {"partner_id": "didi", "mode": "account_no", "counts_from": "2026-11-20T08:00:00"},
            "body.account_no.counts_from",
            "TIMEZONE_AWARE",
            "时间缺少时区，请补上，如 +08:00。",
            "The time needs an offset such as +08:00.",
        ),
    ],
)
async def test_c14_a_field_says_what_is_wrong_in_the_callers_language(
    people: People, body: dict[str, object], field: str, kind: str, zh: str, en: str
) -> None:
    anna = await people.new()
    answer = await anna.call("POST", "/me/bindings", json=body)
    assert answer.json()["detail"] == "有内容漏填或不符合要求，这次没有提交成功。请按提示修改后再提交。"
    assert {"field": field, "code": kind, "message": zh} in answer.json()["errors"]
    anna.headers["Accept-Language"] = "en"
    english = await anna.call("POST", "/me/bindings", json=body)
    assert {"field": field, "code": kind, "message": en} in english.json()["errors"]


async def test_c14_a_refusal_names_no_route_and_says_what_to_do(people: People) -> None:
    anna = await people.new()
    token = await anna.bind("hello", "token")
    assert token.json()["code"] in {"BINDING_NEEDS_TOKEN", "BINDING_MODE_UNAVAILABLE"}
    assert "POST" not in token.text
    wrong_way = (await anna.bind("didi", "phone_hash")).json()
    assert wrong_way["code"] == "BINDING_MODE_UNAVAILABLE"
    assert "填写合作方账号、出示绑定码" in wrong_way["detail"]
    assert wrong_way["supported_modes"] == ["account_no", "token"]
    await anna.step_up()
    gone = (await anna.call("DELETE", "/me/bindings/019aadf0-6b00-7000-8000-000000000001")).json()
    assert (gone["title"], gone["detail"]) == ("没有这个绑定", "这个绑定不存在，或不是您的。请在“我的绑定”里查看。")
    nowhere = (await anna.call("GET", "/nowhere")).json()
    assert nowhere["title"] != nowhere["detail"]


async def test_c13_a_time_that_we_showed_can_be_sent_back(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    first = await anna.bind_hello("rider-8")
    await anna.step_up()
    await anna.call("DELETE", f"/me/bindings/{first.json()['binding_id']}")
    ended_at = (await anna.call("GET", "/me/bindings")).json()["items"][0]["ended_at"]
    assert (await bert.bind_hello("rider-8", counts_from=ended_at)).status_code == 201

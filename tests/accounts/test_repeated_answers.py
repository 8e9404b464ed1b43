"""A phone whose answer is lost, or that asks five times at once, loses no session and costs WeChat one call."""

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.main import create_app
from services.accounts.settings import Settings
from services.accounts.turns import new_gate
from services.accounts.wechat.client import WeChatClient
from shared import clock
from shared.fair_gate import FairGate
from tests.accounts.conftest import BASE, Db, People, code_of

CODE = "0a3Xc1ll2Vq0kg4Yw6nl2Zz1"


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": token})


async def pass_grace(db: Db) -> None:
    await db.execute("UPDATE accounts.refresh_token SET used_at = used_at - interval '61 seconds'")


async def test_c4_five_refreshes_at_once_get_the_same_tokens(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new("anna")
    answers = await asyncio.gather(*(refresh(client, anna.refresh_token) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.json()["refresh_token"], answer.json()["access_token"]) for answer in answers}) == 1
    assert (await refresh(client, answers[0].json()["refresh_token"])).status_code == 200
    assert await db.fetchval("SELECT count(*) FROM accounts.refresh_token") == 3


async def test_c4_a_lost_answer_is_given_again(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new("anna")
    lost = (await refresh(client, anna.refresh_token)).json()
    await db.execute("UPDATE accounts.refresh_token SET used_at = used_at - interval '50 seconds'")
    again = (await refresh(client, anna.refresh_token)).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert again["expires_in"] <= 1750
    headers = {"Authorization": f"Bearer {again['access_token']}"}
    assert (await client.get(f"{BASE}/me", headers=headers)).status_code == 200


async def test_c4_reuse_after_a_minute_revokes_this_session_only(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna, tablet = await people.new("anna"), await people.new("anna")
    newest = (await refresh(client, anna.refresh_token)).json()["refresh_token"]
    await pass_grace(db)
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_REUSED")
    assert code_of(await refresh(client, newest)) == (401, "REFRESH_TOKEN_INVALID")
    assert (await refresh(client, tablet.refresh_token)).status_code == 200


async def test_c4_a_token_two_rotations_old_ends_the_session_after_a_minute(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    second = (await refresh(client, anna.refresh_token)).json()["refresh_token"]
    third = (await refresh(client, second)).json()["refresh_token"]
    # Two tabs: one is ahead by two. Within the minute both get along.
    assert (await refresh(client, anna.refresh_token)).json()["refresh_token"] == second
    await pass_grace(db)
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_REUSED")
    assert code_of(await refresh(client, third)) == (401, "REFRESH_TOKEN_INVALID")


async def test_c4_a_repeat_does_not_prolong_the_minute(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new("anna")
    await refresh(client, anna.refresh_token)
    for _ in range(3):
        await db.execute("UPDATE accounts.refresh_token SET used_at = used_at - interval '25 seconds'")
        last = await refresh(client, anna.refresh_token)
    assert code_of(last) == (401, "REFRESH_TOKEN_REUSED")


async def test_c4_log_out_ends_also_the_repeat(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new("anna")
    assert (await refresh(client, anna.refresh_token)).status_code == 200
    assert (await anna.call("DELETE", "/sessions/current")).status_code == 204
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_INVALID")


async def test_c4_a_successor_drawn_by_an_earlier_version_is_not_invented(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    await refresh(client, anna.refresh_token)
    await db.execute("UPDATE accounts.refresh_token SET token_sha256 = sha256('random') WHERE sequence = 2")
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_REUSED")


async def test_c4_an_expired_session_is_not_answered_again(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new("anna")
    await refresh(client, anna.refresh_token)
    await db.execute("UPDATE accounts.login_session SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_INVALID")


async def test_c4_two_processes_give_the_same_answer(
    client: httpx.AsyncClient, settings: Settings, people: People, db: Db
) -> None:
    """PrefectHQ/fastmcp#5037, nightscout/nocturne#391: the requests of one page reach several workers."""
    anna = await people.new("anna")
    async with another_process(settings, StrictWechat()) as other:
        answers = await asyncio.gather(*(refresh(one, anna.refresh_token) for one in (client, other) * 4))
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].status_code == 200
    # nightscout/nocturne#326: no siblings of the same millisecond.
    assert await db.fetchval("SELECT count(*) FROM accounts.refresh_token") == 2


class StrictWechat(httpx.AsyncBaseTransport):
    """WeChat as it is: a code works once, then 40163. `answer` replaces an answer; `gate` holds the calls back."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.answer: dict[str, Any] | None = None
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        code = request.url.params["js_code"]
        self.calls[code] += 1
        await self.gate.wait()
        await asyncio.sleep(0.02)
        if self.fails:
            raise httpx.ReadTimeout("slow")
        used = {"errcode": 40163, "errmsg": "code been used"}
        answer = self.answer or (used if self.calls[code] > 1 else {"openid": f"o-{code}", "session_key": "k"})
        return httpx.Response(200, content=json.dumps(answer).encode(), request=request)


@pytest.fixture
async def wechat(app: FastAPI) -> AsyncIterator[StrictWechat]:
    strict = StrictWechat()
    before = app.state.resources
    client = WeChatClient(
        base_url="http://wechat.test",
        app_id="wx-test",
        app_secret=before.settings.wechat_app_secret,
        transport=strict,
    )
    app.state.resources = dataclasses.replace(before, wechat=client, log_in_gate=new_gate())
    yield strict
    app.state.resources = before


@asynccontextmanager
async def another_process(settings: Settings, wechat: StrictWechat) -> AsyncIterator[httpx.AsyncClient]:
    """A second application on the same database. It shares no memory with the first."""
    app = create_app(settings, wechat_transport=wechat)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts.test") as client,
    ):
        yield client


async def log_in(client: httpx.AsyncClient, code: str = CODE) -> httpx.Response:
    return await client.post(f"{BASE}/sessions", json={"code": code})


async def test_c5_one_code_four_times_at_once_is_one_call_and_one_answer(
    client: httpx.AsyncClient, wechat: StrictWechat, db: Db
) -> None:
    answers = await asyncio.gather(*(log_in(client) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert wechat.calls[CODE] == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.login_session") == 1


async def test_c5_two_processes_share_the_call_as_well(
    client: httpx.AsyncClient, settings: Settings, wechat: StrictWechat, db: Db
) -> None:
    async with another_process(settings, wechat) as other:
        wechat.gate.clear()
        asking = [asyncio.create_task(log_in(one)) for one in (client, other, client, other)]
        await asyncio.sleep(0.3)
        wechat.gate.set()
        answers = await asyncio.gather(*asking)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert wechat.calls[CODE] == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.login_session") == 1


async def test_c5_a_code_whose_answer_was_lost_gets_it_again(client: httpx.AsyncClient, wechat: StrictWechat) -> None:
    lost = await log_in(client)
    again = await log_in(client)
    assert wechat.calls[CODE] == 2  # WeChat is asked, and calls the code used
    assert again.status_code == 201, again.text
    assert again.json()["refresh_token"] == lost.json()["refresh_token"]


@pytest.mark.parametrize("then", ["a minute", "a refresh", "a log-out"])
async def test_c5_a_used_code_is_worth_nothing_later(
    client: httpx.AsyncClient, wechat: StrictWechat, db: Db, then: str
) -> None:
    tokens = (await log_in(client)).json()
    if then == "a minute":
        await db.execute("UPDATE accounts.login_session SET created_at = created_at - interval '61 seconds'")
    elif then == "a refresh":
        assert (await refresh(client, tokens["refresh_token"])).status_code == 200
    else:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.delete(f"{BASE}/sessions/current", headers=headers)).status_code == 204
    assert code_of(await log_in(client)) == (401, "WX_CODE_INVALID")
    assert wechat.calls[CODE] == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"errcode": 40029}, (401, "WX_CODE_INVALID")),
        ({"errcode": 40226}, (403, "WX_USER_BLOCKED")),
        ({"errcode": 45011}, (429, "WX_RATE_LIMITED")),
        ({"errcode": -1}, (503, "WX_UNAVAILABLE")),
    ],
)
async def test_c5_a_refusal_is_shared_and_not_remembered(
    client: httpx.AsyncClient,
    settings: Settings,
    wechat: StrictWechat,
    answer: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    wechat.answer = answer
    async with another_process(settings, wechat) as other:
        wechat.gate.clear()
        asking = [asyncio.create_task(log_in(one)) for one in (client, other, client)]
        await asyncio.sleep(0.3)
        wechat.gate.set()
        answers = await asyncio.gather(*asking)
    assert [code_of(one) for one in answers] == [expected] * 3
    assert all("retry-after" in one.headers for one in answers) == (expected[0] in {429, 503})
    assert wechat.calls[CODE] == 1
    wechat.answer = {"openid": "o-later"}
    assert (await log_in(client)).status_code == 201


async def test_c5_whoever_hangs_up_does_not_end_the_log_in_of_the_others(
    client: httpx.AsyncClient, wechat: StrictWechat
) -> None:
    wechat.gate.clear()
    first, second = asyncio.create_task(log_in(client)), asyncio.create_task(log_in(client))
    await asyncio.sleep(0.2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    wechat.gate.set()
    assert (await second).status_code == 201
    assert wechat.calls[CODE] == 1


async def test_c5_a_process_that_died_in_a_log_in_blocks_its_code_for_seconds_only(
    client: httpx.AsyncClient, wechat: StrictWechat, app: FastAPI, db: Db
) -> None:
    code_hash = app.state.resources.vault.index_keys[0].hash("log_in_code", CODE)
    await db.execute(
        "INSERT INTO accounts.log_in_code (code_hash, claimed_at, claimed_until) VALUES ($1, $2, $3)",
        code_hash,
        clock.now(),
        clock.now() + timedelta(seconds=0.5),
    )
    assert (await log_in(client)).status_code == 201
    assert wechat.calls[CODE] == 1


async def test_c5_three_codes_of_one_person_at_once_are_three_sessions_that_live(
    client: httpx.AsyncClient, wechat: StrictWechat
) -> None:
    """IvinWu/weRequest#36: a page without a session sends three requests, each with a code of its own."""
    wechat.answer = {"openid": "o-one-person"}
    answers = await asyncio.gather(*(log_in(client, f"{CODE}-{n}") for n in range(3)))
    assert len({answer.json()["user_id"] for answer in answers}) == 1
    for answer in answers:
        assert (await refresh(client, answer.json()["refresh_token"])).status_code == 200


async def test_c5_different_codes_do_not_wait_for_each_other(client: httpx.AsyncClient, wechat: StrictWechat) -> None:
    answers = await asyncio.gather(*(log_in(client, f"{CODE}-{n}") for n in range(8)))
    assert len({answer.json()["user_id"] for answer in answers}) == 8
    assert set(wechat.calls.values()) == {1}


async def test_c5_the_code_is_stored_as_a_keyed_hash_and_deleted(
    client: httpx.AsyncClient, wechat: StrictWechat, db: Db
) -> None:
    await log_in(client)
    rows = [str(dict(row)) for row in await db.fetch("SELECT * FROM accounts.log_in_code")]
    assert len(rows) == 1
    assert CODE not in rows[0]


async def test_b4_a_dead_wechat_is_not_waited_for(client: httpx.AsyncClient, wechat: StrictWechat) -> None:
    wechat.fails = True
    for number in range(8):
        assert code_of(await log_in(client, f"{CODE}-{number}")) == (503, "WX_UNAVAILABLE")
    calls = wechat.calls.total()
    refused = await log_in(client, f"{CODE}-x")
    assert code_of(refused) == (503, "WX_UNAVAILABLE")
    assert int(refused.headers["retry-after"]) >= 1
    assert wechat.calls.total() == calls


async def test_b4_log_ins_beyond_the_places_are_refused_before_they_call(
    client: httpx.AsyncClient, app: FastAPI, wechat: StrictWechat
) -> None:
    """From many addresses, so that the turns of addresses do not refuse them first."""
    wide = FairGate(active_max=200, active_per_key=200, waiting_max=1, waiting_per_key=1, wait_s=1)
    app.state.resources = dataclasses.replace(app.state.resources, log_in_gate=wide)
    wechat.gate.clear()
    asking = [asyncio.create_task(log_in(client, f"{CODE}-{n}")) for n in range(100)]
    done, waiting = await asyncio.wait(asking, timeout=1.5)
    refused = [code_of(task.result()) for task in done]
    assert refused == [(503, "WX_BUSY")] * len(refused)
    assert len(refused) == 100 - 16 - 64
    assert wechat.calls.total() == 16
    wechat.gate.set()
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert sum(answer.status_code == 201 for answer in answers) >= 16

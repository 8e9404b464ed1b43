"""A crowd of wrong log-ins delays nobody else: the small form of `make chaos FAULTS=starve`."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.turns import new_gate
from services.accounts.wechat.client import WeChatClient
from tests.accounts.conftest import BASE, People
from tests.accounts.test_repeated_answers import StrictWechat
from tests.starving import compare

ATTACKER, CITIZEN = "203.0.113.7", "203.0.113.8"
WRONG = 100


class MixedWechat(StrictWechat):
    """Codes `wrong-…` are wrong. A call takes as long as WeChat's."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.05)
        if request.url.params["js_code"].startswith("wrong"):
            return httpx.Response(200, json={"errcode": 40029, "errmsg": "invalid code"}, request=request)
        return await super().handle_async_request(request)


@pytest.fixture
async def wechat(app: FastAPI) -> AsyncIterator[MixedWechat]:
    before = app.state.resources
    mixed = MixedWechat()
    client = WeChatClient(
        base_url="http://wechat.test",
        app_id="wx-test",
        app_secret=before.settings.wechat_app_secret,
        transport=mixed,
    )
    app.state.resources = dataclasses.replace(before, wechat=client, log_in_gate=new_gate(), refresh_gate=new_gate())
    yield mixed
    app.state.resources = before


async def log_in(client: httpx.AsyncClient, code: str, address: str) -> httpx.Response:
    headers = {"X-Envoy-External-Address": address}
    return await client.post(f"{BASE}/sessions", json={"code": code}, headers=headers)


@pytest.mark.parametrize("genuine_is", ["a log-in", "a read"])
async def test_b4_a_hundred_wrong_log_ins_at_once_delay_no_other_address(
    client: httpx.AsyncClient, people: People, wechat: MixedWechat, genuine_is: str
) -> None:
    anna = await people.new("reader")
    numbers = itertools.count()

    async def attack() -> None:
        while True:
            codes = [f"wrong-{next(numbers)}" for _ in range(WRONG)]
            await asyncio.gather(*(log_in(client, code, ATTACKER) for code in codes))

    async def genuine(_: int) -> None:
        if genuine_is == "a log-in":
            answer = await log_in(client, f"right-{next(numbers)}", CITIZEN)
            assert answer.status_code == 201, answer.text
        else:
            assert (await anna.call("GET", "/me")).status_code == 200

    figure = await compare(f"{WRONG} wrong log-ins at once, {genuine_is}", genuine, attack, times=60)
    assert figure.holds, figure


async def test_c5_one_code_fifty_times_at_once_delays_nobody(client: httpx.AsyncClient, wechat: MixedWechat) -> None:
    numbers = itertools.count()

    async def attack() -> None:
        while True:
            code = f"again-{next(numbers)}"
            answers = await asyncio.gather(*(log_in(client, code, ATTACKER) for _ in range(50)))
            assert len({answer.text for answer in answers}) == 1
            assert wechat.calls[code] == 1

    async def genuine(_: int) -> None:
        assert (await log_in(client, f"right-{next(numbers)}", CITIZEN)).status_code == 201

    figure = await compare("one code 50 times at once", genuine, attack, times=60)
    assert figure.holds, figure


async def test_b4_refreshes_of_a_stolen_token_at_once_leave_connections_to_others(
    client: httpx.AsyncClient, people: People, wechat: MixedWechat
) -> None:
    anna = await people.new("anna")
    body = {"refresh_token": anna.refresh_token}
    headers = {"X-Envoy-External-Address": ATTACKER}

    async def attack() -> None:
        while True:
            await asyncio.gather(
                *(client.post(f"{BASE}/sessions/refresh", json=body, headers=headers) for _ in range(100))
            )
            await asyncio.sleep(2)

    async def genuine(_: int) -> None:
        assert (await anna.call("GET", "/me")).status_code == 200

    figure = await compare("100 refreshes of one token at once", genuine, attack, times=60)
    assert figure.holds, figure

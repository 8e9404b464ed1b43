"""A crowd of wrong log-ins delays nobody else: the small form of `make chaos FAULTS=starve`."""

import asyncio
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.turns import new_gate
from services.accounts.wechat.client import WeChatClient
from shared.client_address import HEADER
from tests.accounts.conftest import BASE, People
from tests.accounts.test_repeated_answers import StrictWechat
from tests.starving import compare

pytestmark = pytest.mark.longer

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


async def attack_with(app: FastAPI, path: str, body: dict[str, str]) -> tuple[int, bytes]:
    """Send one request past any client library: this process must not be busy with the attacker's work."""
    content = json.dumps(body).encode()
    headers = [
        (b"host", b"accounts.test"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (HEADER.encode(), ATTACKER.encode()),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("accounts.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent[1:])


async def log_in(client: httpx.AsyncClient, code: str, address: str) -> httpx.Response:
    headers = {HEADER: address}
    return await client.post(f"{BASE}/sessions", json={"code": code}, headers=headers)


@pytest.mark.parametrize("genuine_is", ["a log-in", "a read"])
async def test_b4_a_hundred_wrong_log_ins_at_once_delay_no_other_address(
    client: httpx.AsyncClient, app: FastAPI, people: People, wechat: MixedWechat, genuine_is: str
) -> None:
    anna = await people.new("reader")
    numbers = itertools.count()

    async def attack() -> None:
        while True:
            codes = [f"wrong-{next(numbers)}" for _ in range(WRONG)]
            answers = await asyncio.gather(*(attack_with(app, f"{BASE}/sessions", {"code": code}) for code in codes))
            assert {status for status, _ in answers} <= {401, 429, 503}

    async def genuine(_: int) -> None:
        if genuine_is == "a log-in":
            answer = await log_in(client, f"right-{next(numbers)}", CITIZEN)
            assert answer.status_code == 201, answer.text
        else:
            assert (await anna.call("GET", "/me")).status_code == 200

    figure = await compare(f"{WRONG} wrong log-ins at once, {genuine_is}", genuine, attack, times=60)
    assert not figure.starves, figure


async def test_c5_one_code_fifty_times_at_once_delays_nobody(
    client: httpx.AsyncClient, app: FastAPI, wechat: MixedWechat
) -> None:
    numbers = itertools.count()

    async def attack() -> None:
        while True:
            code = f"again-{next(numbers)}"
            answers = await asyncio.gather(*(attack_with(app, f"{BASE}/sessions", {"code": code}) for _ in range(50)))
            assert {status for status, _ in answers} == {201}
            assert len({content for _, content in answers}) == 1
            assert wechat.calls[code] == 1

    async def genuine(_: int) -> None:
        assert (await log_in(client, f"right-{next(numbers)}", CITIZEN)).status_code == 201

    figure = await compare("one code 50 times at once", genuine, attack, times=60)
    assert not figure.starves, figure


async def test_b4_refreshes_of_a_stolen_token_at_once_leave_connections_to_others(
    client: httpx.AsyncClient, app: FastAPI, people: People, wechat: MixedWechat
) -> None:
    anna = await people.new("anna")
    body = {"refresh_token": anna.refresh_token}

    async def attack() -> None:
        while True:
            await asyncio.gather(*(attack_with(app, f"{BASE}/sessions/refresh", body) for _ in range(100)))
            await asyncio.sleep(2)

    async def genuine(_: int) -> None:
        assert (await anna.call("GET", "/me")).status_code == 200

    figure = await compare("100 refreshes of one token at once", genuine, attack, times=60)
    assert not figure.starves, figure

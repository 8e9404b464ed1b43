"""Official SDKs of several languages against the service on a port: what they push, and how they see a refusal."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from deploy.clients.samples import SAMPLES, SampleClient
from services.ingest import event_types
from services.ingest.deliveries.webhook_client import WebhookMessage, headers_of
from services.ingest.main import create_app
from services.ingest.settings import Settings
from shared import clock
from tests.ingest.conftest import Reader
from tests.ingest.samples import EVENTS, data_of, event, reports, revision, secret_of

SECRETS = ["whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "c2VjcmV0LW9mLXRoZS1yb3RhdGlvbi0xMjM0"]


@pytest.fixture
async def port(seeded: Settings, jwks_transport: httpx.MockTransport) -> AsyncIterator[int]:
    app = create_app(seeded, jwks_transport=jwks_transport)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture(params=SAMPLES, ids=[sample.language for sample in SAMPLES])
async def command(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> list[str] | None:
    """The client's command line. None, said aloud, where its tools are missing."""
    sample: SampleClient = request.param
    missing = sample.missing_tools()
    if missing:
        with capsys.disabled():
            print(f"\nNOT TESTED with the official SDKs of {sample.language}: {', '.join(missing)} missing")
        return None
    return await asyncio.to_thread(sample.build)


async def answers(command: list[str], *arguments: str, lines: list[dict[str, Any]]) -> list[Any]:
    env = {"TPH_APP_KEY": "ak-bike", "TPH_SECRET": secret_of("ak-bike")}
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, env={**os.environ, **env},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    sent = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    async with asyncio.timeout(60):
        output, errors = await process.communicate(sent)
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in output.splitlines()]


def structured(one: dict[str, Any]) -> dict[str, Any]:
    return {"mode": "structured", "event": one}


async def test_d1_and_d5_official_sdks_push_are_refused_and_correct_what_they_sent(
    command: list[str] | None, port: int, published: Reader
) -> None:
    if command is None:
        return
    correction = revision("sdk-2", event_types.CORRECTED, "sdk-1", data=data_of(event_types.TRIP, distance=2_400))
    lines = [
        structured(event("sdk-1") | {"datacontenttype": "application/json", "sampledrate": 30}),
        structured(event("sdk-3", distance=5.5)),
        structured(event("sdk-3", distance=5_500, trip_id="订单 3")),
        structured(correction),
        {"mode": "binary", "event": event("sdk-4") | {"datacontenttype": "application/json"}},
    ]
    got = await answers(command, "push", f"http://127.0.0.1:{port}{EVENTS}", lines=lines)
    assert [(one["delivered"], one["status"], one["code"]) for one in got] == [
        (True, 202, None),
        (False, 422, "INVALID_TYPE"),
        (True, 202, None),
        (True, 202, None),
        (False, 415, "BINARY_MODE_NOT_SUPPORTED"),
    ]
    assert got[1]["content"]["errors"][0]["field"] == "data.distance"
    found = await reports_of(published, 3)
    assert {one.event_id: one.operation for one in found} == {"sdk-1": "report", "sdk-3": "report", "sdk-2": "correct"}
    assert {one.event_id: one.act.distance_m for one in found} == {"sdk-1": 2_360, "sdk-3": 5_500, "sdk-2": 2_400}


async def reports_of(published: Reader, count: int) -> list[Any]:
    records: list[Any] = []
    async with asyncio.timeout(10):
        while len(records) < count:
            records += await published.new_records()
    return reports(records)


async def test_official_webhook_libraries_verify_our_deliveries(command: list[str] | None) -> None:
    if command is None:
        return
    payload = json.dumps(
        {"type": "cn.carboninclusion.results.v1", "data": [{"reason": "已累计。"}]}, ensure_ascii=False
    )
    now = clock.now()

    def delivery(secret: str = SECRETS[0], body: str = payload, late_s: int = 0) -> dict[str, Any]:
        message = WebhookMessage("d-1", "https://x.example", payload.encode(), SECRETS)
        headers = {name.lower(): value for name, value in headers_of(message, now - timedelta(seconds=late_s))}
        kept = {name: headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        return {"secret": secret, "headers": kept, "body": body}

    lines = [
        delivery(),
        delivery(SECRETS[1]),  # the previous secret while a rotation overlaps
        delivery("whsec_" + "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="),
        delivery(body=payload + " "),
        delivery(late_s=600),
    ]
    got = await answers(command, "verify", lines=lines)
    assert [one["valid"] for one in got] == [True, True, False, False, False]

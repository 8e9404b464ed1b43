"""A partner asks who it is, and sees what is left of its limits on every answer."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.ingest.seed import seed
from services.ingest.settings import Settings
from tests.answer_times import wrong_times_of
from tests.ingest.conftest import RunApp, Settle
from tests.ingest.operators import OperatorClient
from tests.ingest.receivers import Receiver, register
from tests.ingest.samples import PartnerClient, event, seed_partner

PARTNER = "/api/v1/ingest/partner"


async def who(partner: PartnerClient) -> Any:
    answer = await partner.get(PARTNER)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
async def http(seeded: Settings, run_app: RunApp) -> AsyncIterator[httpx.AsyncClient]:
    partners = [
        seed_partner("measured", requests_per_s=1, requests_burst=4, events_per_s=100, events_burst=500,
                     events_per_day=1000),
    ]  # fmt: skip
    await seed(seeded, json.dumps(partners).encode())
    async with run_app(seeded) as client:
        yield client


async def test_d15_a_partner_sees_its_registration_keys_limits_and_webhook(
    bike: PartnerClient, receiver: Receiver
) -> None:
    found = await who(bike)
    assert (found["partner_id"], found["environment"], found["webhook"]) == ("bike", "live", None)
    assert found["source"].endswith("bike.example")
    assert "cn.carboninclusion.trip.completed.v1" in found["event_types"]
    (key,) = [one for one in found["keys"] if one["signed_this"]]
    assert (key["app_key"], key["algorithm"], key["state"]) == ("ak-bike", "CP1-HMAC-SHA256", "live")
    assert "secret" not in json.dumps(found)
    await register(bike, receiver.url)
    webhook = (await who(bike))["webhook"]
    assert (webhook["url"], webhook["status"], webhook["secret"]) == (receiver.url, "active", None)


async def test_d15_every_signed_answer_says_what_is_left(http: httpx.AsyncClient) -> None:
    partner = PartnerClient(http, "ak-measured")
    sent = await partner.post(json.dumps([event(f"m-{n}", partner="measured") for n in range(10)]).encode())
    assert sent.status_code == 202
    policy = '"requests";q=4;w=4, "events";q=500;w=5, "day";q=1000;w=86400'
    assert sent.headers["ratelimit-policy"] == policy
    left = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', sent.headers["ratelimit"])
    assert [name for name, _, _ in left] == ["requests", "events", "day"]
    assert left[0][1] == "3"
    assert 490 <= int(left[1][1]) <= 500  # a slow machine has refilled what was used
    assert left[2][1] == "990"
    limits = {one["name"]: one for one in (await who(partner))["limits"]}
    assert limits["requests"]["remaining"] < 3
    assert limits["day"]["remaining"] == 990
    refused = [await partner.get("/api/v1/ingest/events/nothing") for _ in range(5)]
    assert {answer.status_code for answer in refused} == {404, 429}
    for answer in refused:  # also on refusals
        assert answer.headers["ratelimit-policy"] == policy
    assert '"requests";r=0' in refused[-1].headers["ratelimit"]


async def test_d15_a_caller_without_a_valid_signature_sees_no_limits(api: httpx.AsyncClient) -> None:
    answer = await PartnerClient(api, "ak-bike").get(PARTNER, secret="wrong" * 8)
    assert answer.status_code == 401
    assert "ratelimit" not in answer.headers
    assert (await api.get(PARTNER)).status_code == 401


async def test_d15_the_sandbox_key_of_a_live_partner_sees_the_sandbox_only(
    api: httpx.AsyncClient, receiver: Receiver, operators: OperatorClient, settle: Settle
) -> None:
    await register(PartnerClient(api, "ak-anywhere"), receiver.url)
    key = await operators.key("anywhere", environment="sandbox")
    sandboxed = PartnerClient(api, key["app_key"])

    async def known() -> bool:
        return (await sandboxed.get(PARTNER, secret=key["secret"])).status_code == 200

    await settle(known)
    answer = await sandboxed.get(PARTNER, secret=key["secret"])
    found = answer.json()
    assert (found["environment"], found["webhook"]) == ("sandbox", None)
    assert {one["environment"] for one in found["keys"]} == {"sandbox"}


async def test_c13_a_partners_answers_have_offset_and_whole_seconds(bike: PartnerClient, receiver: Receiver) -> None:
    await register(bike, receiver.url)
    await bike.post(json.dumps([event("c13-1")]).encode())
    for path in (PARTNER, "/api/v1/ingest/webhook", "/api/v1/ingest/outcomes", "/api/v1/ingest/imports"):
        answer = await bike.get(path)
        assert answer.status_code == 200, path
        assert wrong_times_of(answer) == [], path

"""Webhooks: results are sent to the partner's address, signed by Standard Webhooks, and retried until they arrive."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import standardwebhooks

from services.ingest.deliveries.domain import ATTEMPTS_MAX, JITTER_PERCENT, PAYLOAD_BYTES_MAX, RETRY_DELAYS_S
from services.ingest.settings import Settings
from shared import clock
from tests.ingest.conftest import Judge, RunApp, Settle
from tests.ingest.receivers import DELIVERIES, WEBHOOK, Receiver, answer, call, problem_code, receiving, register
from tests.ingest.samples import PartnerClient, event
from tests.tokens import TokenFactory


async def delivered(partner: PartnerClient, status: str = "delivered") -> list[Any]:
    return list((await call(partner, "GET", f"{DELIVERIES}?status={status}"))["items"])


async def test_verdicts_arrive_with_valid_signatures(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle
) -> None:
    endpoint = await register(bike, receiver.url)
    assert endpoint["secret"].startswith("whsec_")
    assert endpoint["status"] == "active"
    receipt_id = (await bike.push(event("out-1"), event("out-2")))["receipt_id"]
    await judge.publish(receipt_id, 0, "out-1", "pending", amount_mg=170_000, reason_code="CREDITED", sequence=3)
    await judge.publish(receipt_id, 1, "out-2", "refused", reason_code="DAILY_CAP", sequence=4)

    async def both() -> bool:
        return len(receiver.results(endpoint["secret"])) == 2

    await settle(both)
    first, second = sorted(receiver.results(endpoint["secret"]), key=lambda item: item["sequence"])
    assert first["judged_at"]
    assert {k: first[k] for k in ("id", "status", "reason_code", "amount_mg", "sequence", "receipt_id", "index")} == {
        "id": "out-1", "status": "credited", "reason_code": "CREDITED", "amount_mg": 170_000, "sequence": 3,
        "receipt_id": receipt_id, "index": 0,
    }  # fmt: skip
    assert (second["id"], second["status"], second["reason_code"]) == ("out-2", "refused", "DAILY_CAP")
    content = receiver.received[0].content(endpoint["secret"])
    assert content["type"] == "cn.carboninclusion.results.v1"
    assert datetime.fromisoformat(content["timestamp"]).tzinfo is not None
    with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
        receiver.received[0].content("whsec_" + "A" * 43 + "=")

    async def noted() -> bool:
        return bool(sum(one["events"] for one in await delivered(bike)) == 2)

    await settle(noted)
    detail = await call(bike, "GET", f"{DELIVERIES}/{(await delivered(bike))[0]['delivery_id']}")
    assert detail["payload"]["data"]
    assert [(one["number"], one["status_code"], one["error"]) for one in detail["log"]] == [(1, 204, None)]
    assert (await call(bike, "GET", WEBHOOK))["secret"] is None


async def test_many_results_are_sent_in_payloads_of_bounded_size(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle
) -> None:
    secret = (await register(bike, receiver.url))["secret"]
    receipt_id = str(uuid.uuid4())
    ids = [f"many-{n}-" + "x" * 100 for n in range(300)]
    await judge.publish_all([(receipt_id, n, one, "credited") for n, one in enumerate(ids)])

    async def all_there() -> bool:
        return len(receiver.results(secret)) >= len(ids)

    await settle(all_there)
    assert sorted(item["id"] for item in receiver.results(secret)) == sorted(ids)
    assert max(len(one.body) for one in receiver.received) <= PAYLOAD_BYTES_MAX
    assert len(receiver.received) >= 300 * 350 // PAYLOAD_BYTES_MAX


async def test_a_partner_without_an_address_gets_no_deliveries(
    bike: PartnerClient, judge: Judge, fresh: None, settle: Settle, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    receipt_id = (await bike.push(event("silent-1")))["receipt_id"]
    await judge.publish(receipt_id, 0, "silent-1", "credited", amount_mg=1)

    async def judged() -> bool:
        found = await bike.get("/api/v1/ingest/events/silent-1")
        return found.status_code == 200 and bool(found.json()["status"] == "credited")

    await settle(judged)
    assert await database.fetchval("SELECT count(*) FROM ingest.webhook_delivery") == 0


async def test_a_failed_delivery_is_retried_under_the_same_id(
    bike: PartnerClient, worker: Any, receiver: Receiver, settle: Settle
) -> None:
    secret = (await register(bike, receiver.url))["secret"]
    replies = iter([answer(500), answer(503, "Retry-After: 600")])
    receiver.reply = lambda _: next(replies, answer(200, body=b"thanks"))
    delivery_id = (await call(bike, "POST", f"{WEBHOOK}:ping", expect=202))["delivery_id"]

    async def tried(times: int) -> Any:
        found = await call(bike, "GET", f"{DELIVERIES}/{delivery_id}")
        return found if len(found["log"]) == times else None

    await settle(lambda: tried(1))
    first = await tried(1)
    assert (first["status"], first["last_status_code"], first["attempts"]) == ("pending", 500, 1)
    pause = datetime.fromisoformat(first["next_attempt_at"]) - datetime.fromisoformat(first["log"][0]["started_at"])
    assert pause < timedelta(seconds=RETRY_DELAYS_S[0] * (1 + JITTER_PERCENT / 100) + 1)
    assert (await call(bike, "GET", WEBHOOK))["failing_since"] is not None

    await call(bike, "POST", f"{DELIVERIES}/{delivery_id}:replay", expect=202)
    await settle(lambda: tried(2))
    second = await tried(2)
    pause = datetime.fromisoformat(second["next_attempt_at"]) - clock.now()
    assert timedelta(seconds=570) < pause <= timedelta(seconds=601)

    await call(bike, "POST", f"{DELIVERIES}/{delivery_id}:replay", expect=202)
    await settle(lambda: tried(3))
    assert (await tried(3))["status"] == "delivered"
    assert len({one.webhook_id for one in receiver.received}) == 1
    assert len({one.body for one in receiver.received}) == 1
    assert receiver.received[2].content(secret)["type"] == "cn.carboninclusion.ping.v1"
    assert (await call(bike, "GET", WEBHOOK))["failing_since"] is None


async def test_redirects_are_not_followed_and_connection_errors_are_shown(
    bike: PartnerClient, worker: Any, receiver: Receiver, settle: Settle
) -> None:
    await register(bike, receiver.url)
    receiver.reply = lambda _: answer(302, "Location: http://127.0.0.1:1/elsewhere")
    delivery_id = (await call(bike, "POST", f"{WEBHOOK}:ping", expect=202))["delivery_id"]

    async def failed() -> Any:
        found = await call(bike, "GET", f"{DELIVERIES}/{delivery_id}")
        return found if found["log"] else None

    await settle(failed)
    assert (await failed())["last_error"] == "redirects are not followed"
    assert len(receiver.received) == 1

    async with receiving() as other:
        closed = other.url
    await register(bike, closed)
    delivery_id = (await call(bike, "POST", f"{WEBHOOK}:ping", expect=202))["delivery_id"]
    await settle(failed)
    assert "ConnectError" in (await failed())["last_error"]


async def test_an_answer_410_disables_the_address_until_it_is_registered_again(
    bike: PartnerClient, worker: Any, receiver: Receiver, settle: Settle, api: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    await register(bike, receiver.url)
    receiver.reply = lambda _: answer(410)
    await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)

    async def disabled() -> bool:
        return bool((await call(bike, "GET", WEBHOOK))["disabled_reason"] == "GONE")

    await settle(disabled)
    refused = await bike.send("POST", f"{WEBHOOK}:ping")
    assert (refused.status_code, problem_code(refused)) == (409, "WEBHOOK_DISABLED")
    listed = await api.get("/api/v1/ingest/ops/webhooks?status=disabled", headers=tokens.operator())
    assert [(one["partner_id"], one["disabled_reason"]) for one in listed.json()["items"]] == [("bike", "GONE")]

    receiver.reply = lambda _: answer(200)
    again = await register(bike, receiver.url)
    assert (again["status"], again["disabled_reason"], again["secret"]) == ("active", None, None)


async def test_the_last_try_exhausts_a_delivery_and_days_of_failure_disable_the_address(
    bike: PartnerClient,
    worker: Any,
    receiver: Receiver,
    settle: Settle,
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await register(bike, receiver.url)
    receiver.reply = lambda _: answer(500)
    delivery_id = (await call(bike, "POST", f"{WEBHOOK}:ping", expect=202))["delivery_id"]
    await receiver.wait(1)

    async def at_the_end(failing_for: timedelta) -> None:
        await database.execute("UPDATE ingest.webhook_endpoint SET failing_since = $1", clock.now() - failing_for)
        await database.execute(
            "UPDATE ingest.webhook_delivery SET status = 'pending', finished_at = NULL, attempts = $1,"
            " next_attempt_at = now()",
            ATTEMPTS_MAX - 1,
        )

        async def exhausted() -> bool:
            return [one["delivery_id"] for one in await delivered(bike, "exhausted")] == [delivery_id]

        await settle(exhausted)

    await at_the_end(timedelta(hours=1))
    assert (await call(bike, "GET", WEBHOOK))["status"] == "active"
    await at_the_end(timedelta(days=3))
    assert (await call(bike, "GET", WEBHOOK))["disabled_reason"] == "FAILING"


async def test_during_a_rotation_both_secrets_sign(bike: PartnerClient, worker: Any, receiver: Receiver) -> None:
    old = (await register(bike, receiver.url))["secret"]
    rotated = await call(bike, "POST", f"{WEBHOOK}:rotate-secret", "{}")
    assert rotated["previous_secret_until"] is not None
    await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(1)
    for secret in (old, rotated["secret"]):
        assert receiver.received[0].content(secret)["data"] == []
    last = await call(bike, "POST", f"{WEBHOOK}:rotate-secret", '{"overlap_s": 0}')
    await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(2)
    assert receiver.received[1].headers["webhook-signature"].count("v1,") == 1
    receiver.received[1].content(last["secret"])


async def test_the_deliveries_of_a_time_range_are_replayed(
    bike: PartnerClient, worker: Any, receiver: Receiver, settle: Settle
) -> None:
    await register(bike, receiver.url)
    start = clock.now()
    for _ in range(3):
        await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(3)

    async def three() -> bool:
        return len(await delivered(bike)) == 3

    await settle(three)
    span = f'"created_from": "{start.isoformat()}", "created_before": "{clock.now().isoformat()}"'
    assert await call(bike, "POST", f"{DELIVERIES}:replay", f'{{{span}, "status": "exhausted"}}', 202) == {
        "replayed": 0
    }
    assert await call(bike, "POST", f"{DELIVERIES}:replay", f"{{{span}}}", 202) == {"replayed": 3}
    again = await receiver.wait(6)
    assert {one.webhook_id for one in again[:3]} == {one.webhook_id for one in again[3:]}
    await call(
        bike,
        "POST",
        f"{DELIVERIES}:replay",
        '{"created_from": "2026-01-01T00:00:00Z", "created_before": "2026-12-31T00:00:00Z"}',
        422,
    )


async def test_a_slow_receiver_delays_only_itself(
    bike: PartnerClient, metro: PartnerClient, worker: Any, receiver: Receiver
) -> None:
    receiver.reply = lambda _: None
    await register(bike, receiver.url)
    for _ in range(30):
        await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(3)
    async with receiving() as quick:
        await register(metro, quick.url)
        await call(metro, "POST", f"{WEBHOOK}:ping", expect=202)
        await quick.wait(1, timeout_s=3)
    assert len(receiver.received) <= 4


async def test_a_partner_sees_only_its_own_address_and_deliveries(
    bike: PartnerClient, metro: PartnerClient, worker: Any, receiver: Receiver
) -> None:
    await register(bike, receiver.url)
    delivery_id = (await call(bike, "POST", f"{WEBHOOK}:ping", expect=202))["delivery_id"]
    for method, target in (
        ("GET", WEBHOOK),
        ("DELETE", WEBHOOK),
        ("GET", f"{DELIVERIES}/{delivery_id}"),
        ("POST", f"{WEBHOOK}:ping"),
    ):
        refused = await metro.send(method, target)
        assert refused.status_code == 404, target
    assert (await call(metro, "GET", DELIVERIES))["items"] == []
    stopped = await call(bike, "DELETE", WEBHOOK)
    assert (stopped["status"], stopped["disabled_reason"]) == ("disabled", "PARTNER")


async def test_operators_register_and_disable_addresses(
    api: httpx.AsyncClient, worker: Any, receiver: Receiver, tokens: TokenFactory
) -> None:
    target = "/api/v1/ingest/ops/webhooks"
    body = {"url": receiver.url, "reason": "合作方来函"}
    assert (await api.put(f"{target}/nobody", json=body, headers=tokens.operator())).status_code == 404
    assert (await api.put(f"{target}/bike", json=body, headers=tokens.operator("ops:read"))).status_code == 403
    made = (await api.put(f"{target}/bike", json=body, headers=tokens.operator())).json()
    assert made["secret"].startswith("whsec_")
    stopped = await api.post(f"{target}/bike:disable", json={"reason": "安全事件"}, headers=tokens.operator())
    assert stopped.json()["disabled_reason"] == "OPERATOR"
    log = (await api.get("/api/v1/ingest/ops/audit?object=partner/bike", headers=tokens.operator())).json()["items"]
    assert [one["action"] for one in log[:2]] == ["webhook.disabled", "webhook.registered"]


async def test_without_the_development_setting_only_public_https_addresses_are_accepted(
    seeded: Settings, run_app: RunApp, fresh: None
) -> None:
    async with run_app(seeded.model_copy(update={"webhook_allow_loopback": False})) as client:
        bike = PartnerClient(client, "ak-bike")
        for url in ("http://127.0.0.1:8080/x", "https://localhost/x", "http://bike.example.cn/x", "https://10.0.0.1/"):
            refused = await call(bike, "PUT", WEBHOOK, f'{{"url": "{url}"}}', 422)
            assert refused["code"] == "WEBHOOK_ADDRESS_REFUSED", url
        assert (await register(bike, "https://bike.example.cn/hook"))["status"] == "active"

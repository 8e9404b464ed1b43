"""Faults of other platforms in feeds, webhooks, limits and cursors, from public reports, tried here."""

import asyncio
import base64
import json
import re
from typing import Any

import httpx
import pytest

from services.ingest.outcomes import service
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared import clock
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from shared.ids import new_id
from tests.ingest.conftest import Judge, RunApp, Settle
from tests.ingest.receivers import WEBHOOK, Receiver, answer, call, register
from tests.ingest.samples import PartnerClient, seed_partner

OUTCOMES = "/api/v1/ingest/outcomes"


def encoded(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


async def test_b6_a_valid_cursor_with_a_foreign_character_is_no_cursor(bike: PartnerClient, fresh: None) -> None:
    """anomalyco/opencode#48034: a decoder that skips what it does not know accepts a changed cursor."""
    cursor = (await call(bike, "GET", OUTCOMES))["next_cursor"]
    assert (await bike.get(f"{OUTCOMES}?after={cursor}")).status_code == 200
    for changed in (f"{cursor}!", f"!{cursor}", f"{cursor}%0A"):
        assert (await bike.get(f"{OUTCOMES}?after={changed}")).status_code == 422, changed


@pytest.mark.parametrize("position", [["1"], [1.5], [-1], [True]])
async def test_b6_a_position_of_another_kind_is_refused(bike: PartnerClient, fresh: None, position: Any) -> None:
    """PrefectHQ/fastmcp#5070: text and fractions were server errors, a negative number a page from the end."""
    assert (await bike.get(f"{OUTCOMES}?after={encoded(position)}")).status_code == 422


@pytest.mark.parametrize("cursor", ["null", "with%20space%20435", "werwer", "123"])
async def test_b6_words_that_happen_to_be_base64_are_refused(bike: PartnerClient, cursor: str) -> None:
    """uriyyo/fastapi-pagination#1496 and #936: some words decode to bytes that are no text."""
    assert (await bike.get(f"/api/v1/ingest/imports?cursor={cursor}")).status_code == 422


def verdict(name: str) -> ActivityJudged:
    return ActivityJudged(
        activity_id=event_key("bike", name),
        partner_id="bike",
        event_id=name,
        receipt_id=new_id(),
        index=0,
        status="credited",
        judged_at=clock.now(),
    )


async def test_d12_a_verdict_that_commits_late_is_not_skipped(
    bike: PartnerClient, fresh: None, settings: Settings
) -> None:
    """Eventuous/eventuous#222: numbers given before the commit become visible out of order, and a reader skips one."""
    database = Database(settings.database_url, pool_size=3)
    early_has_a_number, may_commit = asyncio.Event(), asyncio.Event()

    async def early() -> None:
        async with database.transaction() as session:
            await service.append(session, [verdict("early")])
            early_has_a_number.set()
            await may_commit.wait()

    async def late() -> None:
        await early_has_a_number.wait()
        async with database.transaction() as session:
            await service.append(session, [verdict("late")])

    tasks = [asyncio.create_task(early()), asyncio.create_task(late())]
    await early_has_a_number.wait()
    await asyncio.sleep(0.3)
    before = await call(bike, "GET", OUTCOMES)
    may_commit.set()
    await asyncio.gather(*tasks)
    after = await call(bike, "GET", f"{OUTCOMES}?after={before['next_cursor']}")
    await database.stop()
    assert [one["id"] for one in before["items"] + after["items"]] == ["early", "late"]


async def test_d12_a_narrow_filter_reaches_the_end(
    bike: PartnerClient, judge: Judge, fresh: None, settle: Settle
) -> None:
    """Morelitea/initiative#1183: a window with nothing for a subscription must not be read for ever, nor skipped."""
    receipt_id = str(new_id())
    await judge.publish_all([(receipt_id, n, f"narrow-{n}", "credited") for n in range(300)])
    await judge.publish(receipt_id, 300, "needle", "refused", reason_code="DAILY_CAP")

    async def found() -> bool:
        cursor, pages = None, 0
        while True:
            after = f"&after={cursor}" if cursor else ""
            page = await call(bike, "GET", f"{OUTCOMES}?status=refused&limit=1{after}")
            cursor, pages = page["next_cursor"], pages + 1
            if page["items"]:
                return [one["id"] for one in page["items"]] == ["needle"]
            if not page["has_more"]:
                return False
            assert pages < 20

    await settle(found)


async def test_d13_a_retry_after_a_rotation_verifies_with_the_new_secret(
    bike: PartnerClient, worker: Any, receiver: Receiver
) -> None:
    """liwala/ay-framework#407: what was made before a rotation could never be verified again."""
    await register(bike, receiver.url)
    receiver.reply = lambda _: answer(500)
    made = await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(1)
    new = (await call(bike, "POST", f"{WEBHOOK}:rotate-secret", '{"overlap_s": 0}'))["secret"]
    receiver.reply = lambda _: answer(204)
    await call(bike, "POST", f"/api/v1/ingest/deliveries/{made['delivery_id']}:replay", expect=202)
    await receiver.wait(2)
    assert receiver.received[1].content(new)["type"] == "cn.carboninclusion.ping.v1"


async def test_d15_a_refusal_shows_the_limit_that_refused(seeded: Settings, run_app: RunApp) -> None:
    """agentgateway#3328 showed a limit that had passed, Yelp/yelp-fusion#388 no limit at 0, planningcenter#606 a
    negative time."""
    await seed(seeded, json.dumps([seed_partner("spent", events_per_day=2)]).encode())
    async with run_app(seeded) as http:
        partner = PartnerClient(http, "ak-spent")
        sent: list[httpx.Response] = []
        for _ in range(3):
            sent.append(await partner.post(json.dumps([{}, {}]).encode()))
        refused = await partner.post(json.dumps([{}, {}, {}]).encode())
    assert (refused.status_code, refused.json()["code"]) == (429, "DAILY_BUDGET_EXHAUSTED")
    ((remaining, reset_s),) = re.findall(r'"day";r=(\d+);t=(\d+)', refused.headers["ratelimit"])
    assert int(remaining) <= 2
    assert 0 < int(reset_s) <= 86_400
    assert abs(int(refused.headers["retry-after"]) - int(reset_s)) <= 1

"""The feed of verdicts: complete, in order, resumable. A webhook that was disabled catches up from it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.imports.domain import receipts_of
from services.ingest.outcomes import service
from shared import clock
from shared.db import Database
from shared.ids import new_id
from tests.ingest.conftest import Judge, Settle
from tests.ingest.receivers import WEBHOOK, Receiver, answer, call, problem_code, register
from tests.ingest.samples import PartnerClient

OUTCOMES = "/api/v1/ingest/outcomes"


async def page(partner: PartnerClient, **query: Any) -> Any:
    text = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    return await call(partner, "GET", f"{OUTCOMES}?{text}" if text else OUTCOMES)


async def whole_feed(partner: PartnerClient, limit: int = 100, **query: Any) -> tuple[list[str], str]:
    """The ids of all verdicts, read page by page, and the cursor behind the last one."""
    ids: list[str] = []
    cursor = query.pop("after", None)
    while True:
        found = await page(partner, after=cursor, limit=limit, **query)
        ids += [one["id"] for one in found["items"]]
        cursor = found["next_cursor"]
        if not found["has_more"]:
            return ids, cursor


def has(partner: PartnerClient, count: int) -> Callable[[], Any]:
    async def there() -> bool:
        return len((await whole_feed(partner))[0]) >= count

    return there


async def test_d12_the_feed_has_every_verdict_in_order_and_goes_on_from_its_cursor(
    bike: PartnerClient, metro: PartnerClient, judge: Judge, fresh: None, settle: Settle
) -> None:
    assert await whole_feed(bike) == ([], "WzBd")
    receipt_id = str(new_id())
    await judge.publish_all([(receipt_id, n, f"feed-{n}", "credited") for n in range(250)])
    await settle(has(bike, 250))
    ids, cursor = await whole_feed(bike, limit=70)
    assert ids == [f"feed-{n}" for n in range(250)]
    assert (await page(bike, after=cursor))["items"] == []

    await judge.publish(receipt_id, 3, "feed-3", "reversed", amount_mg=0, reason_code="CANCELLED", sequence=2)
    await settle(has(bike, 251))
    (last,) = (await page(bike, after=cursor))["items"]
    assert (last["id"], last["status"], last["sequence"], last["receipt_id"]) == ("feed-3", "reversed", 2, receipt_id)
    assert (await whole_feed(bike, status="reversed"))[0] == ["feed-3"]
    assert (await whole_feed(bike, status="reversed", limit=1))[0] == ["feed-3"]
    assert (await whole_feed(metro))[0] == []


async def test_d12_a_verdict_that_comes_twice_is_in_the_feed_once(
    bike: PartnerClient, judge: Judge, fresh: None, settle: Settle
) -> None:
    receipt_id = str(new_id())
    for name in ("twice-0", "twice-0", "twice-1"):
        await judge.publish(receipt_id, int(name[-1]), name, "credited", amount_mg=1)
    await settle(has(bike, 2))
    assert sorted((await whole_feed(bike))[0]) == ["twice-0", "twice-1"]


@pytest.mark.parametrize(
    "cursor", ["WzVd", "WzFlNDAwXQ", "Wy0xXQ", "WyIxIl0", "x", "W251bGxd", "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd"]
)
async def test_d12_a_cursor_that_is_not_of_the_feed_is_refused(bike: PartnerClient, fresh: None, cursor: str) -> None:
    refused = await bike.get(f"{OUTCOMES}?after={cursor}")
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == "query.after"


async def test_d12_a_position_that_is_no_longer_kept_is_told(
    bike: PartnerClient, judge: Judge, fresh: None, settle: Settle, database: Any, settings: Any
) -> None:
    receipt_id = str(new_id())
    await judge.publish(receipt_id, 0, "old-0", "credited", amount_mg=1)
    await settle(has(bike, 1))
    await database.execute("UPDATE ingest.outcome_block SET created_at = created_at - $1::interval", timedelta(days=31))
    await judge.publish(receipt_id, 1, "new-1", "credited", amount_mg=1)
    await settle(has(bike, 2))
    own = Database(settings.database_url, pool_size=1)
    async with own.transaction() as session:
        await service.delete_old(session)
    await own.stop()
    refused = await bike.get(f"{OUTCOMES}?after=WzBd")
    assert (refused.status_code, problem_code(refused)) == (410, "OUTCOMES_EXPIRED")
    assert (await whole_feed(bike))[0] == ["new-1"]


async def test_d12_an_enabled_webhook_is_sent_what_it_missed(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle
) -> None:
    secret = (await register(bike, receiver.url))["secret"]
    receipt_id = str(new_id())
    await judge.publish(receipt_id, 0, "before", "credited", amount_mg=1)
    await settle(has(bike, 1))
    await receiver.wait(1)
    assert (await call(bike, "DELETE", WEBHOOK))["status"] == "disabled"
    await judge.publish_all([(receipt_id, n, f"missed-{n}", "credited") for n in range(1, 501)])
    await judge.publish(receipt_id, 501, "waiting", "parked", reason_code="NO_BINDING")
    await settle(has(bike, 502))
    assert len(receiver.results(secret)) == 1

    assert (await register(bike, receiver.url))["catching_up"] is True
    await judge.publish(receipt_id, 502, "after", "credited", amount_mg=1)
    wanted = {"before", "after", *(f"missed-{n}" for n in range(1, 501))}

    async def caught_up() -> bool:
        return len(receiver.results(secret)) >= len(wanted)

    await settle(caught_up)
    sent = [one["id"] for one in receiver.results(secret)]
    assert (set(sent), len(sent)) == (wanted, len(wanted))
    assert (await call(bike, "GET", WEBHOOK))["catching_up"] is False


async def test_d12_an_address_that_answered_gone_catches_up_too(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle
) -> None:
    secret = (await register(bike, receiver.url))["secret"]
    receiver.reply = lambda _: answer(410)
    receipt_id = str(new_id())
    await judge.publish(receipt_id, 0, "gone-0", "credited", amount_mg=1)

    async def disabled() -> bool:
        return bool((await call(bike, "GET", WEBHOOK))["disabled_reason"] == "GONE")

    await settle(disabled)
    await judge.publish(receipt_id, 1, "gone-1", "credited", amount_mg=1)
    await settle(has(bike, 2))
    receiver.received.clear()
    receiver.reply = lambda _: answer(204)
    await register(bike, receiver.url)

    async def missed() -> bool:
        return {one["id"] for one in receiver.results(secret)} >= {"gone-1"}

    await settle(missed)


async def test_d11_parked_verdicts_are_sent_only_on_request(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle
) -> None:
    made = await register(bike, receiver.url)
    assert made["parked"] is False
    receipt_id = str(new_id())
    await judge.publish(receipt_id, 0, "quiet", "parked", reason_code="NO_BINDING")
    await settle(has(bike, 1))
    asked = await call(bike, "PUT", WEBHOOK, f'{{"url": "{receiver.url}", "parked": true}}')
    assert asked["parked"] is True
    await judge.publish(receipt_id, 1, "loud", "parked", reason_code="NO_BINDING")
    await receiver.wait(1)
    assert [one["id"] for one in receiver.results(made["secret"])] == ["loud"]
    assert (await register(bike, receiver.url))["parked"] is True


async def test_d11_fresh_results_and_pings_do_not_wait_behind_those_of_a_file(
    bike: PartnerClient, judge: Judge, receiver: Receiver, settle: Settle, settings: Any
) -> None:
    secret = (await register(bike, receiver.url))["secret"]
    import_id = new_id()
    first, last = receipts_of(import_id)
    own = Database(settings.database_url, pool_size=1)
    async with own.transaction() as session:
        await service.mark_bulk(session, partner_id="bike", first=first, last=last)
    await own.stop()
    busy = True
    # The receiver answers nothing at first, so the file's results fill their places and wait.
    receiver.reply = lambda one: None if busy and b"file-" in one.body else answer(204)
    padding = "x" * 90
    await judge.publish_all([(str(first), n, f"file-{n}-{padding}", "credited") for n in range(1000)])
    await receiver.wait(3)
    started = clock.now()
    await judge.publish(str(new_id()), 0, "fresh", "credited", amount_mg=1)
    await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)

    async def quick() -> bool:
        bodies = [one.body for one in receiver.received]
        return any(b'"fresh"' in body for body in bodies) and any(b"ping.v1" in body for body in bodies)

    await settle(quick)
    took_s = (clock.now() - started).total_seconds()
    print(f"fresh result and ping behind 1,000 results of a file whose receiver hangs: {took_s:.2f} s")
    assert took_s < 5
    assert secret.startswith("whsec_")


async def test_d13_a_second_rotation_inside_the_overlap_is_refused(
    bike: PartnerClient, worker: Any, receiver: Receiver
) -> None:
    old = (await register(bike, receiver.url))["secret"]
    new = (await call(bike, "POST", f"{WEBHOOK}:rotate-secret", "{}"))["secret"]
    again = await bike.send(
        "POST", f"{WEBHOOK}:rotate-secret", b'{"overlap_s": 60}', headers={"Content-Type": "application/json"}
    )
    assert (again.status_code, problem_code(again)) == (409, "ROTATION_UNDER_WAY")
    assert 86_000 < int(again.headers["retry-after"]) <= 86_400
    await call(bike, "POST", f"{WEBHOOK}:ping", expect=202)
    await receiver.wait(1)
    for secret in (old, new):  # both live as promised
        receiver.received[0].content(secret)

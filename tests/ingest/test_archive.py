"""The archive over HTTP: statuses and receipts before, during and after the verdicts of accounting."""

import urllib.parse
import uuid
from typing import Any

import msgspec
import pytest

from services.ingest.archive import service
from services.ingest.receipt_ids import new_receipt_id
from services.ingest.settings import Settings
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from shared.eventlog import EventLog, StoredRecord
from shared.ids import new_id
from tests.ingest.conftest import Judge, Settle
from tests.ingest.samples import PartnerClient, archive_outcomes, archive_reports, event, receipt, status


async def test_a_receipt_is_settled_after_the_last_verdict(bike: PartnerClient, judge: Judge, settle: Settle) -> None:
    answer = await bike.push(*(event(f"life-{n}") for n in range(6)), event("bad", distance=5.5))
    receipt_id = answer["receipt_id"]

    async def archived() -> bool:
        now = await receipt(bike, receipt_id)
        return now["counts"]["received"] == 6 and now["rejected"] == 1 and len(now["results"]) == 7

    await settle(archived)
    first = await receipt(bike, receipt_id)
    assert first["settled"] is False
    assert (await status(bike, "life-0")).json()["status"] == "received"

    verdicts: list[tuple[Any, dict[str, Any]]] = [
        ("credited", {"amount_mg": 170_000, "reason_code": "CREDITED"}),
        ("pending", {"amount_mg": 80_000, "reason_code": "PARTLY_CAPPED"}),
        ("refused", {"reason_code": "DAILY_CAP"}),
        ("parked", {"reason_code": "NO_BINDING"}),
        ("duplicate", {}),
        ("conflict", {}),
    ]
    for index, (verdict, more) in enumerate(verdicts):
        assert (await receipt(bike, receipt_id))["settled"] is False
        await judge.publish(receipt_id, index, f"life-{index}", verdict, **more)

    async def settled() -> bool:
        return bool((await receipt(bike, receipt_id))["settled"])

    await settle(settled)
    last = await receipt(bike, receipt_id, headers={"Accept-Language": "en"})
    assert (last["accepted"], last["rejected"]) == (6, 1)
    assert last["counts"] == {
        "received": 0, "credited": 2, "refused": 1, "parked": 1, "duplicate": 1, "conflict": 1, "reversed": 0,
    }  # fmt: skip
    assert last["reasons"] == {"CREDITED": 1, "PARTLY_CAPPED": 1, "DAILY_CAP": 1, "NO_BINDING": 1}
    assert [item["status"] for item in last["results"]] == [
        "credited", "credited", "refused", "parked", "duplicate", "conflict", "rejected",
    ]  # fmt: skip
    assert last["results"][0]["amount_mg"] == 170_000
    assert last["results"][2]["reason"] == "The daily limit is reached."
    assert last["results"][4]["reason"] == "Received before with the same content."
    assert last["results"][6]["field"] == "data.distance"
    assert last["results"][6]["message"].endswith("in metres.")


async def test_the_status_of_an_event_is_its_newest_verdict_in_any_order(
    bike: PartnerClient, judge: Judge, settle: Settle
) -> None:
    receipt_id = (await bike.push(event("order-1")))["receipt_id"]
    await judge.publish(receipt_id, 0, "order-1", "credited", amount_mg=500, reason_code="CREDITED", sequence=2)

    async def credited() -> bool:
        answer = await status(bike, "order-1")
        return answer.status_code == 200 and answer.json()["status"] == "credited"

    await settle(credited)
    await judge.publish(receipt_id, 0, "order-1", "parked", reason_code="NO_BINDING", sequence=1)
    await judge.publish(receipt_id, 0, "order-1", "reversed", reason_code="CORRECTED_LATER", sequence=3)

    async def reversed_() -> bool:
        return bool((await status(bike, "order-1")).json()["status"] == "reversed")

    await settle(reversed_)
    final = (await status(bike, "order-1")).json()
    assert final["activity_id"] == str(event_key("bike", "order-1"))
    assert final["receipt_id"] == receipt_id
    assert final["reason_code"] == "CORRECTED_LATER"
    assert final["reason"] == "CORRECTED_LATER"  # a code without a sentence is shown itself


async def test_a_copy_has_its_own_status_and_does_not_change_the_first(
    bike: PartnerClient, judge: Judge, settle: Settle
) -> None:
    first = (await bike.push(event("copy")))["receipt_id"]
    second = (await bike.push(event("copy"), event("copy", distance=9)))["receipt_id"]
    await judge.publish(second, 0, "copy", "duplicate")
    await judge.publish(second, 1, "copy", "conflict")

    async def second_settled() -> bool:
        return bool((await receipt(bike, second))["settled"])

    await settle(second_settled)
    assert (await status(bike, "copy")).json()["status"] == "received"
    await judge.publish(first, 0, "copy", "credited", amount_mg=7, reason_code="CREDITED")

    async def first_settled() -> bool:
        return bool((await receipt(bike, first))["settled"])

    await settle(first_settled)
    counts = (await receipt(bike, second))["counts"]
    assert (counts["duplicate"], counts["conflict"], counts["credited"]) == (1, 1, 0)
    one = (await status(bike, "copy")).json()
    assert (one["status"], one["amount_mg"], one["receipt_id"]) == ("credited", 7, first)


async def test_a_verdict_may_be_archived_before_its_event(worker: EventLog, seeded: Settings) -> None:
    """The two topics have no common order, so the halves of a row may come in either order."""
    key, receipt_id = event_key("bike", "early"), new_id()
    verdict = ActivityJudged(
        activity_id=key, partner_id="bike", event_id="early", receipt_id=receipt_id, index=0,
        status="credited", amount_mg=3, reason_code="CREDITED", judged_at=clock.now(),
    )  # fmt: skip
    report = ActivityReported(
        event_key=key, partner_id="bike", event_id="early", receipt_id=receipt_id, index=0, account_key="a",
        fingerprint="0" * 64, raw_sha256="1" * 64, received_at=clock.now(), late_window_s=1, receipt_accepted=1,
    )  # fmt: skip
    database = Database(seeded.database_url, pool_size=1)
    try:
        async with database.transaction() as session:
            await archive_outcomes(session, [_stored(verdict)])
            early = await service.receipt_view(session, partner_id="bike", receipt_id=receipt_id, pepper="p")
            assert not early.settled
            await archive_reports(session, [_stored(report)], time_zone=seeded.time_zone)
            await archive_reports(session, [_stored(report)], time_zone=seeded.time_zone)
            whole = await service.receipt_view(session, partner_id="bike", receipt_id=receipt_id, pepper="p")
            assert whole.settled
            assert [(item.status, item.amount_mg) for item in whole.accepted_items] == [("credited", 3)]
    finally:
        await database.stop()


@pytest.mark.parametrize("early", [[], [7], [32], list(range(64))], ids=["none", "unseen", "sampled", "all"])
async def test_a_large_poll_merges_with_verdicts_that_came_first(
    worker: EventLog, seeded: Settings, early: list[int]
) -> None:
    """Many rows are written by COPY if a sample finds none of them. A row that exists anyway undoes no other row."""
    receipt_id, indices = new_id(), list(range(64))
    awkward = {1: "a\tb", 2: "a\\nb", 3: "\\N", 4: "订单", 5: "{,}"}

    def identity(index: int) -> dict[str, Any]:
        event_id = awkward.get(index, f"many-{index}")
        return {"partner_id": "bike", "event_id": event_id, "receipt_id": receipt_id, "index": index}

    def verdicts(these: list[int], sequence: int) -> list[Any]:
        return [
            _stored(
                ActivityJudged(
                    **identity(n), activity_id=event_key("bike", str(n)), status="credited", judged_at=clock.now(),
                    amount_mg=1000 * sequence + n, sequence=sequence,
                )
            )
            for n in these
        ]  # fmt: skip

    reports = [
        _stored(
            ActivityReported(
                **identity(n), event_key=event_key("bike", str(n)), account_key="a", fingerprint="0" * 64,
                raw_sha256="1" * 64, received_at=clock.now(), late_window_s=1, receipt_accepted=64,
            )
        )
        for n in indices
    ]  # fmt: skip
    database = Database(seeded.database_url, pool_size=1)
    try:
        async with database.transaction() as session:
            await archive_outcomes(session, verdicts(early, 2))
        for part in (reports[::-1], reports[:40]):  # the second delivery changes nothing
            async with database.transaction() as session:
                await archive_reports(session, part, time_zone=seeded.time_zone)
        async with database.transaction() as session:
            await archive_outcomes(session, verdicts(indices[::-1], 1))
            whole = await service.receipt_view(session, partner_id="bike", receipt_id=receipt_id, pepper="p")
    finally:
        await database.stop()
    assert whole.settled
    assert [item.id for item in whole.accepted_items] == [identity(n)["event_id"] for n in indices]
    assert [item.amount_mg for item in whole.accepted_items] == [(2000 if n in early else 1000) + n for n in indices]


def _stored(value: Any) -> Any:
    return StoredRecord("t", 0, 1, b"k", msgspec.json.encode(value), (), clock.now())


async def test_a_partner_sees_only_its_own_receipts_and_events(
    bike: PartnerClient, metro: PartnerClient, judge: Judge, settle: Settle
) -> None:
    receipt_id = (await bike.push(event("mine"), 5))["receipt_id"]

    async def archived() -> bool:
        return (await status(bike, "mine")).status_code == 200 and (await receipt(bike, receipt_id))["rejected"] == 1

    await settle(archived)
    foreign = await metro.get(f"/api/v1/ingest/receipts/{receipt_id}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "RECEIPT_NOT_FOUND")
    foreign = await status(metro, "mine")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "EVENT_NOT_FOUND")
    unsigned = await bike.http.get(f"/api/v1/ingest/receipts/{receipt_id}")
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "SIGNATURE_MISSING")
    unsigned = await bike.http.get("/api/v1/ingest/events/mine")
    assert unsigned.status_code == 401


@pytest.mark.parametrize("event_id", ["a\nb", "a\n", "\n", "C\x13_\n\u008d", "a\u2028b", "a/b/../c", "?", "%0A"])
async def test_the_status_of_an_event_is_asked_by_any_id(bike: PartnerClient, event_id: str) -> None:
    """A path parameter over several segments of a path ends at a line feed, unless its pattern says otherwise."""
    answer = await status(bike, event_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "EVENT_NOT_FOUND")


async def test_a_batch_of_rejected_events_has_a_receipt(bike: PartnerClient, worker: EventLog, settle: Settle) -> None:
    receipt_id = (await bike.push(5, event("none", distance="x")))["receipt_id"]

    async def settled() -> bool:
        return bool((await receipt(bike, receipt_id))["settled"])

    await settle(settled)
    whole = await receipt(bike, receipt_id)
    assert (whole["accepted"], whole["rejected"]) == (0, 2)
    assert [item["code"] for item in whole["results"]] == ["MALFORMED_EVENT", "INVALID_TYPE"]


async def test_an_issued_receipt_that_is_not_archived_yet_is_shown_as_empty(
    bike: PartnerClient, seeded: Settings
) -> None:
    pepper = seeded.account_ref_pepper.get_secret_value()
    young = await receipt(bike, str(new_receipt_id(pepper, "bike")))
    assert (young["accepted"], young["settled"], young["results"]) == (None, False, [])


async def test_b15_a_receipt_that_was_never_issued_is_unknown(bike: PartnerClient, seeded: Settings) -> None:
    pepper = seeded.account_ref_pepper.get_secret_value()
    far_future = uuid.UUID(int=(2**48 - 1) << 80 | 7 << 76 | 2 << 62)
    of_another = new_receipt_id(pepper, "metro")
    invented = uuid.UUID(int=new_receipt_id(pepper, "bike").int ^ 1)
    for unknown in (uuid.uuid4(), new_id(), far_future, of_another, invented):
        answer = await bike.get(f"/api/v1/ingest/receipts/{unknown}")
        assert (answer.status_code, answer.json()["code"]) == (404, "RECEIPT_NOT_FOUND"), unknown
    answer = await bike.get("/api/v1/ingest/receipts/not-a-uuid")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


async def test_b15_an_empty_batch_has_a_receipt_that_settles(
    bike: PartnerClient, worker: EventLog, settle: Settle
) -> None:
    receipt_id = (await bike.push())["receipt_id"]

    async def settled() -> bool:
        return bool((await receipt(bike, receipt_id))["settled"])

    await settle(settled)
    assert (await receipt(bike, receipt_id))["accepted"] == 0


@pytest.mark.parametrize("event_id", ["a/b", "a\\b", "..", "a/../b", "//", "a?id=b", "&#;+% "])
async def test_b14_the_status_of_any_event_id_can_be_asked_for_by_a_parameter(
    bike: PartnerClient, worker: EventLog, settle: Settle, event_id: str
) -> None:
    assert (await bike.push(event(event_id)))["accepted"] == 1
    target = "/api/v1/ingest/events?" + urllib.parse.urlencode({"id": event_id})

    async def found() -> bool:
        return (await bike.get(target)).status_code == 200

    await settle(found)
    assert (await bike.get(target)).json()["id"] == event_id


async def test_b14_a_request_without_an_id_says_so(bike: PartnerClient) -> None:
    answer = await bike.get("/api/v1/ingest/events")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.id")


@pytest.mark.parametrize("event_id", ["a/b", "订单 1", "a?b=c", "%41", "nul\u0000"])
async def test_every_valid_event_id_can_be_queried(
    bike: PartnerClient, worker: EventLog, settle: Settle, event_id: str
) -> None:
    accepted = (await bike.push(event(event_id)))["accepted"]
    assert accepted == (0 if "\u0000" in event_id else 1)

    async def found() -> bool:
        return (await status(bike, event_id)).status_code == 200

    if accepted:
        await settle(found)
        assert (await status(bike, event_id)).json()["id"] == event_id
    else:
        assert (await status(bike, event_id)).status_code == 404

"""Requests that cannot be read as a whole, and requests while the log fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from services.ingest import event_types
from services.ingest.settings import Settings
from shared.eventlog import BackPressure, LogUnavailable, PublishOutcomeUnknown, Record
from shared.eventlog.postgres import PostgresEventLog
from tests.ingest.conftest import Outage, Reader, RunApp
from tests.ingest.samples import BATCH, EVENTS, ONE, PartnerClient, event, secret_of


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"[]", "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"[]", "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"[]", BATCH + "; charset=gbk", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"", BATCH, 400, "MALFORMED_BODY"),
        (b"{}", BATCH, 400, "BATCH_EXPECTED"),
        (b"[1,]", BATCH, 400, "MALFORMED_BODY"),
        (b"[] []", BATCH, 400, "MALFORMED_BODY"),
        (b'[{"a":NaN}]', BATCH, 400, "MALFORMED_BODY"),
        (b'[{"a":Infinity}]', BATCH, 400, "MALFORMED_BODY"),
        (b'[{"a":"\\ud800"}]', BATCH, 400, "MALFORMED_BODY"),
        (b"[" * 100_000, BATCH, 400, "MALFORMED_BODY"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, ONE, 400, "MALFORMED_BODY"),
        (b"\xff\xfe[\x00]\x00", BATCH, 400, "MALFORMED_BODY"),
        (b"[" + b",".join([b"{}"] * 501) + b"]", BATCH, 413, "BATCH_TOO_LARGE"),
        (b" " * (1024 * 1024 + 1), BATCH, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_unreadable_requests_are_refused_as_a_whole(
    bike: PartnerClient, body: bytes, media_type: str, status: int, code: str
) -> None:
    answer = await bike.post(body, media_type)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_the_size_limit_counts_received_bytes(bike: PartnerClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 64 * 1024

    answer = await bike.post(chunks(), signed=b" " * 64 * 1024 * 20)
    assert answer.status_code == 413
    assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_batch_of_five_hundred_events_is_accepted(bike: PartnerClient, published: Reader) -> None:
    answer = await bike.push(
        *(event(f"many-{n}", account_ref={"type": "open_id", "value": f"o{n}"}) for n in range(500))
    )
    assert answer["accepted"] == 500
    found = await published.new_records()
    assert len(found) == 500
    assert len({record.partition for record in found}) == 8


@pytest.mark.parametrize(
    "raw",
    [
        b'{"specversion":"1.0","id":"d1","id":"d2","source":"//bike.example","type":"x","data":{}}',
        b'{"specversion":"1.0","id":"\xff","source":"//bike.example","type":"x","data":{}}',
        b'{"specversion":"1.0","id":"i","source":"\xff","type":"x","data":{}}',
        b'{"specversion":"1.0","id":"i","source":"//bike.example","type":"' + event_types.BAG.encode()
        + b'","data":{"account_ref":{"type":"open_id","value":"\xc3\x28"}}}',
        b'{"' + b"x" * 100_000 + b'\\u0000":1}',
        b'{"a":' * 50 + b"1" + b"}" * 50,
    ],
)  # fmt: skip
async def test_strange_bytes_in_one_event_reject_only_that_event(
    bike: PartnerClient, box: PartnerClient, raw: bytes
) -> None:
    for partner in (bike, box):
        good = json.dumps(event("ok", partner=partner.app_key.removeprefix("ak-"))).encode()
        answer = await partner.post(b"[" + raw + b"," + good + b"]")
        assert answer.status_code == 202, answer.text
        assert [result["status"] for result in answer.json()["results"]] == ["rejected", "accepted"]


async def test_unknown_methods_and_paths_get_problem_documents(bike: PartnerClient) -> None:
    assert (await bike.send("PUT", EVENTS, b"[]")).json()["code"] == "METHOD_NOT_ALLOWED"
    assert (await bike.get("/api/v1/ingest/nothing")).json()["code"] == "NOT_FOUND"


async def test_without_the_log_requests_get_503(seeded: Settings, run_app: RunApp) -> None:
    away = seeded.model_copy(update={"event_log_url": "postgresql://eventlog:x@127.0.0.1:1/none"})
    async with run_app(away) as client:
        partner = PartnerClient(client, "ak-bike")
        answer = await partner.post(json.dumps([event("down")]).encode())
        assert answer.status_code == 503
        problem = answer.json()
        assert (problem["code"], problem["retryable"]) == ("LOG_UNAVAILABLE", True)
        assert int(answer.headers["retry-after"]) > 0
        assert "重试" in problem["detail"]
        assert (await partner.push(event("x"), target=EVENTS + "?dry_run=true"))["accepted"] == 1
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"]["log"] == "unavailable"


class FailingLog(PostgresEventLog):
    """The embedded log, failing on demand in ways that a test cannot provoke from outside."""

    failure: Exception | None = None

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = 5.0) -> None:
        if self.failure is not None:
            raise self.failure
        await super().publish(topic, records, timeout_s=timeout_s)


async def test_after_a_503_the_same_bytes_may_be_sent_again(seeded: Settings, run_app: RunApp) -> None:
    log = FailingLog(seeded.event_log_url, client_id="failing")
    async with run_app(seeded, log=log) as client:
        partner = PartnerClient(client, "ak-bike")
        body = json.dumps([event("again"), 5]).encode()
        for number, failure in enumerate((PublishOutcomeUnknown("?"), BackPressure("full"), LogUnavailable("away"))):
            nonce = f"nonce-of-the-retry-{number}"
            log.failure = failure
            refused = await partner.post(body, nonce=nonce)
            assert (refused.status_code, refused.json()["code"]) == (503, "LOG_UNAVAILABLE")
            log.failure = None
            assert (await partner.post(body, nonce=nonce)).status_code == 202
            assert (await partner.post(body, nonce=nonce)).status_code == 409


class SlowLog(PostgresEventLog):
    """The embedded log, whose publishing waits until the test opens it."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, client_id="slow")
        self.gate = asyncio.Event()

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = 5.0) -> None:
        await self.gate.wait()
        await super().publish(topic, records, timeout_s=timeout_s)


async def test_requests_above_the_in_flight_limit_are_refused_at_once(seeded: Settings, run_app: RunApp) -> None:
    log = SlowLog(seeded.event_log_url)
    async with run_app(seeded, log=log) as client:
        partner = PartnerClient(client, "ak-bike")
        body = json.dumps([event("busy")]).encode()
        # Three quarters of what the process takes: the rest is for other partners.
        waiting = [asyncio.create_task(partner.post(body)) for _ in range(192)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while (answer := await partner.post(body, secret=secret_of("wrong"))).status_code == 401:
                await asyncio.sleep(0.01)
        assert (answer.status_code, answer.json()["code"]) == (503, "INTAKE_BUSY")
        assert answer.headers["retry-after"] == "1"
        others = asyncio.create_task(PartnerClient(client, "ak-metro").post(b"{}"))  # needs no log
        assert (await asyncio.wait_for(others, 5)).status_code != 503
        log.gate.set()
        answers = await asyncio.gather(*waiting)
        assert {one.status_code for one in answers} == {202}
        assert (await partner.post(body)).status_code == 202


async def test_the_accept_path_needs_no_database(seeded: Settings, run_app: RunApp, database_away: Outage) -> None:
    async with run_app(seeded) as client, database_away():
        partner = PartnerClient(client, "ak-bike")
        assert (await partner.push(event("no-database")))["accepted"] == 1
        unanswerable = await partner.get("/api/v1/ingest/events/no-database")
        assert (unanswerable.status_code, unanswerable.json()["retryable"]) == (503, True)
        parts = (await client.get("/readyz")).json()["parts"]
        assert parts == {"database": "unavailable", "log": "ok", "partners": "ok"}

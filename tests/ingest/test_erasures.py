"""Erasure in ingest: the archive clears the events that accounting names, and answers after accounting."""

import uuid
from typing import Any

import asyncpg
import msgspec

from services.ingest.erasures import service as erasures
from services.ingest.settings import Settings
from shared import clock
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureMessage, EventsErased
from shared.contracts.identity import event_key
from shared.db import Database
from shared.eventlog import StoredRecord
from shared.outbox import records_in
from tests.ingest.conftest import Judge, Settle
from tests.ingest.samples import PartnerClient, event, receipt, status

TOPIC = "test.ingest.erasures.v1"
Admin = asyncpg.Connection


async def deliver(settings: Settings, *messages: ErasureMessage) -> None:
    database = Database(settings.database_url, pool_size=1)
    items = [
        (StoredRecord("t", 0, offset, b"k", msgspec.json.encode(one), (), clock.now()), one)
        for offset, one in enumerate(messages)
    ]
    async with database.transaction() as session:
        await erasures.handle_erasures(session, items, topic=TOPIC)
    await database.stop()


async def test_named_events_lose_their_content_and_the_partner_keeps_its_answers(
    bike: PartnerClient, judge: Judge, settle: Settle, settings: Settings, database: Any
) -> None:
    receipt_id = (await bike.push(event("erased-1"), event("erased-2"), event("kept-1")))["receipt_id"]

    async def archived() -> bool:
        return bool((await receipt(bike, receipt_id))["counts"]["received"] == 3)

    await settle(archived)
    before = (await status(bike, "erased-1")).json()
    keys = [event_key("bike", "erased-1"), event_key("bike", "erased-2")]
    erasure_id, account_id = uuid.uuid4(), uuid.uuid4()
    answer = ErasureAnswered(erasure_id=erasure_id, account_id=account_id, rows=7, answered_at=clock.now())
    events = EventsErased(erasure_id=erasure_id, account_id=account_id, event_keys=keys)
    await deliver(settings, events, answer)
    await deliver(settings, events)  # a repeated record changes nothing
    rows = await database.fetch(
        "SELECT event_id, act, fingerprint, reason, raw_sha256 FROM ingest.reported_event WHERE receipt_id = $1"
        " ORDER BY event_id",
        uuid.UUID(receipt_id),
    )
    assert [(row["event_id"], row["act"] is None, row["fingerprint"] is None) for row in rows] == [
        ("erased-1", True, True),
        ("erased-2", True, True),
        ("kept-1", False, False),
    ]
    assert all(row["raw_sha256"] for row in rows)  # what the partner signed can still be compared
    assert (await status(bike, "erased-1")).json() == before
    outbox = await database.fetch("SELECT records FROM ingest.outbox WHERE topic = $1", TOPIC)
    answers = [record.value or b"" for row in outbox for record in records_in(row["records"])]
    told = [msgspec.json.decode(value, type=ErasureAnswered) for value in answers]
    assert [(one.erasure_id, one.rows) for one in told] in ([(erasure_id, 7)], [])  # a relay may have moved it on

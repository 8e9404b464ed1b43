"""What the archive keeps, what it deletes, and the totals that operators see."""

import json
import uuid
from datetime import timedelta
from typing import Any

import asyncpg

from services.ingest import event_types
from services.ingest.archive import service
from services.ingest.settings import Settings
from shared import clock
from shared.contracts import topics
from shared.db import Database
from shared.eventlog import EventLog, Record
from tests.databases import Dsns
from tests.ingest.conftest import Judge, Settle
from tests.ingest.samples import PartnerClient, event, receipt, revision, status
from tests.tokens import TokenFactory


async def test_the_archive_keeps_act_and_hash_but_no_account_reference(
    bike: PartnerClient, worker: EventLog, ingest_dsns: Dsns, settle: Settle
) -> None:
    place: dict[str, Any] = {
        "start_location": {"lat": 30.59276, "lng": 114.30525},
        "end_location": {"lat": 30.6, "lng": 114.4},
    }
    await bike.push(
        event("kept", account_ref={"type": "open_id", "value": "someone-special"}, **place),
        revision("undone", event_types.CANCELLED, "kept"),
    )

    async def found() -> bool:
        return all([(await status(bike, one)).status_code == 200 for one in ("kept", "undone")])

    await settle(found)
    connection = await asyncpg.connect(ingest_dsns.admin)
    try:
        rows = await connection.fetch(
            "SELECT * FROM ingest.reported_event WHERE event_id = ANY($1) ORDER BY event_id", ["kept", "undone"]
        )
    finally:
        await connection.close()
    kept, undone = rows
    act = json.loads(kept["act"])
    assert (act["kind"], act["distance_m"]) == ("trip", 2360)
    assert len(kept["raw_sha256"]) == 32
    assert kept["log_offset"] is not None
    assert (undone["operation"], undone["original_event_id"], undone["act"]) == ("cancel", "kept", None)
    assert "someone-special" not in str(rows)
    assert "114.3" not in str(rows)


async def test_the_intake_totals_of_a_day_add_up_for_operators(
    bike: PartnerClient, judge: Judge, settle: Settle, tokens: TokenFactory, ingest_dsns: Dsns
) -> None:
    ops = "/api/v1/ingest/ops/intake/totals"
    receipt_id = (await bike.push(event("sum-1"), event("sum-2"), 5))["receipt_id"]
    await judge.publish(receipt_id, 0, "sum-1", "credited", amount_mg=1)
    await judge.publish(receipt_id, 1, "sum-2", "refused", reason_code="TOO_LATE")

    async def settled() -> bool:
        return bool((await receipt(bike, receipt_id))["settled"])

    await settle(settled)
    connection = await asyncpg.connect(ingest_dsns.admin)
    try:  # a day of its own: 23:59 on 1 May in Shanghai is another day in UTC
        for table in ("reported_event", "receipt_rejection"):
            await connection.execute(
                f"UPDATE ingest.{table} SET received_at = '2026-05-01T23:59:00+08:00' WHERE receipt_id = $1",
                uuid.UUID(receipt_id),
            )
    finally:
        await connection.close()
    answer = await bike.http.get(f"{ops}?date=2026-05-01", headers=tokens.operator())
    assert answer.status_code == 200, answer.text
    counts = {"received": 0, "credited": 1, "refused": 1, "parked": 0, "duplicate": 0, "conflict": 0, "reversed": 0}
    assert answer.json() == {
        "date": "2026-05-01",
        "time_zone": "Asia/Shanghai",
        "accepted": 2,
        "rejected": 1,
        "counts": counts,
        "partners": [{"partner_id": "bike", "accepted": 2, "rejected": 1, "counts": counts}],
    }
    other_day = await bike.http.get(f"{ops}?date=2026-05-02", headers=tokens.operator())
    assert other_day.json()["partners"] == []
    today = await bike.http.get(ops, headers=tokens.operator())
    assert today.json()["accepted"] > 0
    assert (await bike.http.get(f"{ops}?date=never", headers=tokens.operator())).status_code == 422
    assert (await bike.http.get(ops, headers=tokens.operator("ops:rewards"))).status_code == 403
    assert (await bike.http.get(ops)).status_code == 401


async def test_unreadable_records_become_dead_letters_and_do_not_stop_the_consumer(
    bike: PartnerClient, worker: EventLog, ingest_dsns: Dsns, settle: Settle
) -> None:
    garbage = [Record(key=b"k", value=value) for value in (b"", b"{}", b"\xff", b"[" * 100_000, None)]
    connection = await asyncpg.connect(ingest_dsns.admin)
    newest = await connection.fetchval("SELECT coalesce(max(id), 0) FROM ingest.dead_letter")
    await worker.publish(topics.ACTIVITIES, garbage)
    await worker.publish(topics.OUTCOMES, garbage)
    await worker.publish(topics.REJECTIONS, garbage)
    await bike.push(event("after-garbage"))

    async def set_aside() -> bool:
        rows = await connection.fetch(
            "SELECT consumer, count(*) FROM ingest.dead_letter WHERE id > $1 GROUP BY 1", newest
        )
        return {row["consumer"]: row["count"] for row in rows} == {
            "ingest.archive": 5, "ingest.outcomes": 5, "ingest.rejections": 5,
        }  # fmt: skip

    async def found() -> bool:
        return (await status(bike, "after-garbage")).status_code == 200

    try:
        await settle(set_aside)
        await settle(found)
    finally:
        await connection.close()


async def test_old_rejections_are_deleted(
    bike: PartnerClient, worker: EventLog, seeded: Settings, ingest_dsns: Dsns, settle: Settle
) -> None:
    old, young = [(await bike.push(5))["receipt_id"] for _ in range(2)]

    async def archived() -> bool:
        return all([(await receipt(bike, one))["settled"] for one in (old, young)])

    await settle(archived)
    connection = await asyncpg.connect(ingest_dsns.admin)
    try:
        await connection.execute(
            "UPDATE ingest.receipt_rejection SET received_at = $1 WHERE receipt_id = $2",
            clock.now() - service.REJECTIONS_KEPT - timedelta(days=1),
            uuid.UUID(old),
        )
        database = Database(seeded.database_url, pool_size=1)
        async with database.transaction() as session:
            await service.delete_old_rejections(session)
        await database.stop()
        left = await connection.fetch(
            "SELECT receipt_id FROM ingest.receipt_rejection WHERE receipt_id = ANY($1)",
            [uuid.UUID(old), uuid.UUID(young)],
        )
    finally:
        await connection.close()
    assert [str(row["receipt_id"]) for row in left] == [young]

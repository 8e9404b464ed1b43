"""The migration continues the sequence of events that earlier releases have announced already."""

import asyncio
import json
import uuid
from typing import Any

import asyncpg
import pytest
from alembic import command

from shared import migrations
from shared.ids import new_id
from tests.databases import Dsns, make_database

ACTIVITY = (
    "INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index,"
    " account_id, status, reason_code, occurred_at, received_at, amount_mg, raw_sha256)"
    " VALUES ($1, '', 'p', 'e', $2, 3, $1, 'credited', 'CREDITED', now(), now(), 1, '')"
)
CORRECTION = (
    "INSERT INTO accounting.correction (event_key, fingerprint, partner_id, original_id, status, reason_code, report,"
    " received_at) VALUES ($1, '', 'p', $1, $2, 'R', $3, '2026-11-26T20:00:00Z')"
)
TALLY = (
    "INSERT INTO accounting.intake_tally (partner_id, received_on, status, reason_code, events, amount_mg)"
    " VALUES ('p', '2026-11-27', 'parked', 'ORIGINAL_UNKNOWN', 1, 0)"
)


@pytest.fixture
async def old_dsns(postgres_admin_dsn: str) -> Dsns:
    dsns = make_database(postgres_admin_dsn, "test_accounting_0019", [])
    await _move(dsns, command.upgrade, "0019")
    return dsns


async def _move(dsns: Dsns, step: Any, revision: str) -> None:
    config = migrations.config_for("accounting", dsns.owner("accounting"))
    await asyncio.to_thread(step, config, revision)


async def test_announced_corrections_keep_their_sequence_and_receipt(old_dsns: Dsns) -> None:
    plain, credited, cancelled, waiting = (new_id() for _ in range(4))
    receipts = {one: uuid.uuid4() for one in (plain, credited, waiting)}
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        for activity_id in (plain, credited):
            await connection.execute(ACTIVITY, activity_id, receipts[activity_id])
        report = json.dumps({"receipt_id": str(receipts[waiting]), "index": 7})
        for event_key, status, content in (
            (credited, "applied", None),
            (cancelled, "applied", None),
            (waiting, "waiting", report),
        ):
            await connection.execute(CORRECTION, event_key, status, content)
        await connection.execute(TALLY)
        await _move(old_dsns, command.upgrade, "0020")
        rows = await connection.fetch(
            "SELECT event_key, sequence, receipt_id, receipt_index FROM accounting.correction"
        )
        assert {tuple(row) for row in rows} == {
            (credited, 2, receipts[credited], 3),
            (cancelled, 2, None, None),
            (waiting, 1, receipts[waiting], 7),
        }
        rows = await connection.fetch("SELECT activity_id, sequence FROM accounting.activity")
        assert {tuple(row) for row in rows} == {(plain, 1), (credited, 2)}
        # A waiting correction is counted when it is settled.
        assert await connection.fetchval("SELECT events FROM accounting.intake_tally") == 0
        await _move(old_dsns, command.downgrade, "0019")
        assert await connection.fetchval("SELECT to_regclass('accounting.freed_room')") is None
    finally:
        await connection.close()

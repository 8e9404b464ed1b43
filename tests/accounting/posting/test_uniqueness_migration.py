"""The migration to counted numbers and uses fills both tables from the acts that were credited before."""

import asyncio
import json
import uuid
from typing import Any

import asyncpg
import pytest
from alembic import command

from services.accounting.judging.uniqueness import number_key
from shared import migrations
from shared.ids import new_id
from tests.databases import Dsns, make_database

ACTIVITY = (
    "INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index,"
    " account_id, status, reason_code, occurred_at, received_at, amount_mg, act, raw_sha256, recorded_at)"
    " VALUES ($1::uuid, '', 'p', $1::uuid::text, $1::uuid, 0, $1::uuid, $2, 'R', now(), now(), $3, $4, '',"
    " now() + $5 * interval '1 second')"
)
KEYS = ("0123456789abcdef" * 2, "fedcba9876543210" * 2)


@pytest.fixture
async def old_dsns(postgres_admin_dsn: str) -> Dsns:
    dsns = make_database(postgres_admin_dsn, "test_accounting_0018", [])
    await _move(dsns, command.upgrade, "0018")
    return dsns


async def _move(dsns: Dsns, step: Any, revision: str) -> None:
    config = migrations.config_for("accounting", dsns.owner("accounting"))
    await asyncio.to_thread(step, config, revision)


async def test_credited_acts_keep_their_numbers_and_meters(old_dsns: Dsns) -> None:
    first, second, refused, metered, unnamed = (new_id() for _ in range(5))
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        for place, (activity_id, amount_mg, act) in enumerate(
            (
                (first, 1, {"natural_key": KEYS[0]}),
                (second, 1, {"natural_key": KEYS[0]}),
                (refused, 0, {"natural_key": KEYS[1]}),
                (metered, 1, {"natural_key": KEYS[1], "meter_key": KEYS[0]}),
                (unnamed, 1, {"natural_key": "order 1"}),
            )
        ):
            status = "credited" if amount_mg else "refused"
            await connection.execute(ACTIVITY, activity_id, status, amount_mg, json.dumps(act), place)
        await _move(old_dsns, command.upgrade, "0019")
        numbers = await connection.fetch("SELECT number_key, activity_id FROM accounting.counted_number")
        assert {tuple(row) for row in numbers} == {
            (number_key("p", KEYS[0]), first),
            (number_key("p", KEYS[1]), metered),
        }
        [use] = await connection.fetch("SELECT use_key, activity_id, people FROM accounting.counted_use")
        assert tuple(use) == (uuid.UUID(KEYS[0]), metered, 1)
        await _move(old_dsns, command.downgrade, "0018")
        assert await connection.fetchval("SELECT to_regclass('accounting.counted_use')") is None
    finally:
        await connection.close()

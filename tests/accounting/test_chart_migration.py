"""The migration to the chart keeps what was there: parked reports, cap counters, postings."""

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

PARKED, JUDGED = new_id(), new_id()
REPORT = {"event_key": str(PARKED), "partner_id": "p"}
ACTIVITY = (
    "INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index,"
    " account_id, account_key, status, reason_code, occurred_at, received_at, amount_mg, act, raw_sha256)"
    " VALUES ($1, '', 'p', $2, $1, 0, $3, $4, $5, 'R', now(), now(), 0, $6, '')"
)


@pytest.fixture
async def old_dsns(postgres_admin_dsn: str) -> Dsns:
    """A database as it was before the chart."""
    dsns = make_database(postgres_admin_dsn, "test_accounting_0012", [])
    await _move(dsns, command.upgrade, "0012")
    return dsns


async def _move(dsns: Dsns, step: Any, revision: str) -> None:
    config = migrations.config_for("accounting", dsns.owner("accounting"))
    await asyncio.to_thread(step, config, revision)


async def _acts(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[uuid.UUID, str | None]:
    rows = await connection.fetch("SELECT activity_id, act FROM accounting.activity")
    return {row["activity_id"]: row["act"] for row in rows}


async def test_parked_reports_and_cap_counters_are_kept_up_and_down(old_dsns: Dsns) -> None:
    person = uuid.uuid4()
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        await connection.execute(ACTIVITY, PARKED, "parked", None, "key", "parked", json.dumps(REPORT))
        await connection.execute(ACTIVITY, JUDGED, "judged", person, None, "refused", json.dumps({"kind": "bus"}))
        await connection.execute("INSERT INTO accounting.cap_usage VALUES ($1, 'cap', '2026-11-01', 2, 340)", person)
        await _move(old_dsns, command.upgrade, "0013")
        acts = await _acts(connection)
        assert (acts[PARKED], json.loads(acts[JUDGED] or "")) == (None, {"kind": "bus"})
        [kept] = await connection.fetch("SELECT activity_id, report FROM accounting.parked_report")
        assert (kept["activity_id"], json.loads(kept["report"])) == (PARKED, REPORT)
        [usage] = await connection.fetch("SELECT subject_id, acts, amount_mg FROM accounting.cap_usage")
        assert tuple(usage) == (person, 2, 340)
        await _move(old_dsns, command.downgrade, "0012")
        acts = await _acts(connection)
        assert json.loads(acts[PARKED] or "") == REPORT
        assert await connection.fetchval("SELECT account_id FROM accounting.cap_usage") == person
        assert await connection.fetchval("SELECT to_regclass('accounting.posting_rule')") is None
    finally:
        await connection.close()


async def test_every_upgrade_writes_the_movements_that_the_database_does_not_list(old_dsns: Dsns) -> None:
    await asyncio.to_thread(migrations.upgrade, "accounting", old_dsns.owner("accounting"))
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        rules = await connection.fetchval("SELECT count(*) FROM accounting.posting_rule")
        await connection.execute("DELETE FROM accounting.posting_rule WHERE kind = 'hold'")
        await asyncio.to_thread(migrations.upgrade, "accounting", old_dsns.owner("accounting"))
        assert await connection.fetchval("SELECT count(*) FROM accounting.posting_rule") == rules
    finally:
        await connection.close()

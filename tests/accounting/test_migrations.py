"""The migrations make the tables of the code, and the one for approvals moves the proposals of both old tables."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest
from alembic import command

from shared import migrations
from shared.ids import new_id
from tests.databases import Dsns, make_database

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ACTIVITY = uuid.UUID("abcdef01-2345-6789-abcd-ef0123456789")
FACTORS = {"factors": [{"id": "b.km", "vintage": 2026}, {"id": "a.km", "vintage": 2026}], "yaml": "factors: …"}
RETIREMENT = {"code": "WH-APP-BUS", "version": 2, "from": "2026-12-31"}
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def test_code_and_database_agree(accounting_dsns: Dsns) -> None:
    await asyncio.to_thread(migrations.check, "accounting", accounting_dsns.owner("accounting"))


@pytest.fixture
async def old_dsns(postgres_admin_dsn: str) -> Dsns:
    """Return a database of the revision before the approvals."""
    dsns = make_database(postgres_admin_dsn, "test_accounting_0011", [])
    await _move(dsns, command.upgrade, "0011")
    return dsns


async def _move(dsns: Dsns, step: Any, revision: str) -> None:
    config = migrations.config_for("accounting", dsns.owner("accounting"))
    await asyncio.to_thread(step, config, revision)


async def _add(connection: Connection, table: str, status: str, decided_by: str | None, **own: Any) -> uuid.UUID:
    """Add a proposal of "ann". Return its id."""
    proposal_id = new_id()
    values = {
        "proposal_id": proposal_id,
        "reason": "a reason",
        "status": status,
        "proposed_by": "ann",
        "proposed_at": DAY,
        "decided_by": decided_by,
        "decided_at": DAY + timedelta(days=1) if decided_by else None,
        **own,
    }
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(
        f"INSERT INTO accounting.{table} ({', '.join(values)}) VALUES ({places})", *values.values()
    )
    return proposal_id


async def _fill(connection: Connection) -> dict[str, uuid.UUID]:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=str, schema="pg_catalog")
    factors: dict[str, Any] = {"kind": "factors", "content": FACTORS}
    retirement: dict[str, Any] = {"kind": "retirement", "content": RETIREMENT}
    reversal: dict[str, Any] = {"kind": "reversal", "subject_id": ACTIVITY}
    return {
        "approved": await _add(connection, "proposal", "approved", "bob", **retirement),
        "withdrawn": await _add(connection, "proposal", "rejected", "ann", **factors),
        "open": await _add(connection, "proposal", "open", None, **factors),
        "expired": await _add(connection, "proposal", "open", None, **factors),
        "rejected": await _add(connection, "ledger_proposal", "rejected", "bob", **reversal),
        "reversal": await _add(connection, "ledger_proposal", "open", None, **reversal),
    }


async def test_the_proposals_of_both_tables_are_moved(old_dsns: Dsns) -> None:
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        made = await _fill(connection)
        await _move(old_dsns, command.upgrade, "0012")
        rows = {row["proposal_id"]: row for row in await connection.fetch("SELECT * FROM accounting.approval")}
        assert {name: (rows[key]["status"], rows[key]["subject"]) for name, key in made.items()} == {
            "approved": ("approved", "WH-APP-BUS v2"),
            "withdrawn": ("withdrawn", "a.km 2026"),
            "open": ("open", "a.km 2026"),
            "expired": ("expired", "a.km 2026"),
            "rejected": ("rejected", str(ACTIVITY)),
            "reversal": ("open", str(ACTIVITY)),
        }
        approved = rows[made["approved"]]
        assert (approved["proposed_by"], approved["proposed_at"], approved["decided_by"]) == ("ann", DAY, "bob")
        assert '"version": 2' in approved["content"]
        # Open proposals start their life on the day of the migration.
        assert rows[made["open"]]["expires_at"] > datetime.now(UTC) + timedelta(days=13)
        entries = await connection.fetch("SELECT subject, action, object FROM accounting.audit_log")
        assert [tuple(entry.values()) for entry in entries] == [("~expiry", "factors.expire", "a.km 2026")]
        assert await connection.fetchval("SELECT to_regclass('accounting.ledger_proposal')") is None
        assert await _is_valid(connection)
    finally:
        await connection.close()


async def _is_valid(connection: Connection) -> bool:
    sql = "SELECT convalidated FROM pg_constraint WHERE conname = 'ck_approval_two_people'"
    return bool(await connection.fetchval(sql))


async def test_an_old_approval_by_the_proposer_in_another_spelling_is_kept_but_no_new_one_is_possible(
    old_dsns: Dsns,
) -> None:
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        await _add(connection, "ledger_proposal", "approved", "Ann", kind="unfreeze", subject_id=ACTIVITY)
        await _add(connection, "ledger_proposal", "open", None, kind="unfreeze", subject_id=ACTIVITY)
        await _move(old_dsns, command.upgrade, "0012")
        kept = await connection.fetch("SELECT status, decided_by FROM accounting.approval ORDER BY proposal_id")
        assert [tuple(row.values()) for row in kept] == [("approved", "Ann"), ("open", None)]
        assert not await _is_valid(connection)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "UPDATE accounting.approval SET status = 'approved', decided_by = 'Ann', decided_at = now()"
                " WHERE status = 'open'"
            )
    finally:
        await connection.close()


async def test_going_back_puts_the_proposals_into_their_old_tables(old_dsns: Dsns) -> None:
    connection = await asyncpg.connect(old_dsns.admin)
    try:
        made = await _fill(connection)
        await _move(old_dsns, command.upgrade, "0012")
        await _move(old_dsns, command.downgrade, "0011")
        for table, names in (
            ("proposal", ("approved", "withdrawn", "open", "expired")),
            ("ledger_proposal", ("rejected", "reversal")),
        ):
            rows = await connection.fetch(f"SELECT proposal_id, status FROM accounting.{table} ORDER BY proposal_id")
            shown = {"withdrawn": "rejected", "expired": "rejected", "reversal": "open"}
            assert [tuple(row.values()) for row in rows] == [(made[name], shown.get(name, name)) for name in names]
    finally:
        await connection.close()


async def test_versions_retired_before_the_calendar_keep_their_end(postgres_admin_dsn: str) -> None:
    dsns = make_database(postgres_admin_dsn, "test_accounting_0013", [])
    await _move(dsns, command.upgrade, "0013")
    connection = await asyncpg.connect(dsns.admin)
    try:
        for version, status, effective_to in ((1, "published", DAY), (2, "retired", DAY), (3, "published", None)):
            await connection.execute(
                "INSERT INTO accounting.methodology_version VALUES ('A-B', $1, $2, '', $3, $4, '{}', '')",
                version,
                status,
                DAY - timedelta(days=9),
                effective_to,
            )
        await _move(dsns, command.upgrade, "0014")
        rows = await connection.fetch("SELECT retired_from FROM accounting.methodology_version ORDER BY version")
        assert [row["retired_from"] for row in rows] == [None, DAY.date(), None]
        await _move(dsns, command.downgrade, "0013")
        assert await connection.fetchval("SELECT count(*) FROM accounting.methodology_version") == 3
    finally:
        await connection.close()

"""The monthly partitions of the archive: created ahead, searched, and dropped, also by several workers at once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from alembic import command

from deploy.local.database import create_test_database
from services.ingest.archive import repository, service
from services.ingest.archive.domain import receipt_bound
from shared import clock, migrations
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from shared.eventlog import StoredRecord
from tests.databases import Dsns, in_own_loop, make_database
from tests.ingest.samples import archive_outcomes, archive_reports

ZONE = "Asia/Shanghai"
BEFORE = "20261124_0002"


def receipt_at(moment: datetime) -> uuid.UUID:
    return uuid.UUID(int=receipt_bound(moment).int | 7 << 76 | 2 << 62 | uuid.uuid4().int & (2**62 - 1))


def report(event_id: str, receipt_id: uuid.UUID, **changes: Any) -> StoredRecord:
    value = ActivityReported(
        event_key=event_key("bike", event_id), partner_id="bike", event_id=event_id, receipt_id=receipt_id, index=0,
        account_key="a", fingerprint="0" * 64, raw_sha256="1" * 64, received_at=clock.now(), late_window_s=1,
        receipt_accepted=1,
    )  # fmt: skip
    return _stored(msgspec.structs.replace(value, **changes))


def verdict(event_id: str, receipt_id: uuid.UUID, **changes: Any) -> StoredRecord:
    value = ActivityJudged(
        activity_id=event_key("bike", event_id), partner_id="bike", event_id=event_id, receipt_id=receipt_id, index=0,
        status="credited", amount_mg=7, judged_at=clock.now(),
    )  # fmt: skip
    return _stored(msgspec.structs.replace(value, **changes))


def _stored(value: Any) -> StoredRecord:
    return StoredRecord("t", 0, 1, b"k", msgspec.json.encode(value), (), clock.now())


@pytest.fixture
def dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "ingest_partitions", ["ingest"])


@pytest.fixture
async def database(dsns: Dsns) -> AsyncIterator[Database]:
    found = Database(dsns.app("ingest"), pool_size=5)
    yield found
    await found.stop()


async def _homes(dsns: Dsns) -> dict[str, str]:
    """The partition of each event."""
    connection = await asyncpg.connect(dsns.admin)
    rows = await connection.fetch("SELECT event_id, tableoid::regclass::text AS home FROM ingest.reported_event")
    await connection.close()
    return {row["event_id"]: row["home"].split(".")[-1] for row in rows}


async def _months(dsns: Dsns) -> list[str]:
    connection = await asyncpg.connect(dsns.admin)
    rows = await connection.fetch("SELECT name FROM ingest.archive_partition ORDER BY ends_at")
    await connection.close()
    return [row["name"] for row in rows]


async def test_several_workers_create_coming_months_and_drop_old_ones(
    dsns: Dsns, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(months_kept: int) -> None:
        async with database.transaction() as session:
            await service.keep_partitions(session, months_kept=months_kept)

    now = clock.now()
    far = now + timedelta(days=200)
    async with database.transaction() as session:
        await archive_reports(session, [report("now", receipt_at(now))], time_zone=ZONE)
        # This month has no partition yet. The row is stored in the default one and moved once there is one.
        await archive_reports(session, [report("far", receipt_at(far))], time_zone=ZONE)
        await archive_reports(session, [report("stray", uuid.UUID(int=2**128 - 1))], time_zone=ZONE)
    assert (await _homes(dsns))["far"] == "reported_event_default"
    monkeypatch.setattr(clock, "now", lambda: far)
    await asyncio.gather(*(keep(240) for _ in range(4)))
    months = await _months(dsns)
    assert len(months) == len(set(months)) == 3 + 3
    assert await _homes(dsns) == {
        "now": months[0], "far": f"reported_event_{far:%Y%m}", "stray": "reported_event_default",
    }  # fmt: skip
    async with database.transaction() as session:  # the verdict finds the moved row
        await archive_outcomes(session, [verdict("far", (await _receipt(dsns, "far")))])
        view = await service.event_view(session, partner_id="bike", event_id="far")
    assert (view.status, view.amount_mg) == ("credited", 7)
    await asyncio.gather(*(keep(3) for _ in range(4)))
    assert set(await _homes(dsns)) == {"far"}
    assert f"reported_event_{far:%Y%m}" in await _months(dsns)


async def _receipt(dsns: Dsns, event_id: str) -> uuid.UUID:
    connection = await asyncpg.connect(dsns.admin)
    found = await connection.fetchval("SELECT receipt_id FROM ingest.reported_event WHERE event_id = $1", event_id)
    await connection.close()
    return uuid.UUID(str(found))


async def test_the_halves_of_a_row_meet_in_its_month_in_either_order(dsns: Dsns, database: Database) -> None:
    last_month = receipt_at(clock.now() - timedelta(days=45))
    async with database.transaction() as session:
        await archive_outcomes(session, [verdict("early", last_month)])
        await archive_reports(session, [report("early", last_month)], time_zone=ZONE)
        await archive_outcomes(session, [verdict("early", last_month)])
        rows = await repository.list_receipt_events(session, last_month, "bike")
    assert [(row["status"], row["amount_mg"], row["receipt_accepted"]) for row in rows] == [("credited", 7, 1)]


async def test_the_database_role_of_the_service_cannot_drop_months_or_change_their_list(database: Database) -> None:
    connection = await asyncpg.connect(str(database._engine.url.render_as_string(False)).replace("+asyncpg", ""))
    try:
        for forbidden in (
            "DROP TABLE ingest.reported_event_default",
            "DELETE FROM ingest.archive_partition",
            "ALTER TABLE ingest.reported_event DETACH PARTITION ingest.reported_event_default",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_a_record_of_the_largest_size_in_the_contract_is_archived(database: Database) -> None:
    big = report("big", receipt_at(clock.now()), receipt_accepted=10**6, receipt_rejected=10**6, index=10**6)
    async with database.transaction() as session:
        await archive_reports(session, [big], time_zone=ZONE)


def test_the_migration_to_partitions_keeps_archived_rows(postgres_admin_dsn: str) -> None:
    name = "ingest_before_months"
    in_own_loop(lambda: create_test_database(postgres_admin_dsn, name))
    dsns = Dsns(postgres_admin_dsn, name)
    config = migrations.config_for("ingest", dsns.owner("ingest"))
    with ThreadPoolExecutor(1) as executor:
        executor.submit(command.upgrade, config, BEFORE).result()
        in_own_loop(lambda: _fill(dsns))
        executor.submit(command.upgrade, config, "head").result()
        homes = in_own_loop(lambda: _homes(dsns))
        in_own_loop(lambda: _found(dsns))
        executor.submit(migrations.check, "ingest", dsns.owner("ingest")).result()
        executor.submit(command.downgrade, config, BEFORE).result()
        executor.submit(command.upgrade, config, "head").result()
        assert in_own_loop(lambda: _homes(dsns)) == homes
    following = datetime.now(UTC).replace(day=1) + timedelta(days=32)
    assert homes["old"] == f"reported_event_until_{following:%Y%m}"
    assert homes["odd"] == "reported_event_default"


async def _fill(dsns: Dsns) -> None:
    connection = await asyncpg.connect(dsns.admin)
    rows = [("old", receipt_at(clock.now() - timedelta(days=400))), ("odd", uuid.UUID(int=2**128 - 1))]
    for event_id, receipt_id in rows:
        await connection.execute(
            "INSERT INTO ingest.reported_event (receipt_id, item_index, event_key, partner_id, event_id, received_at,"
            " act, status, sequence) VALUES ($1, 0, $2, 'bike', $3, now(), $4, 'credited', 1)",
            receipt_id, event_key("bike", event_id), event_id,
            '{"kind": "trip", "started_at": "2026-11-23T16:30:00Z"}',
        )  # fmt: skip
    await connection.close()


async def _found(dsns: Dsns) -> None:
    database = Database(dsns.app("ingest"), pool_size=1)
    async with database.transaction() as session:
        for event_id in ("old", "odd"):
            view = await service.event_view(session, partner_id="bike", event_id=event_id)
            assert view.status == "credited"
        row = await repository.find_event(session, event_key("bike", "old"), uuid.UUID(int=0))
    await database.stop()
    assert row is not None
    assert row["occurred_on"].isoformat() == "2026-11-24"  # half past midnight in Shanghai


@pytest.mark.parametrize("days", [0, 150], ids=["what was there", "a month made later"])
async def test_a_verdict_updates_its_row_within_the_page(dsns: Dsns, database: Database, days: int) -> None:
    """Otherwise every verdict would add an entry to every index."""
    at = clock.now() + timedelta(days=days)
    receipt_id = receipt_at(at)
    act = Act(kind="trip", started_at=clock.now(), city_code="420100", natural_key="n" * 32, distance_m=5000)
    reports = [report(f"page-{n}", receipt_id, index=n, act=act) for n in range(300)]
    verdicts = [verdict(f"page-{n}", receipt_id, index=n, reason_code="PARTLY_CAPPED") for n in range(300)]
    async with database.transaction() as session:
        assert await repository.make_partitions(session, at, 0) == (1 if days else 0)
        await archive_reports(session, reports, time_zone=ZONE)
    assert "reported_event_default" not in (await _homes(dsns)).values()
    pages = await _pages(dsns)
    async with database.transaction() as session:
        await archive_outcomes(session, verdicts)
    assert len(set(pages.values())) > 10
    assert await _pages(dsns) == pages


async def _pages(dsns: Dsns) -> dict[str, str]:
    connection = await asyncpg.connect(dsns.admin)
    rows = await connection.fetch("SELECT event_id, ctid::text AS place FROM ingest.reported_event")
    await connection.close()
    return {row["event_id"]: row["place"].split(",")[0] for row in rows}

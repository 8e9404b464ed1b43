"""Faults of other systems, from public reports: plans that were right once and are kept."""

from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest
from sqlalchemy import text

from services.accounting.corrections import service as corrections
from services.accounting.ledger import holds
from services.accounting.vesting import service as vesting
from shared.db import DATABASE_ERRORS, Database, driver
from tests.accounting.driver import Accounting
from tests.accounting.posting.test_stale_plans import _ACTS, RUNS
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables

ROWS = 20_000
# Rows in states that the jobs do not look for. Each job finds its rows by a partial index.
OTHERS = {
    "correction": "INSERT INTO accounting.correction (event_key, partner_id, fingerprint, original_id, status,"
    " reason_code, received_at) SELECT gen_random_uuid(), 'p', '', gen_random_uuid(), 'applied', 'X', now()"
    " FROM generate_series(1, $1)",
    "hold": "INSERT INTO accounting.hold (hold_id, account_id, amount_mg, purpose, status, expires_at, settled_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 1, 'order:x', 'voided', now(), now() FROM generate_series(1, $1)",
    "vesting": "INSERT INTO accounting.vesting (activity_id, due_at)"
    " SELECT gen_random_uuid(), now() + interval '3 days' FROM generate_series(1, $1)",
}


@pytest.fixture
async def worker(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[Accounting]:
    """With the connection of a worker. The rows of a test are gone before `accounting` checks the ledger."""
    before = accounting.database
    accounting.database = Database(accounting.settings.database_url, pool_size=1, plan_each_time=True)
    yield accounting
    await accounting.database.stop()
    accounting.database = before
    await empty_tables(accounting_dsns, "accounting", keep=LIBRARY_TABLES)
    connection = await connect_past_triggers(accounting_dsns)
    await connection.execute("ANALYZE accounting.activity, " + ", ".join(f"accounting.{table}" for table in OTHERS))
    await connection.close()


async def rows_read(accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    async with accounting.database.transaction() as session:  # the connection of the jobs
        await session.execute(text("SELECT pg_stat_force_next_flush()"))
    rows = await admin.fetch(
        "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables"
        " WHERE schemaname = 'accounting' AND relname = ANY($1::text[])",
        list(OTHERS),
    )
    return {row["relname"]: row["n"] for row in rows}


async def run_jobs(accounting: Accounting) -> None:
    programme = await accounting.programme()
    for _run in range(RUNS):
        for job in (
            partial(corrections.apply_waiting, programme=programme, deadline_days=30),
            partial(corrections.refuse_hopeless, programme=programme),
            holds.expire_holds,
            partial(vesting.vest_due, programme=programme),
        ):
            async with accounting.database.transaction() as session:
                await job(session)


async def test_b21_jobs_that_look_for_rare_states_read_none_of_the_others(
    worker: Accounting, accounting_dsns: Dsns
) -> None:
    """rails/rails#22566, alphagov/e-petitions#636: a plan for all values cannot use a partial index."""
    admin = await connect_past_triggers(accounting_dsns)
    try:
        await admin.execute("ANALYZE " + ", ".join(f"accounting.{table}" for table in OTHERS))
        await run_jobs(worker)
        for statement in OTHERS.values():
            await admin.execute(statement, ROWS)
        before = await rows_read(worker, admin)
        await run_jobs(worker)
        after = await rows_read(worker, admin)
    finally:
        await admin.close()
    read = {table: after[table] - before[table] for table in OTHERS}
    assert max(read.values()) < ROWS // 10, read


async def test_b21_a_trigger_planned_for_one_row_is_planned_again_for_many(
    worker: Accounting, accounting_dsns: Dsns
) -> None:
    """LemmyNet/lemmy#2877, pgMemento/pgMemento#96: triggers make a statement over many rows slow.

    A nested loop over both transition tables would compare 400 million rows and end at the limit of 9 s.
    """
    admin = await connect_past_triggers(accounting_dsns)
    try:
        await admin.execute(_ACTS.format(owner="gen_random_uuid(), NULL", status="refused"), ROWS)
    finally:
        await admin.close()
    one = "UPDATE accounting.activity SET sequence = sequence + 1 WHERE event_id = '{}'"
    for number in range(1, RUNS + 1):
        async with worker.database.transaction() as session:
            await session.execute(text(one.format(number)))
    async with worker.database.transaction() as session:
        await session.execute(text("UPDATE accounting.activity SET sequence = sequence + 1"))
        kept = await session.scalar(text("SELECT count(*) FROM accounting.activity_change"))
    assert kept == ROWS + RUNS


async def test_b21_the_setting_survives_every_reuse_of_a_connection(worker: Accounting) -> None:
    """MagicStack/asyncpg#541, pgbouncer/pgbouncer#1495, Vexa-ai/vexa#1000: a pool or a reset takes settings away."""
    show = text("SHOW plan_cache_mode")
    for spoil in ("RESET ALL", "SET LOCAL plan_cache_mode = auto", "SELECT 1 / 0", "DISCARD PLANS"):
        try:
            async with worker.database.transaction() as session:
                await session.execute(text(spoil))
        except DATABASE_ERRORS:
            assert spoil == "SELECT 1 / 0"
        async with worker.database.transaction() as session:
            assert await session.scalar(show) == "force_custom_plan", spoil
    # Other processes plan each time in transactions that use the driver, and only there.
    plain = Database(worker.settings.database_url, pool_size=1)
    try:
        for _use in range(2):
            async with plain.transaction() as session:
                assert await session.scalar(show) == "auto"
                await driver(session)
                assert await session.scalar(show) == "force_custom_plan"
    finally:
        await plain.stop()

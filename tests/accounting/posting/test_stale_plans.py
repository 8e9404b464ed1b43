"""Statements of the posting path that were planned while their tables were empty, after the tables have grown."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.accounting.ledger import holds
from shared import clock
from shared.contracts.holds import CaptureRequest, HoldRequest
from shared.db import Connection, Database
from shared.ids import new_id
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY, Reports, cancel
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables

ROWS = 50_000
RUNS = 6  # the server may keep a plan for all values from the sixth execution on
PEOPLE = 40
# Rows that the last runs may read beyond a multiple of the first ones. One scan of one table is 50,000 rows. A table of
# some tens of rows may be read whole for each of them.
FACTOR, MARGIN = 3, 10_000

# Rows of others in every table of the posting path, one statement each; $1 is their number.
_ACTS = """
INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index, account_id,
    account_key, status, reason_code, occurred_at, received_at, amount_mg, raw_sha256)
SELECT gen_random_uuid(), '', 'other-partner', n::text, gen_random_uuid(), 0, {owner}, '{status}', 'DAILY_CAP',
    now() - interval '30 hours', now(), 0, '' FROM generate_series(1, $1) n"""
_PARKED = _ACTS.format(owner="NULL, md5(n::text)", status="parked")
STRANGERS = [
    """INSERT INTO accounting.ledger_account (account_id, kind)
    SELECT gen_random_uuid(), 'person' FROM generate_series(1, $1)""",
    """INSERT INTO accounting.binding (binding_id, version, partner_id, account_key, account_id, status, counts_from)
    SELECT gen_random_uuid(), 1, 'city-transit', md5(n::text), gen_random_uuid(), 'active', now()
    FROM generate_series(1, $1) n""",
    """INSERT INTO accounting.cap_usage (subject_id, cap_id, period_start, acts, amount_mg)
    SELECT gen_random_uuid(), 'bus.day', current_date, 0, 0 FROM generate_series(1, $1)""",
    _ACTS.format(owner="gen_random_uuid(), NULL", status="refused"),
    """INSERT INTO accounting.hold (hold_id, account_id, amount_mg, purpose, status, expires_at, settled_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, 'order:x', 'voided', now(), now() FROM generate_series(1, $1)""",
    """INSERT INTO accounting.vesting (activity_id, due_at)
    SELECT gen_random_uuid(), now() + interval '3 days' FROM generate_series(1, $1)""",
    """INSERT INTO accounting.household_member (membership_id, version, household_id, account_id, joined_at)
    SELECT gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), now() FROM generate_series(1, $1)""",
]
# Not for the sweep of parked events: it looks at all of them.
PARKED_STRANGERS = f"""WITH parked AS ({_PARKED} RETURNING activity_id)
    INSERT INTO accounting.parked_report (activity_id, report) SELECT activity_id, '{{}}' FROM parked"""
TABLES = (
    "ledger_account", "binding", "cap_usage", "activity", "parked_report", "hold", "posting", "vesting",
    "household_member",
)  # fmt: skip

Run = Callable[[int], Awaitable[None]]


@pytest.fixture
async def empty_again(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    """The strangers' rows fit no equation: they are gone before `accounting` checks the ledger."""
    yield
    await empty_tables(accounting_dsns, "accounting", keep=LIBRARY_TABLES)
    connection = await connect_past_triggers(accounting_dsns)
    await connection.execute("ANALYZE " + ", ".join(f"accounting.{table}" for table in TABLES))
    await connection.close()


async def rows_read(accounting: Accounting, admin: Connection) -> dict[str, int]:
    """By the server's own count: the clock of a busy machine proves nothing."""
    async with accounting.database.transaction() as session:  # the connection of the runs
        await session.execute(text("SELECT pg_stat_force_next_flush()"))
    rows = await admin.fetch(
        "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables"
        " WHERE schemaname = 'accounting' AND relname = ANY($1::text[])",
        list(TABLES),
    )
    return {row["relname"]: row["n"] for row in rows}


async def measure(accounting: Accounting, admin: Connection, run: Run, first: int) -> dict[str, int]:
    before = await rows_read(accounting, admin)
    for number in range(first, first + RUNS):
        await run(number)
    after = await rows_read(accounting, admin)
    return {table: after[table] - before[table] for table in TABLES}


async def analyze(admin: Connection) -> None:
    await admin.execute("ANALYZE " + ", ".join(f"accounting.{table}" for table in TABLES))


async def compare(
    accounting: Accounting, dsns: Dsns, run: Run, strangers: Sequence[str] = STRANGERS, *, analyzed_small: bool
) -> None:
    """Six runs over analysed empty tables, then 50,000 rows of others in each, then six runs on the same connection.

    `analyzed_small`: the statistics are those of the few rows of the first runs, as when a backlog arrives.
    """
    admin = await connect_past_triggers(dsns)
    try:
        await analyze(admin)
        first = await measure(accounting, admin, run, 0)
        if analyzed_small:
            await analyze(admin)
        for statement in strangers:
            await admin.execute(statement, ROWS)
        last = await measure(accounting, admin, run, RUNS)
    finally:
        await admin.close()
    worse = {table: (first[table], last[table]) for table in TABLES if last[table] > FACTOR * first[table] + MARGIN}
    assert not worse, f"rows read by the first and the last {RUNS} runs: {worse}"


@pytest.fixture
async def people(accounting: Accounting, empty_again: None) -> list[Reports]:
    return [await accounting.citizen() for _ in range(PEOPLE)]


def day(number: int) -> timedelta:
    """Two days apart: no run reads the acts of another one."""
    return timedelta(days=2 * number)


@pytest.fixture
async def workers_database(accounting: Accounting) -> AsyncIterator[None]:
    """With the settings of a worker's connections."""
    before = accounting.database
    accounting.database = Database(accounting.settings.database_url, pool_size=2, plan_each_time=True)
    yield
    await accounting.database.stop()
    accounting.database = before


WHEN_ANALYZED = pytest.mark.parametrize(
    "analyzed_small", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["empty", "small"]
)


@WHEN_ANALYZED
@pytest.mark.usefixtures("workers_database")
async def test_b21_polls_of_a_worker_do_not_scan_tables_that_have_grown(
    accounting: Accounting, accounting_dsns: Dsns, people: list[Reports], analyzed_small: bool
) -> None:
    async def poll(number: int) -> None:
        morning = YESTERDAY - day(number) + timedelta(hours=6)
        await accounting.post(*(person.bus(morning + timedelta(hours=n)) for person in people for n in range(4)))

    await compare(accounting, accounting_dsns, poll, [*STRANGERS, PARKED_STRANGERS], analyzed_small=analyzed_small)


async def test_b21_the_chart_looks_up_accounts_after_a_large_poll_into_a_small_ledger(
    accounting: Accounting, accounting_dsns: Dsns, people: list[Reports]
) -> None:
    """Each connection keeps the plan of the trigger that it made at its first posting."""

    async def many_credits(number: int) -> None:
        rides = (person.bus(YESTERDAY - timedelta(days=10 * number + n)) for person in people for n in range(10))
        await accounting.post(*rides)

    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=1)) for person in people))
    await compare(accounting, accounting_dsns, many_credits, analyzed_small=False)


@WHEN_ANALYZED
async def test_b21_parked_events_are_released_without_scans(
    accounting: Accounting, accounting_dsns: Dsns, people: list[Reports], analyzed_small: bool
) -> None:
    async def park_and_release(number: int) -> None:
        for person in people:
            await accounting.post(person.bus(YESTERDAY - day(number), partner=f"late-{number}"))
        for person in people:
            await accounting.bind(person, f"late-{number}")
        await accounting.release()

    await compare(accounting, accounting_dsns, park_and_release, analyzed_small=analyzed_small)


@WHEN_ANALYZED
async def test_b21_cancellations_do_not_scan(
    accounting: Accounting, accounting_dsns: Dsns, people: list[Reports], analyzed_small: bool
) -> None:
    async def ride_and_cancel(number: int) -> None:
        rides = [person.bus(YESTERDAY - day(number)) for person in people]
        await accounting.post(*rides)
        await accounting.post(*(cancel(person, ride) for person, ride in zip(people, rides, strict=True)))
        await accounting.release()

    await compare(accounting, accounting_dsns, ride_and_cancel, analyzed_small=analyzed_small)


@WHEN_ANALYZED
async def test_b21_holds_do_not_scan(
    accounting: Accounting, accounting_dsns: Dsns, people: list[Reports], analyzed_small: bool
) -> None:
    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=7)) for person in people))

    async def hold(person: Reports) -> HoldRequest:
        request = HoldRequest(
            hold_id=new_id(),
            account_id=person.account_id,
            amount_mg=1_000,
            purpose="order:test",
            expires_at=clock.now() + timedelta(hours=1),
        )
        async with accounting.database.transaction() as session:
            await holds.place_hold(session, request=request, caller="rewards")
        return request

    async def spend(_number: int) -> None:
        for place, person in enumerate(people):
            request = await hold(person)
            async with accounting.database.transaction() as session:
                if place % 2:
                    to = CaptureRequest(to="redeemed:noodles")
                    await holds.capture_hold(session, hold_id=request.hold_id, request=to, caller="rewards")
                else:
                    await holds.void_hold(session, hold_id=request.hold_id, caller="rewards")
        async with accounting.database.transaction() as session:
            await holds.expire_holds(session)

    await compare(accounting, accounting_dsns, spend, analyzed_small=analyzed_small)

"""A document or factor in the database that nobody approved judges no act; its acts wait, everything else goes on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from services.accounting.posting import parking
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers

METRO = "WHERE code = 'WH-APP-METRO'"
TAMPERED = {
    "factor": "UPDATE accounting.factor SET document = jsonb_set(document, '{value}', '\"999\"')"
    " WHERE factor_id = 'wuhan.app.metro'",
    "factor with its hash": "UPDATE accounting.factor SET document = jsonb_set(document, '{value}', '\"999\"'),"
    " sha256 = repeat('0', 64) WHERE factor_id = 'wuhan.app.metro'",
    "factor deleted": "DELETE FROM accounting.factor WHERE factor_id = 'wuhan.app.metro'",
    "formula": "UPDATE accounting.methodology_version SET document ="
    f" jsonb_set(document, '{{formula}}', '\"trips * per_trip * 9\"') {METRO}",
    "cap": f"UPDATE accounting.methodology_version SET document = document #- '{{caps,0}}' {METRO}",
    "garbage": f"UPDATE accounting.methodology_version SET document = '[]' {METRO}",
    "hash": f"UPDATE accounting.methodology_version SET sha256 = repeat('0', 64) {METRO}",
    "end": f"UPDATE accounting.methodology_version SET effective_to = '2023-07-01' {METRO}",
    "status": f"UPDATE accounting.methodology_version SET status = 'retired', retired_from = '2023-07-01',"
    f" effective_to = '2023-07-01' {METRO}",
    "region": f"UPDATE accounting.methodology_version SET region = '430100' {METRO}",
    "deleted": f"DELETE FROM accounting.methodology_version {METRO}",
    "journal as well": "WITH j AS (UPDATE accounting.library_journal SET document ="
    " jsonb_set(document, '{value}', '\"999\"'), sha256 = repeat('0', 64) WHERE name = 'wuhan.app.metro')"
    " UPDATE accounting.factor SET document = jsonb_set(document, '{value}', '\"999\"'), sha256 = repeat('0', 64)"
    " WHERE factor_id = 'wuhan.app.metro'",
    "journal deleted": "DELETE FROM accounting.library_journal WHERE name = 'WH-APP-METRO'",
}


class Library:
    """Tampers with the stored library as a superuser, and puts it back."""

    def __init__(self, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._admin = admin

    async def keep(self) -> None:
        for table in LIBRARY_TABLES:
            await self._admin.execute(f"CREATE TABLE accounting.kept_{table} AS SELECT * FROM accounting.{table}")

    async def tamper(self, statement: str) -> None:
        done = await self._admin.execute(statement)
        assert done.endswith(" 1"), done

    async def restore(self) -> None:
        for table in LIBRARY_TABLES:
            await self._admin.execute(f"TRUNCATE accounting.{table}")
            await self._admin.execute(
                f"INSERT INTO accounting.{table} OVERRIDING SYSTEM VALUE SELECT * FROM accounting.kept_{table}"
            )

    async def forget(self) -> None:
        for table in LIBRARY_TABLES:
            await self._admin.execute(f"DROP TABLE accounting.kept_{table}")


@pytest.fixture
async def library(accounting_dsns: Dsns, accounting: Accounting) -> AsyncIterator[Library]:
    admin = await connect_past_triggers(accounting_dsns)
    found = Library(admin)
    await found.keep()
    yield found
    await found.restore()
    await found.forget()
    await admin.close()


async def states(accounting: Accounting, person: Reports) -> list[tuple[str, str, int]]:
    async with accounting.database.transaction() as session:
        connection = await (await session.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
        rows = await driver.fetch(
            "SELECT status, reason_code, amount_mg FROM accounting.activity WHERE event_id LIKE $1 || '%'"
            " ORDER BY occurred_at",
            str(person.user_id),
        )
    return [tuple(row) for row in rows]


async def release_held(accounting: Accounting) -> None:
    programme = await accounting.programme()
    async with accounting.database.transaction() as session:
        await parking.release_held(session, programme=programme)


async def recheck(accounting: Accounting) -> None:
    async with accounting.database.transaction() as session:
        await accounting.programmes.library.recheck(session)


async def test_a1_acts_of_a_tampered_document_wait_and_all_others_go_on(
    accounting: Accounting, library: Library
) -> None:
    for name, statement in TAMPERED.items():
        await library.tamper(statement)
        accounting.forget_library()  # a worker that starts now
        person = await accounting.citizen()
        await accounting.post(person.metro(YESTERDAY + timedelta(hours=8)), person.bus(YESTERDAY + timedelta(hours=9)))
        assert await states(accounting, person) == [
            ("parked", "METHODOLOGY_REFUSED", 0),
            ("credited", "CREDITED", 150_000),
        ], name
        assert REGISTRY.get_sample_value("carbon_methodology_refused"), name
        assert "metro" in str(await accounting.programmes.library.warning()).lower(), name
        # Neither a later poll nor the timed jobs of parked acts touch them.
        await accounting.post(person.bus(YESTERDAY + timedelta(hours=10)))
        await accounting.release()
        await release_held(accounting)
        assert (await states(accounting, person))[0] == ("parked", "METHODOLOGY_REFUSED", 0), name
        await library.restore()
        await recheck(accounting)
        assert await accounting.programmes.library.warning() is None, name
        await release_held(accounting)
        assert (await states(accounting, person))[0] == ("credited", "CREDITED", 170_000), name
        assert REGISTRY.get_sample_value("carbon_methodology_refused") == 0, name


async def test_a1_a_running_worker_judges_by_what_it_loaded_until_it_sees_the_change(
    accounting: Accounting, library: Library
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.metro(YESTERDAY + timedelta(hours=8)))
    await library.tamper(TAMPERED["factor"])
    await accounting.post(person.metro(YESTERDAY + timedelta(hours=9)))
    assert [amount_mg for _, _, amount_mg in await states(accounting, person)] == [170_000, 170_000]
    await recheck(accounting)
    other = await accounting.citizen()
    await accounting.post(other.metro(YESTERDAY + timedelta(hours=9)))
    assert await states(accounting, other) == [("parked", "METHODOLOGY_REFUSED", 0)]


async def test_a1_corrections_and_freed_room_of_a_tampered_document_wait(
    accounting: Accounting, library: Library
) -> None:
    person = await accounting.citizen()
    rides = [person.metro(YESTERDAY + timedelta(hours=hour)) for hour in (7, 8, 9, 10)]  # two a day count
    await accounting.post(*rides)
    await library.tamper(TAMPERED["factor"])
    accounting.forget_library()
    moved = person.metro(YESTERDAY + timedelta(hours=8, minutes=5))
    await accounting.post(cancel(person, rides[0]), correct(person, rides[1], moved))
    await accounting.release()
    before = [status for status, _, _ in await states(accounting, person)]
    assert before == ["reversed", "credited", "refused", "refused"]
    await library.restore()
    await recheck(accounting)
    await accounting.release()
    after = [status for status, _, _ in await states(accounting, person)]
    assert after == ["reversed", "reversed", "credited", "refused"]
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 2 * 170_000


async def test_a1_a_version_that_nobody_approved_judges_nothing_and_stops_nothing(
    accounting: Accounting, library: Library
) -> None:
    await library.tamper(
        "INSERT INTO accounting.methodology_version (code, version, status, region, effective_from, effective_to,"
        " document, sha256, published_at) SELECT 'EVIL-METRO', 1, status, region, effective_from,"
        " effective_to, jsonb_set(document, '{code}', '\"EVIL-METRO\"'), sha256, published_at"
        f" FROM accounting.methodology_version {METRO}"
    )
    accounting.forget_library()
    person = await accounting.citizen()
    await accounting.post(person.metro(YESTERDAY + timedelta(hours=8)))
    assert await states(accounting, person) == [("credited", "CREDITED", 170_000)]
    assert await accounting.programmes.library.warning() == "refused: EVIL-METRO v1 NOT_APPROVED"


async def test_a1_nobody_may_change_the_journal(accounting: Accounting, accounting_dsns: Dsns) -> None:
    for role in (accounting_dsns.app("accounting"), accounting_dsns.owner("accounting")):
        connection = await asyncpg.connect(role)
        for statement in ("UPDATE accounting.library_journal SET sha256 = ''", "TRUNCATE accounting.library_journal"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()

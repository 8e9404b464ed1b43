"""Expiry of old grams: together by year, the oldest first, announced; never held, frozen or pending grams."""

import asyncio
import uuid
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.ledger import expiry
from services.accounting.ledger import service as ledger
from services.accounting.ledger.domain import remaining_mg
from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.holds import Holds
from tests.accounting.reports import Reports, cancel
from tests.databases import Dsns, connect_past_triggers

GRAM = 1000
VALID_YEARS = 2
TODAY = clock.local_date(clock.now(), "Asia/Shanghai")
OLD = VALID_YEARS + 1  # calendar years back: expired since last New Year


class Calendar:
    """Makes postings older by years, and runs the job of the worker to its end."""

    def __init__(self, accounting: Accounting, dsns: Dsns) -> None:
        self.accounting, self.dsns = accounting, dsns

    async def admin(self, sql: str, *arguments: object) -> None:
        connection = await connect_past_triggers(self.dsns)
        try:
            await connection.execute(sql, *arguments)
        finally:
            await connection.close()

    async def age(self, person: Reports, years: int) -> None:
        """Make everything that the person has received older by whole years."""
        await self.admin(
            "UPDATE accounting.posting SET posted_at = posted_at - make_interval(years => $2)"
            " WHERE credit_account_id = $1",
            person.account_id,
            years,
        )

    async def run(self, *, today: date = TODAY, valid_years: int = VALID_YEARS) -> int:
        total = 0
        while True:
            async with self.accounting.database.transaction() as session:
                people = await expiry.expire_as_of(
                    session, today=today, valid_years=valid_years, time_zone="Asia/Shanghai"
                )
            if not people:
                return total
            total += people

    async def announced_expiries(self, person: Reports, valid_years: int = VALID_YEARS) -> list[tuple[int, date, int]]:
        async with self.accounting.database.transaction() as session:
            found = await expiry.announced_expiries(
                session,
                account_id=person.account_id,
                today=TODAY,
                valid_years=valid_years,
                time_zone="Asia/Shanghai",
            )
        return [(one.year, one.expires_on, one.amount_mg) for one in found]


@pytest.fixture
def calendar(accounting: Accounting, accounting_dsns: Dsns) -> Calendar:
    return Calendar(accounting, accounting_dsns)


async def available(accounting: Accounting, person: Reports) -> object:
    return (await accounting.get(person, "/me/balance"))["available_mg"]


async def with_old_grams(accounting: Accounting, calendar: Calendar) -> Reports:
    """Return a citizen with 320 g of an old year and 170 g of this year."""
    person = await accounting.citizen()
    await accounting.post(person.bus(), person.metro())
    await calendar.age(person, OLD)
    await accounting.post(person.metro())
    return person


async def test_the_oldest_grams_are_spent_first_and_the_rest_of_them_expires(
    accounting: Accounting, calendar: Calendar, holds: Holds
) -> None:
    person, hold_id = await with_old_grams(accounting, calendar), uuid.uuid4()
    await holds.place(person, 100 * GRAM, hold_id)
    await holds.call("POST", f"/{hold_id}/capture", {"to": "redeemed:noodles"})
    old = (TODAY.year - OLD, date(TODAY.year - 1, 12, 31), 220 * GRAM)
    new = (TODAY.year, date(TODAY.year + VALID_YEARS, 12, 31), 170 * GRAM)
    assert await calendar.announced_expiries(person) == [old, new]
    await calendar.run(valid_years=OLD)  # closes the years; nothing is due under a longer life
    assert await calendar.announced_expiries(person) == [old, new]
    assert await available(accounting, person) == 390 * GRAM
    await calendar.run()
    assert await calendar.announced_expiries(person) == [new]
    entries: Any = await accounting.get(person, "/me/entries?limit=1")
    line = entries["items"][0]
    assert (line["kind"], line["direction"], line["amount_mg"], line["counterpart"]) == (
        "expire",
        "out",
        220 * GRAM,
        f"expired:{TODAY.year - OLD}",
    )
    balance = await accounting.get(person, "/me/balance")
    assert (balance["available_mg"], balance["lifetime_mg"]) == (170 * GRAM, 490 * GRAM)
    assert await calendar.run() == 0


async def test_grams_of_a_year_do_not_expire_before_its_day(accounting: Accounting, calendar: Calendar) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    await calendar.run(today=date(TODAY.year + VALID_YEARS, 12, 31))
    assert await available(accounting, person) == 150 * GRAM
    await calendar.run(today=date(TODAY.year + VALID_YEARS + 1, 1, 1))
    assert await available(accounting, person) == 0


async def test_a_reversal_takes_the_oldest_grams(accounting: Accounting, calendar: Calendar) -> None:
    person = await with_old_grams(accounting, calendar)
    ride = person.bus()
    await accounting.post(ride, cancel(person, ride))
    await accounting.release()
    assert [item[2] for item in await calendar.announced_expiries(person)] == [170 * GRAM, 320 * GRAM]
    await calendar.run()
    assert await available(accounting, person) == 320 * GRAM


async def test_held_grams_expire_only_after_they_are_given_back(
    accounting: Accounting, calendar: Calendar, holds: Holds
) -> None:
    person, kept, spent = await with_old_grams(accounting, calendar), uuid.uuid4(), uuid.uuid4()
    await holds.place(person, 50 * GRAM, kept)
    await holds.place(person, 60 * GRAM, spent)
    await calendar.run()
    assert await available(accounting, person) == 170 * GRAM
    await holds.call("POST", f"/{spent}/capture", {"to": "redeemed:noodles"})
    await holds.call("POST", f"/{kept}/void")
    assert await available(accounting, person) == 220 * GRAM
    await calendar.run()  # a second look on the same day does nothing
    assert await available(accounting, person) == 220 * GRAM
    assert (await calendar.announced_expiries(person))[0][2] == 50 * GRAM
    await calendar.run(today=TODAY + timedelta(days=1))
    assert await available(accounting, person) == 170 * GRAM


async def test_grams_of_a_frozen_account_expire_after_it_is_unfrozen(
    accounting: Accounting, calendar: Calendar
) -> None:
    person = await with_old_grams(accounting, calendar)
    async with accounting.database.transaction() as session:
        await ledger.freeze_account(session, account_id=person.account_id)
    await calendar.run()
    assert await available(accounting, person) == 490 * GRAM
    async with accounting.database.transaction() as session:
        await ledger.unfreeze_account(session, account_id=person.account_id)
    await calendar.run(today=TODAY + timedelta(days=1))
    assert await available(accounting, person) == 170 * GRAM


@pytest.mark.usefixtures("vesting_bus")
async def test_pending_grams_belong_to_the_year_in_which_they_vest(accounting: Accounting, calendar: Calendar) -> None:
    person = await accounting.citizen()
    await accounting.post(person.slow_bus(), person.slow_bus(received_days_ago=30))
    await calendar.admin("UPDATE accounting.posting SET posted_at = posted_at - interval '9 years'")
    await accounting.release()
    await calendar.run()
    balance = await accounting.get(person, "/me/balance")
    assert (balance["available_mg"], balance["pending_mg"]) == (150 * GRAM, 150 * GRAM)
    assert [item[0] for item in await calendar.announced_expiries(person)] == [TODAY.year]


async def test_a_person_with_a_debt_has_no_grams_that_expire(
    accounting: Accounting, calendar: Calendar, holds: Holds
) -> None:
    person, hold_id = await accounting.citizen(), uuid.uuid4()
    ride = person.metro()
    await accounting.post(ride)
    await calendar.age(person, OLD)
    await holds.place(person, 170 * GRAM, hold_id)
    await accounting.post(cancel(person, ride))
    await accounting.release()
    await calendar.run()
    await accounting.post(person.bus())  # repays 150 of the 170 owed
    await holds.call("POST", f"/{hold_id}/void")
    await calendar.run(today=TODAY + timedelta(days=1))
    # 320 came in and 170 were reversed, the oldest: what is left is this year's.
    assert await available(accounting, person) == 150 * GRAM


async def test_concurrent_workers_expire_grams_once_while_events_are_posted(
    accounting: Accounting, calendar: Calendar
) -> None:
    people = [await with_old_grams(accounting, calendar) for _ in range(12)]

    async def post_more() -> None:
        for _ in range(5):
            await accounting.post(*(person.recycling(clock.now() - timedelta(hours=3)) for person in reversed(people)))

    await asyncio.gather(*(calendar.run() for _ in range(4)), post_more())
    await calendar.run()
    entries = [await accounting.get(person, "/me/entries?limit=50") for person in people]
    for found in entries:
        expired: list[dict[str, object]] = [e for e in found["items"] if e["kind"] == "expire"]  # type: ignore[attr-defined]
        assert [e["amount_mg"] for e in expired] == [320 * GRAM]


async def test_expiry_continues_in_bounded_batches(
    accounting: Accounting, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await with_old_grams(accounting, calendar) for _ in range(5)]
    monkeypatch.setattr(expiry, "_PEOPLE_MAX", 2)
    async with accounting.database.transaction() as session:
        arguments: dict[str, Any] = {"today": TODAY, "valid_years": VALID_YEARS, "time_zone": "Asia/Shanghai"}
        assert await expiry.expire_as_of(session, **arguments) == 2
    before = await calendar.announced_expiries(people[-1])
    await calendar.run()
    assert before[0][2] == 320 * GRAM
    assert {await available(accounting, person) for person in people} == {170 * GRAM}


async def test_the_citizen_reads_when_grams_expire(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    body = await accounting.get(person, "/me/expiries")
    expected = {"year": TODAY.year, "expires_on": f"{TODAY.year + 10}-12-31", "amount_mg": 150_000, "display": "150 克"}
    assert (body["valid_years"], body["items"]) == (10, [expected])
    answer = await accounting.get(person, "/me/expiries", **{"Accept-Language": "en"})
    assert str(answer["rule"]).startswith("Grams expire 10 years")
    assert (await accounting.get(await accounting.citizen(), "/me/expiries"))["items"] == []


async def test_grams_do_not_expire_with_zero_valid_years(accounting: Accounting, calendar: Calendar) -> None:
    person = await with_old_grams(accounting, calendar)
    async with accounting.database.transaction() as session:
        assert await expiry.expire_grams(session, valid_years=0, time_zone="Asia/Shanghai") == 0
    assert await calendar.announced_expiries(person, valid_years=0) == []
    async with accounting.database.transaction() as session:  # the worker's own entry, on the day of the database
        assert await expiry.expire_grams(session, valid_years=1, time_zone="Asia/Shanghai") > 0


async def test_the_database_refuses_a_second_expiry_of_a_day_and_a_rewritten_year(
    accounting: Accounting, calendar: Calendar
) -> None:
    await with_old_grams(accounting, calendar)
    await calendar.run()
    with pytest.raises(asyncpg.UniqueViolationError):
        await calendar.admin(
            "INSERT INTO accounting.posting (posting_id, kind, debit_account_id, credit_account_id, amount_mg,"
            " requested_by) SELECT gen_random_uuid(), kind, debit_account_id, credit_account_id, 1, requested_by"
            " FROM accounting.posting WHERE kind = 'expire'"
        )
    connection = await asyncpg.connect(accounting.settings.database_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE accounting.gram_year SET received_mg = 1")
    await connection.close()


async def test_the_check_finds_an_expiry_without_a_posting(accounting: Accounting, calendar: Calendar) -> None:
    await with_old_grams(accounting, calendar)
    await calendar.run()
    await calendar.admin("UPDATE accounting.gram_year SET expired_mg = expired_mg + 1 WHERE expired_mg > 0")
    figures = await accounting.check()
    assert (figures["ok"], figures["expired_differing"]) == (False, 1)
    await calendar.admin("UPDATE accounting.gram_year SET expired_mg = expired_mg - 1 WHERE expired_mg > 0")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 50)), max_size=30))
def test_one_number_per_year_equals_first_in_first_out_lots(steps: list[tuple[int, int]]) -> None:
    """Compare with separate lots. Amounts come in (positive) or are used (negative), and years pass."""
    lots: list[list[int]] = []
    year = received = balance = 0
    received_by: dict[int, int] = {}
    for years, amount in steps:
        for _ in range(years):
            received_by[year] = received
            year += 1
        if amount > 0:
            lots.append([year, amount])
            received, balance = received + amount, balance + amount
        use = min(-amount, balance) if amount < 0 else 0
        balance -= use
        for lot in lots:
            taken = min(lot[1], use)
            lot[1], use = lot[1] - taken, use - taken
    for end, received_mg in received_by.items():
        assert remaining_mg(balance, received - received_mg) == sum(mg for at, mg in lots if at <= end)

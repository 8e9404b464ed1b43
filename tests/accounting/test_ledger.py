"""The ledger's one way in: what a posting changes, what the chart refuses in code and in the database."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.ledger import chart
from services.accounting.ledger import service as ledger
from services.accounting.ledger.chart import CHART, Account, allowed_movements
from services.accounting.ledger.errors import MovementNotAllowed
from services.accounting.ledger.service import Posting
from shared.db import driver
from tests.accounting.driver import Accounting
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables

ISSUANCE = chart.issuance("WH-APP-BUS")
CREDITED_MG = 1_000


async def post(accounting: Accounting, *postings: Posting) -> None:
    async with accounting.database.transaction() as session:
        await ledger.post(await driver(session), postings)


def a_credit(account: Account, amount_mg: int = CREDITED_MG) -> Posting:
    return Posting("credit", ISSUANCE, account, amount_mg, "test")


async def balances(dsns: Dsns) -> dict[str, int]:
    """Balances by code, or by kind and owner where there is no code."""
    connection = await asyncpg.connect(dsns.admin)
    rows = await connection.fetch("SELECT coalesce(code, kind) AS name, balance_mg FROM accounting.ledger_account")
    await connection.close()
    return {row["name"]: row["balance_mg"] for row in rows}


@pytest.fixture
async def sound_again(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    """Postings of these tests have no activity behind them. They are gone before `accounting` checks the ledger."""
    yield
    await empty_tables(accounting_dsns, "accounting", keep=LIBRARY_TABLES)


@pytest.mark.usefixtures("sound_again")
class TestPosting:
    async def test_a_set_of_postings_changes_every_balance_it_names(
        self, accounting: Accounting, accounting_dsns: Dsns
    ) -> None:
        anna, hold = chart.person(uuid.uuid4()), chart.hold(uuid.uuid4())
        await post(accounting, a_credit(anna), a_credit(anna), a_credit(anna))
        await post(accounting, Posting("hold", anna, hold, 700, "test"))
        await post(accounting, Posting("capture", hold, chart.shared("redeemed:noodles"), 700, "test"))
        assert await balances(accounting_dsns) == {
            "issuance:WH-APP-BUS": -3_000, "person": 2_300, f"hold:{hold.account_id}": 0, "redeemed:noodles": 700
        }  # fmt: skip

    async def test_new_grams_repay_a_debt_first(self, accounting: Accounting, accounting_dsns: Dsns) -> None:
        anna, activity_id = chart.person(uuid.uuid4()), uuid.uuid4()
        await post(accounting, a_credit(anna)._replace(activity_id=activity_id))
        hold = chart.hold(uuid.uuid4())
        await post(accounting, Posting("hold", anna, hold, 600, "test"))
        async with accounting.database.transaction() as session:
            connection, shared_balances = await driver(session), ledger.SharedBalances()
            await ledger.lock_people(connection, [anna.account_id])
            await ledger.reverse_credit(
                connection, activity_id=activity_id, requested_by="test", shared_balances=shared_balances
            )
            await ledger.post_shared(connection, shared_balances)
        assert (await balances(accounting_dsns))["debt"] == -600
        await post(accounting, a_credit(anna, 250))
        found = await balances(accounting_dsns)
        assert (found["person"], found["debt"]) == (0, -350)
        await post(accounting, Posting("release", hold, anna, 600, "test"))
        found = await balances(accounting_dsns)
        assert (found["person"], found["debt"]) == (250, 0)

    async def test_a_movement_outside_the_chart_is_refused_before_anything_is_written(
        self, accounting: Accounting, accounting_dsns: Dsns
    ) -> None:
        anna, bert = chart.person(uuid.uuid4()), chart.person(uuid.uuid4())
        for kind in (*CHART, "gift"):
            with pytest.raises(MovementNotAllowed):
                await post(accounting, a_credit(anna), Posting(kind, anna, bert, 1, "test"))
        assert await balances(accounting_dsns) == {}

    async def test_an_overdraft_ends_the_transaction(self, accounting: Accounting, accounting_dsns: Dsns) -> None:
        anna = chart.person(uuid.uuid4())
        await post(accounting, a_credit(anna))
        with pytest.raises(asyncpg.CheckViolationError):
            await post(accounting, Posting("hold", anna, chart.hold(uuid.uuid4()), CREDITED_MG + 1, "test"))
        assert (await balances(accounting_dsns))["person"] == CREDITED_MG

    async def test_changes_of_shared_accounts_can_wait_for_the_end(
        self, accounting: Accounting, accounting_dsns: Dsns
    ) -> None:
        anna = chart.person(uuid.uuid4())
        async with accounting.database.transaction() as session:
            connection, shared_balances = await driver(session), ledger.SharedBalances()
            await ledger.post(connection, [a_credit(anna)], shared_balances=shared_balances)
            await ledger.post(connection, [a_credit(anna)], shared_balances=shared_balances)
            assert shared_balances == {"issuance:WH-APP-BUS": -2 * CREDITED_MG}
            await ledger.post_shared(connection, shared_balances)
        assert (await balances(accounting_dsns))["issuance:WH-APP-BUS"] == -2 * CREDITED_MG


INSERT = (
    "INSERT INTO accounting.posting"
    " (posting_id, kind, debit_account_id, credit_account_id, amount_mg, requested_by)"
    " VALUES (gen_random_uuid(), $1, $2, $3, 1, gen_random_uuid())"
)


@pytest.fixture
async def accounts_of_every_kind(accounting: Accounting, sound_again: None) -> dict[str, uuid.UUID]:
    """One existing account of each kind of the chart, and two people."""
    people = [chart.person(uuid.uuid4()) for _ in range(2)]
    home = chart.household(uuid.uuid4())
    hold = chart.hold(uuid.uuid4())
    async with accounting.database.transaction() as session:
        connection = await driver(session)
        await ledger.post(connection, [a_credit(person) for person in people])
        await ledger.post(connection, [a_credit(home), a_credit(chart.sub_account(people[0], "pending"))])
        await ledger.post(connection, [Posting("hold", people[0], hold, 500, "test")])
        await ledger.post(connection, [Posting("capture", hold, chart.shared("redeemed:a"), 100, "test")])
        await ledger.post(connection, [Posting("capture", hold, chart.shared("donated:b"), 100, "test")])
        await ledger.post(connection, [Posting("expire", people[1], chart.shared("expired:2020"), 100, "test")])
        await ledger.post(
            connection, [Posting("repayment", people[1], chart.sub_account(people[1], "debt"), 1, "test")]
        )
    found = {"person": people[0].account_id, "other_person": people[1].account_id, "household": home.account_id}
    found |= {kind: chart.sub_account(people[0], kind).account_id for kind in ("pending",)}
    found |= {"debt": chart.sub_account(people[1], "debt").account_id, "hold": hold.account_id}
    codes = ("redeemed:a", "donated:b", "expired:2020")
    return (
        found
        | {code.partition(":")[0]: chart.shared(code).account_id for code in codes}
        | {"issuance": ISSUANCE.account_id}
    )


@pytest.mark.parametrize("role", ["the service", "the owner of the tables"])
async def test_the_database_allows_exactly_the_movements_of_the_chart(
    accounting_dsns: Dsns, accounts_of_every_kind: dict[str, uuid.UUID], role: str
) -> None:
    """Every kind of posting between every two kinds of account, as a role that has the right to insert."""
    dsn = accounting_dsns.app("accounting") if role == "the service" else accounting_dsns.owner("accounting")
    allowed = set(allowed_movements())
    connection = await asyncpg.connect(dsn)
    try:
        for kind in (*CHART, "nonsense"):
            for debit, debit_id in accounts_of_every_kind.items():
                for credit, credit_id in accounts_of_every_kind.items():
                    if debit_id == credit_id:
                        continue
                    kinds = (kind, debit.removeprefix("other_"), credit.removeprefix("other_"))
                    assert await _accepted(connection, kind, debit_id, credit_id) == (kinds in allowed), kinds
    finally:
        await connection.close()


async def _accepted(
    connection: "asyncpg.Connection[asyncpg.Record]", kind: str, debit_id: uuid.UUID, credit_id: uuid.UUID
) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(INSERT, kind, debit_id, credit_id)
    except asyncpg.CheckViolationError as refusal:
        if refusal.constraint_name != "posting_rule":
            raise
        return False
    else:
        return True
    finally:
        await transaction.rollback()


async def test_the_database_refuses_a_posting_to_an_account_that_does_not_exist(
    accounting_dsns: Dsns, accounts_of_every_kind: dict[str, uuid.UUID]
) -> None:
    connection = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        assert not await _accepted(connection, "credit", accounts_of_every_kind["issuance"], uuid.uuid4())
        assert not await _accepted(connection, "credit", uuid.uuid4(), accounts_of_every_kind["person"])
    finally:
        await connection.close()


async def test_one_forbidden_posting_refuses_the_whole_statement(
    accounting_dsns: Dsns, accounts_of_every_kind: dict[str, uuid.UUID]
) -> None:
    issuance, person = accounts_of_every_kind["issuance"], accounts_of_every_kind["person"]
    other = accounts_of_every_kind["other_person"]
    rows = [(uuid.uuid4(), "credit", issuance, person, 1, "test") for _ in range(50)]
    rows.insert(25, (uuid.uuid4(), "credit", other, person, 1, "test"))
    columns = ("posting_id", "kind", "debit_account_id", "credit_account_id", "amount_mg", "requested_by")
    connection = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        before = await connection.fetchval("SELECT count(*) FROM accounting.posting")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.copy_records_to_table("posting", schema_name="accounting", columns=columns, records=rows)
        assert await connection.fetchval("SELECT count(*) FROM accounting.posting") == before
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounting.posting SET amount_mg = amount_mg",
        "DELETE FROM accounting.posting",
        "TRUNCATE accounting.posting",
        "DELETE FROM accounting.ledger_account",
        "TRUNCATE accounting.ledger_account",
        "UPDATE accounting.ledger_account SET kind = kind",
        "UPDATE accounting.ledger_account SET code = code",
        "UPDATE accounting.ledger_account SET account_id = account_id",
        "UPDATE accounting.ledger_account SET owner_id = owner_id",
    ],
)
async def test_not_even_the_owner_of_the_tables_changes_postings_or_the_identity_of_an_account(
    accounting_dsns: Dsns, statement: str
) -> None:
    connection = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_service_cannot_add_a_rule_to_the_chart(accounting_dsns: Dsns) -> None:
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        for statement in (
            "INSERT INTO accounting.posting_rule VALUES ('gift', 'person', 'person')",
            "UPDATE accounting.posting_rule SET kind = 'gift'",
            "DELETE FROM accounting.posting_rule",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_database_holds_the_chart_of_the_code(accounting_dsns: Dsns) -> None:
    connection = await asyncpg.connect(accounting_dsns.admin)
    rows = await connection.fetch("SELECT kind, debit_kind, credit_kind FROM accounting.posting_rule")
    await connection.close()
    assert {tuple(row) for row in rows} == set(allowed_movements())


async def test_a_crowd_of_movements_over_the_same_people_never_deadlocks(
    accounting: Accounting, accounting_dsns: Dsns, sound_again: None
) -> None:
    """Sets in any order, over few people: `post` locks them in one order by itself."""
    people = [chart.person(uuid.uuid4()) for _ in range(6)]
    chooser = random.Random(7)

    async def some_sets() -> None:
        for _ in range(15):
            await post(accounting, *(a_credit(person) for person in chooser.sample(people, 4)))

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(some_sets())
    assert (await balances(accounting_dsns))["issuance:WH-APP-BUS"] == -6 * 15 * 4 * CREDITED_MG


AMOUNTS = st.lists(st.integers(1, 10**12), min_size=1, max_size=20)


@given(AMOUNTS)
def test_the_changes_of_any_set_of_postings_add_up_to_zero(amounts_mg: list[int]) -> None:
    people = [chart.person(uuid.uuid4()) for _ in range(3)]
    changes = ledger._Changes()
    for place, amount_mg in enumerate(amounts_mg):
        owner = people[place % 3]
        changes.add([a_credit(owner, amount_mg), a_credit(chart.sub_account(owner, "pending"), amount_mg)])
        changes.add([Posting("hold", owner, chart.hold(uuid.uuid4()), amount_mg, "test")])
    total = sum(changes.credited_mg.values()) + sum(changes.balances_mg.values()) + sum(changes.shared_mg.values())
    assert total == 0
    assert sum(changes.credited_mg.values()) + sum(changes.lifetimes_mg.values()) == 2 * sum(amounts_mg)

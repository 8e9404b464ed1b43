"""What a superuser does to the ledger is found: by the verifier after a day is sealed, by the running check at once."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.accounting.checks import service as checks
from services.accounting.ledger import holds
from shared import clock
from shared.contracts.holds import HoldRequest
from tests.accounting.conftest import Accounting
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.proofs.test_bundles import a_bit_of_everything
from tests.accounting.reports import YESTERDAY, Reports
from tests.accounting.test_corrections import cancel
from tests.databases import Dsns


async def run(verify: Verifier, dsns: Dsns, *arguments: object) -> tuple[int, str]:
    return await verify.run("ledger", *arguments, env={"ACCOUNTING_DATABASE_URL": dsns.app("accounting")})


async def two_sealed_days(accounting: Accounting, days: Days) -> None:
    for ago in (3, 2):
        person = await accounting.citizen()
        await accounting.post(*(person.car(YESTERDAY - timedelta(days=n)) for n in range(4)))
        await days.shift(ago)
    assert len(await days.seal()) >= 2


INSERTED = (
    "INSERT INTO accounting.posting SELECT gen_random_uuid(), {at}, 'repayment', debit_account_id, credit_account_id,"
    " 5, NULL, NULL, NULL, 'nobody' FROM accounting.posting WHERE posting_id = $1"
)
# One milligram more, and the balances with it: every check of sums stays content.
RAISED = """WITH p AS (UPDATE accounting.posting SET amount_mg = amount_mg + 1 WHERE posting_id = $1 RETURNING *)
    UPDATE accounting.ledger_account a SET balance_mg = balance_mg
        + CASE WHEN a.account_id = p.credit_account_id THEN 1 ELSE -1 END
    FROM p WHERE a.account_id IN (p.credit_account_id, p.debit_account_id)"""
BEFORE_ALL = INSERTED.format(at="posted_at - interval '400 days'")
EDITS = [
    RAISED,
    "DELETE FROM accounting.posting WHERE posting_id = $1",
    INSERTED.format(at="posted_at"),
    BEFORE_ALL,
    "UPDATE accounting.posting SET credit_account_id = gen_random_uuid() WHERE posting_id = $1",
    "UPDATE accounting.posting SET posted_at = posted_at + interval '1 microsecond' WHERE posting_id = $1",
    "UPDATE accounting.posting SET requested_by = 'partner:other' WHERE posting_id = $1",
]


@pytest.mark.parametrize("edit", EDITS)
async def test_a_superusers_edit_of_one_row_is_found(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any, edit: str
) -> None:
    await two_sealed_days(accounting, days)
    if edit is RAISED:
        code, output = await run(verify, accounting_dsns)
        assert code == 0, output
    await admin.execute("CREATE TABLE accounting.kept AS SELECT * FROM accounting.posting")
    await admin.execute("CREATE TABLE accounting.kept_balances AS SELECT * FROM accounting.ledger_account")
    posting_id, posted_at = await admin.fetchrow(
        "SELECT posting_id, posted_at FROM accounting.posting ORDER BY posting_id OFFSET 2 LIMIT 1"
    )
    await admin.execute(edit, posting_id)
    try:
        code, output = await run(verify, accounting_dsns)
        assert code == 1, output
        assert "账目被改动" in output or "首个封存日之前" in output, output
        if edit is not BEFORE_ALL:
            assert str(posted_at)[:19] in output  # where to look
        if "INSERT" not in edit:  # what is still there as it was can still be proved
            activity = await admin.fetchval("SELECT activity_id FROM accounting.kept WHERE posting_id = $1", posting_id)
            answer = await accounting.client.get(f"/api/v1/accounting/public/proofs/{activity}")
            assert (answer.status_code, answer.json()["code"]) in {(500, "SEAL_BROKEN"), (404, "CREDIT_NOT_FOUND")}
    finally:
        await admin.execute("TRUNCATE accounting.posting, accounting.ledger_account")
        await admin.execute("INSERT INTO accounting.posting SELECT * FROM accounting.kept")
        await admin.execute("INSERT INTO accounting.ledger_account SELECT * FROM accounting.kept_balances")
        await admin.execute("DROP TABLE accounting.kept, accounting.kept_balances")


async def test_rewritten_digests_differ_from_those_saved_elsewhere(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any
) -> None:
    """Who may change everything can seal everything anew; a copy of the digests that someone else kept tells."""
    await two_sealed_days(accounting, days)
    answer = await accounting.client.get("/api/v1/accounting/public/digests")
    saved = verify.save("digests.json", json.dumps(answer.json()))
    assert (await run(verify, accounting_dsns, "--digests", saved))[0] == 0
    await admin.execute("TRUNCATE accounting.daily_digest, accounting.digest_block")
    await admin.execute("UPDATE accounting.posting SET requested_by = 'partner:other'")
    await days.seal()
    assert (await run(verify, accounting_dsns))[0] == 0
    code, output = await run(verify, accounting_dsns, "--digests", saved)
    assert code == 1
    assert "以前保存的摘要不同" in output


async def test_a_database_that_does_not_answer_is_told_plainly(verify: Verifier) -> None:
    code, output = await verify.run("ledger", "--database-url", "postgresql://nobody@127.0.0.1:1/nothing")
    assert (code, "Traceback" in output, "cannot be read" in output) == (2, False, True), output


async def increment(accounting: Accounting) -> float:
    async with accounting.database.transaction() as session:
        await checks.check_increment(session)
    return REGISTRY.get_sample_value("carbon_ledger_drift_mg") or 0.0


async def settle(admin: Any) -> None:
    """The check looks at what is a second old; here a second passes at once."""
    await admin.execute("UPDATE accounting.posting SET posted_at = posted_at - interval '2 seconds'")
    await admin.execute("UPDATE accounting.ledger_account SET created_at = created_at - interval '2 seconds'")
    await admin.execute(
        "UPDATE accounting.ledger_check_state SET checked_before = checked_before - interval '2 seconds',"
        " began_at = began_at - interval '2 seconds'"
    )


async def checked_accounts(admin: Any) -> int:
    return int(await admin.fetchval("SELECT count(*) FROM accounting.ledger_checkpoint"))


async def test_a_planted_drift_raises_the_gauge_until_it_is_mended(accounting: Accounting, admin: Any) -> None:
    assert await increment(accounting) == 0
    person = await accounting.citizen()
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=6)))
    await settle(admin)
    assert await increment(accounting) == 0
    assert await checked_accounts(admin) == 2

    plant = "UPDATE accounting.ledger_account SET balance_mg = balance_mg + $1 WHERE account_id = $2"
    await admin.execute(plant, 700, person.account_id)
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=9)))
    await settle(admin)
    assert await increment(accounting) == 700
    assert await increment(accounting) == 700  # also when nobody touches the account again
    await admin.execute(plant, -700, person.account_id)
    assert await increment(accounting) == 0


async def test_increments_agree_through_everything_that_moves_grams(accounting: Accounting, admin: Any) -> None:
    assert await increment(accounting) == 0
    person = await accounting.citizen()
    ride = person.car()
    for step in range(4):
        if step == 0:
            await accounting.post(ride, person.bus())
        if step == 1:
            await place_hold(accounting, person, amount_mg=ride_mg(await accounting.get(person, "/me/balance")))
        if step == 2:
            await accounting.post(cancel(person, ride))
            await accounting.release()
        if step == 3:
            await accounting.post(*(person.metro(YESTERDAY + timedelta(hours=h)) for h in (7, 9)))
        assert await increment(accounting) == 0  # what is just being posted is not compared yet
        await settle(admin)
        assert await increment(accounting) == 0
    assert await checked_accounts(admin) >= 5  # person, two methodologies or more, the hold, the debt


def ride_mg(balance: dict[str, Any]) -> int:
    return int(balance["available_mg"])


async def place_hold(accounting: Accounting, person: Reports, *, amount_mg: int) -> None:
    async with accounting.database.transaction() as session:
        await holds.place_hold(
            session,
            request=HoldRequest(
                hold_id=uuid.uuid4(),
                account_id=person.account_id,
                amount_mg=amount_mg,
                purpose="order:test",
                expires_at=clock.now() + timedelta(hours=1),
            ),
            caller="rewards",
        )


async def test_an_auditors_checks_are_those_of_the_operator_without_the_services_time_limit(
    accounting: Accounting,
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    async with accounting.database.transaction() as session:
        figures = {name: figure async for name, figure in checks.check_each(session)}
        assert await session.scalar(text("SHOW statement_timeout")) == "30min"
    async with accounting.database.transaction() as session:
        assert await checks.check_all(session) == figures
        assert await session.scalar(text("SHOW statement_timeout")) == "30s"


async def test_balances_and_caps_rebuild_to_what_is_stored(accounting: Accounting, admin: Any) -> None:
    person = await a_bit_of_everything(accounting)
    await place_hold(accounting, person, amount_mg=100_000)

    async def rebuilt() -> list[checks.Difference]:
        async with accounting.database.transaction() as session:
            return await checks.list_differences(session)

    assert await rebuilt() == []
    await admin.execute("UPDATE accounting.ledger_account SET balance_mg = balance_mg + 5 WHERE kind = 'hold'")
    await admin.execute("UPDATE accounting.cap_usage SET amount_mg = amount_mg + 7")
    differences = await rebuilt()
    caps = await admin.fetchval("SELECT count(*) FROM accounting.cap_usage")
    assert [d.stored_mg - d.rebuilt_mg for d in differences] == [5] + [7] * caps
    await admin.execute("UPDATE accounting.ledger_account SET balance_mg = balance_mg - 5 WHERE kind = 'hold'")
    await admin.execute("UPDATE accounting.cap_usage SET amount_mg = amount_mg - 7")
    assert await rebuilt() == []

"""Erasure in accounting: personal rows go, the ledger balances, sealed days and proofs hold, late facts are refused."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.accounting.bindings import service as bindings
from services.accounting.claims.service import Claim, declare_act
from services.accounting.decoders import BINDINGS
from services.accounting.erased_accounts.errors import AccountErased
from services.accounting.erasures import service as erasures
from services.accounting.proofs import rechecking
from services.accounting.proofs.schemas import Bundle, Proof
from services.accounting.proofs.verification import check_bundle, check_proof
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.erasures.conftest import Erasures
from tests.accounting.families.test_family_spends import card_of
from tests.accounting.holds import Holds
from tests.accounting.households.homes import Home, handle_facts
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.proofs.test_ledger_verifier import run
from tests.accounting.proofs.test_proofs import public
from tests.accounting.reports import PARTNER, YESTERDAY, as_records, cancel
from tests.databases import Dsns

Admin = Any


async def findings(accounting: Accounting) -> list[str]:
    async with accounting.database.transaction() as session:
        return [finding.text.zh async for day in rechecking.check_days(session) for finding in day.findings]


async def test_personal_rows_go_and_the_ledger_balances(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    anna, ben = await accounting.citizen(), await accounting.citizen()
    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=hour)) for person in (anna, ben) for hour in (7, 9)))
    available = (await accounting.get(anna, "/me/balance"))["available_mg"]
    assert available
    await erasures_of.run(anna)
    [answer] = await erasures_of.answers()
    assert answer.account_id == anna.account_id
    assert answer.rows == 3
    assert len(await erasures_of.erased_events()) == 2
    assert (await accounting.get(anna, "/me/balance"))["available_mg"] == 0
    acts = await admin.fetch("SELECT account_id, act FROM accounting.activity")
    assert {row["account_id"] for row in acts if row["act"] is None} == {anna.account_id}
    assert sum(row["act"] is not None for row in acts) == 2
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding WHERE account_id = $1", anna.account_id) == 0
    assert (
        await admin.fetchval("SELECT balance_mg FROM accounting.ledger_account WHERE code = 'withdrawn:erasure'")
        == available
    )
    task = await admin.fetchrow("SELECT * FROM accounting.erasure_task")
    assert task["user_id"] is None
    assert task["done_at"] is not None
    assert anna.user_id.hex not in json.dumps([str(tuple(row)) for row in acts])
    assert (await accounting.check())["ok"]


async def test_sealed_days_and_the_proofs_that_others_hold_still_verify(
    accounting: Accounting, erasures_of: Erasures, days: Days, verify: Verifier, admin: Admin, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=hour)) for hour in range(7, 13)))
    await days.shift(3)
    await days.seal()
    page: Any = await accounting.get(person, "/me/activities?status=credited")
    activity_id = page["items"][0]["activity_id"]
    bundle = await accounting.get(person, f"/me/activities/{activity_id}/bundle")
    held = await public(accounting, f"/proofs/{activity_id}")
    await erasures_of.run(person)
    assert await findings(accounting) == []
    assert await public(accounting, f"/proofs/{activity_id}") == held
    assert all(check.ok for check in check_proof(Proof.model_validate(held)))
    assert all(check.ok for check in check_bundle(Bundle.model_validate(bundle)))
    # Also with the command of auditors, which reads the database in a process of its own.
    code, output = await run(verify, accounting_dsns)
    assert code == 0, output
    # The seal still finds an edit of the verdict of an erased person.
    await admin.execute("UPDATE accounting.activity SET amount_mg = amount_mg + 1 WHERE status = 'credited'")
    assert await findings(accounting) != []
    await admin.execute("UPDATE accounting.activity SET amount_mg = amount_mg - 1 WHERE status = 'credited'")


async def test_late_events_are_refused_without_a_trace_of_the_person(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    person = await accounting.citizen()
    ride = person.bus(YESTERDAY + timedelta(hours=7))
    await accounting.post(ride)
    old_binding = person.bindings[PARTNER]
    await erasures_of.run(person)
    balance = await accounting.get(person, "/me/balance")
    late = person.bus(YESTERDAY + timedelta(hours=9))
    async with accounting.database.transaction() as session:  # the record of the binding arrives after the erasure
        await bindings.handle_bindings(session, decoded(as_records([old_binding]), BINDINGS).items)
    await accounting.post(late, cancel(person, ride))
    await accounting.release()
    assert await accounting.get(person, "/me/balance") == balance
    assert await admin.fetchval("SELECT count(*) FROM accounting.binding") == 0
    row = await admin.fetchrow("SELECT * FROM accounting.activity WHERE activity_id = $1", late.event_key)
    assert row["status"] == "parked"
    assert row["account_id"] is None
    assert await admin.fetchval("SELECT status FROM accounting.activity WHERE activity_id = $1", ride.event_key) == (
        "credited"
    )
    assert (
        await admin.fetchval("SELECT status || ' ' || reason_code FROM accounting.correction") == "refused NO_BINDING"
    )


async def test_an_erased_account_claims_nothing(accounting: Accounting, erasures_of: Erasures) -> None:
    person = await accounting.citizen()
    await erasures_of.run(person)
    programme = await accounting.programme()
    with pytest.raises(AccountErased):
        async with accounting.database.transaction() as session:
            await declare_act(
                session,
                account_id=person.account_id,
                claim=Claim(scene="own_bag", count=1),
                request_id="late",
                programme=programme,
            )


async def test_an_open_hold_ends_first_and_pending_grams_are_withdrawn_when_they_vest(
    accounting: Accounting, erasures_of: Erasures, holds: Holds, vesting_bus: None, admin: Admin
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus(), person.slow_bus())
    placed = await holds.place(person, 1000)
    assert placed.status_code == 201, placed.text
    await erasures_of.run(person)
    assert await erasures_of.answers() == []
    assert await admin.fetchval("SELECT waits_for FROM accounting.erasure_task") == "hold"
    voided = await holds.call("POST", f"/{placed.json()['hold_id']}/void")
    assert voided.status_code == 200, voided.text
    await erasures_of.hurry()
    await erasures_of.step()
    assert len(await erasures_of.answers()) == 1
    pending = (await accounting.get(person, "/me/balance"))["pending_mg"]
    assert pending
    await admin.execute("UPDATE accounting.vesting SET due_at = now()")
    await accounting.release()
    async with accounting.database.transaction() as session:
        await erasures.withdraw_late_grams(session, older_than_s=0)
    after = await accounting.get(person, "/me/balance")
    assert (after["available_mg"], after["pending_mg"]) == (0, 0)
    assert await admin.fetchval("SELECT count(*) FROM accounting.erased_balance") == 0


async def test_a_step_erases_a_bounded_number_of_rows_however_much_people_did(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    """One transaction for all acts of twenty people would hold their locks for seconds."""
    people = [await accounting.citizen() for _ in range(3)]
    for person in people:
        rides = [person.bus(YESTERDAY - timedelta(days=day, hours=-8)) for day in range(erasures.ROWS_MAX // 2)]
        await accounting.post(*rides)
    await erasures_of.ask(*people)
    left = "SELECT count(*) FROM accounting.activity WHERE act IS NOT NULL"
    before, steps = await admin.fetchval(left), 0
    while await erasures_of.step():
        now = await admin.fetchval(left)
        assert before - now <= erasures.ROWS_MAX
        before, steps = now, steps + 1
    assert steps > 1
    assert len(await erasures_of.answers()) == len(people)


async def test_a_question_asked_again_is_answered_again(accounting: Accounting, erasures_of: Erasures) -> None:
    person = await accounting.citizen()
    await erasures_of.run(person)
    await erasures_of.ask(person)
    first, second = await erasures_of.answers()
    assert (first.account_id, first.rows) == (second.account_id, second.rows)


async def test_a_task_waits_until_no_transaction_knows_the_bindings(
    accounting: Accounting, erasures_of: Erasures
) -> None:
    person = await accounting.citizen()
    await erasures_of.ask(person)
    await erasures_of.step(quiet_s=30)
    await erasures_of.hurry()
    await erasures_of.step(quiet_s=30)
    assert await erasures_of.answers() == []
    await erasures_of.hurry()
    await erasures_of.step(quiet_s=0)
    assert len(await erasures_of.answers()) == 1


async def test_nobody_changes_or_removes_the_marks_of_an_erasure(accounting_dsns: Dsns) -> None:
    connection = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        for statement in (
            "DELETE FROM accounting.erasure_task",
            "UPDATE accounting.erased_act SET act_kind = 'x'",
            "DELETE FROM accounting.erased_act",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_late_facts_of_households_and_cards_name_no_erased_person(
    accounting: Accounting, erasures_of: Erasures, admin: Admin
) -> None:
    gone, ben, holder = [await accounting.citizen() for _ in range(3)]
    own, others = card_of(gone, ben, 1000), card_of(holder, gone, 1000)
    home = Home(accounting)
    await home.enter(gone)
    assert await handle_facts(accounting, own, others) == 0
    await erasures_of.run(gone)
    assert await admin.fetchval("SELECT count(*) FROM accounting.household_member") == 0
    assert await handle_facts(accounting, *home.stays.values(), own, card_of(holder, gone, 1000, version=2)) == 0
    assert await admin.fetchval("SELECT count(*) FROM accounting.household_member") == 0
    [card] = await admin.fetch("SELECT account_id, proxy_account_id, version FROM accounting.family_card")
    assert tuple(card) == (holder.account_id, None, 2)

"""Reversals and unfreezes over HTTP as proposals: decided by a second person, withdrawn, expired, audited."""

import asyncpg
import pytest

from services.accounting.approvals import service as approvals
from services.accounting.corrections import service as corrections
from shared.errors import Unavailable
from tests.accounting.driver import Accounting
from tests.accounting.operators import WHY, LedgerOperators, refusal
from tests.databases import Dsns


async def test_b12_rejecting_a_reversal_is_written_to_the_audit_log(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    assert (await ledger_operators.call("bob", f"/reversals/{proposal}/reject")).json()["status"] == "rejected"
    trail = await ledger_operators.trail(ride.event_key)
    assert [(entry["action"], entry["subject"]) for entry in trail] == [
        ("reversal.reject", "bob"),
        ("reversal.propose", "ann"),
    ]


async def test_the_proposers_rejection_is_a_withdrawal_shown_as_rejected(
    accounting: Accounting, accounting_dsns: Dsns, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    await ledger_operators.call("ann", f"/accounts/{person.account_id}/freeze", WHY)
    proposed = (await ledger_operators.call("ann", f"/accounts/{person.account_id}/unfreeze", WHY)).json()
    answer = (await ledger_operators.call("ann", f"/unfreezes/{proposed['proposal_id']}/reject")).json()
    assert (answer["status"], answer["decided_by"]) == ("rejected", "ann")
    assert (await ledger_operators.trail(person.account_id))[0]["action"] == "unfreeze.withdraw"
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        assert await connection.fetchval("SELECT status FROM accounting.approval") == "withdrawn"
    finally:
        await connection.close()


_SAME = (409, "SECOND_PERSON_NEEDED")
# No identity has such a subject, so its token is refused at the door.
_NOBODY = (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("same", "expected"),
    [
        ("ann", _SAME),
        ("Ann", _SAME),
        (" ann ", _NOBODY),
        ("ＡＮＮ", _NOBODY),
        ("a\u200bnn", _NOBODY),
        ("\u0430nn", _NOBODY),
    ],
)
async def test_b11_the_proposer_in_another_spelling_cannot_approve_a_reversal(
    accounting: Accounting, ledger_operators: LedgerOperators, same: str, expected: tuple[int, str]
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    assert refusal(await ledger_operators.call(same, f"/reversals/{proposal}/approve")) == expected
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000


async def test_an_activity_in_two_spellings_has_one_open_reversal(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    await ledger_operators.propose_reversal("ann", ride.event_key)
    path = f"/activities/{str(ride.event_key).upper()}/reversals"
    assert refusal(await ledger_operators.call("bob", path, WHY)) == (409, "PROPOSAL_OPEN")


async def test_a_proposal_that_nobody_decides_expires(
    accounting: Accounting, accounting_dsns: Dsns, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        await connection.execute("UPDATE accounting.approval SET expires_at = now() - interval '1 second'")
    finally:
        await connection.close()
    assert refusal(await ledger_operators.call("bob", f"/reversals/{proposal}/approve")) == (409, "PROPOSAL_DECIDED")
    async with accounting.database.transaction() as session:
        await approvals.expire(session)
    assert (await ledger_operators.call("bob", "/reversals", method="GET")).json()["items"] == []
    entry = (await ledger_operators.trail(ride.event_key))[0]
    assert (entry["action"], entry["subject"]) == ("reversal.expire", "~expiry")
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000
    again = await ledger_operators.propose_reversal("bob", ride.event_key)
    assert (await ledger_operators.call("ann", f"/reversals/{again}/approve")).status_code == 200


async def test_a_reversal_that_fails_leaves_its_proposal_open(
    accounting: Accounting, ledger_operators: LedgerOperators, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    proposal = await ledger_operators.propose_reversal("ann", ride.event_key)

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(corrections, "reverse_activity", fail)
        assert refusal(await ledger_operators.call("bob", f"/reversals/{proposal}/approve")) == (503, "UNAVAILABLE")
    assert [entry["action"] for entry in await ledger_operators.trail(ride.event_key)] == ["reversal.propose"]
    assert (await ledger_operators.call("bob", f"/reversals/{proposal}/approve")).status_code == 200


async def test_the_services_role_cannot_rewrite_proposals_or_the_audit_log(
    accounting: Accounting, accounting_dsns: Dsns, ledger_operators: LedgerOperators
) -> None:
    person = await accounting.citizen()
    await ledger_operators.call("ann", f"/accounts/{person.account_id}/freeze", WHY)
    await ledger_operators.call("ann", f"/accounts/{person.account_id}/unfreeze", WHY)
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        for statement in (
            "UPDATE accounting.audit_log SET reason = 'x'",
            "DELETE FROM accounting.audit_log",
            "UPDATE accounting.approval SET proposed_by = 'x'",
            "UPDATE accounting.approval SET kind = 'x'",
            "UPDATE accounting.approval SET subject = 'x'",
            "UPDATE accounting.approval SET content = '{}'",
            "UPDATE accounting.approval SET reason = 'x'",
            "UPDATE accounting.approval SET expires_at = now()",
            "INSERT INTO accounting.approval (status) VALUES ('approved')",
            "DELETE FROM accounting.approval",
            "TRUNCATE accounting.approval",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE accounting.approval SET status = 'approved', decided_by = proposed_by")
    finally:
        await connection.close()

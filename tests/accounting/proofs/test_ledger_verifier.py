"""The verifier finds every change that a superuser makes to a sealed ledger."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.seals.signer import DigestSigner
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.reports import YESTERDAY
from tests.databases import Dsns


async def run(verify: Verifier, dsns: Dsns, *arguments: object) -> tuple[int, str]:
    return await verify.run("ledger", *arguments, env={"ACCOUNTING_DATABASE_URL": dsns.app("accounting")})


async def two_sealed_days(accounting: Accounting, days: Days, signer: DigestSigner | None = None) -> None:
    for ago in (3, 2):
        person = await accounting.citizen()
        await accounting.post(*(person.car(YESTERDAY - timedelta(days=n)) for n in range(4)))
        await days.shift(ago)
    assert len(await days.seal(signer)) >= 2


INSERTED = (
    "INSERT INTO accounting.posting SELECT gen_random_uuid(), {at}, 'repayment', debit_account_id, credit_account_id,"
    " 5, NULL, NULL, NULL, 'nobody' FROM accounting.posting WHERE posting_id = $1"
)
# One milligram more, also in the balances, so every check of sums still passes.
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
            assert str(posted_at)[:19] in output  # the time of the changed posting
        if "INSERT" not in edit:  # unchanged postings can still be proved
            activity = await admin.fetchval("SELECT activity_id FROM accounting.kept WHERE posting_id = $1", posting_id)
            answer = await accounting.client.get(f"/api/v1/accounting/public/proofs/{activity}")
            assert (answer.status_code, answer.json()["code"]) in {(500, "SEAL_BROKEN"), (404, "CREDIT_NOT_FOUND")}
    finally:
        await admin.execute("TRUNCATE accounting.posting, accounting.ledger_account")
        await admin.execute("INSERT INTO accounting.posting SELECT * FROM accounting.kept")
        await admin.execute("INSERT INTO accounting.ledger_account SELECT * FROM accounting.kept_balances")
        await admin.execute("DROP TABLE accounting.kept, accounting.kept_balances")


async def test_rewritten_digests_differ_from_saved_copies(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any
) -> None:
    """A superuser can change and seal everything again. Digests that someone else saved reveal it."""
    await two_sealed_days(accounting, days)
    answer = await accounting.client.get("/api/v1/accounting/public/digests")
    saved = verify.save("digests.json", json.dumps(answer.json()))
    assert (await run(verify, accounting_dsns, "--digests", saved))[0] == 0
    await admin.execute("TRUNCATE accounting.daily_digest, accounting.digest_block, accounting.activity_block")
    await admin.execute("UPDATE accounting.posting SET requested_by = 'partner:other'")
    await days.seal()
    assert (await run(verify, accounting_dsns))[0] == 0
    code, output = await run(verify, accounting_dsns, "--digests", saved)
    assert code == 1
    assert "以前保存的摘要不同" in output


async def test_an_unreachable_database_ends_with_exit_code_2_and_no_traceback(verify: Verifier) -> None:
    code, output = await verify.run("ledger", "--database-url", "postgresql://nobody@127.0.0.1:1/nothing")
    assert (code, "Traceback" in output, "cannot be read" in output) == (2, False, True), output

"""Rows that not even the owner of the tables may change or remove."""

import asyncpg
import pytest

from tests.accounting.driver import Accounting
from tests.databases import Dsns

REFUSED = [
    f"{statement} accounting.{table}{rest}"
    for table in (
        "posting",
        "audit_log",
        "daily_digest",
        "digest_block",
        "activity",
        "hold",
        "approval",
        "factor",
        "mended_report",
        "methodology_version",
        "methodology_draft",
        "gram_year",
        "capture_target",
    )
    for statement, rest in (("TRUNCATE", ""), ("TRUNCATE", " CASCADE"), ("DELETE FROM", ""))
] + [
    "UPDATE accounting.posting SET amount_mg = amount_mg",
    "UPDATE accounting.audit_log SET reason = reason",
    "UPDATE accounting.daily_digest SET day = day",
    "UPDATE accounting.digest_block SET day = day",
    "UPDATE accounting.factor SET sha256 = sha256",
    "UPDATE accounting.mended_report SET fields = fields",
    "UPDATE accounting.capture_target SET title_zh = title_zh",
    "TRUNCATE accounting.ledger_account",
]


@pytest.mark.parametrize("statement", REFUSED)
async def test_b9_the_owner_cannot_change_or_remove_permanent_rows(
    accounting: Accounting, accounting_dsns: Dsns, statement: str
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    owner = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is not allowed"):
            await owner.execute(statement)
    finally:
        await owner.close()

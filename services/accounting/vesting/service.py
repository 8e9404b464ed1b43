"""Vesting: a credit of a methodology with `vesting_days` waits in the pending account of its owner.

The days run from the time at which the log accepted the act. They give the partner time for corrections. Then a timed
job makes the credit available.
"""

from typing import Any

from services.accounting.bindings import service as bindings
from services.accounting.households import service as households
from services.accounting.judging.stored import from_row
from services.accounting.ledger import chart
from services.accounting.ledger import service as ledger
from services.accounting.ledger.service import Posting
from services.accounting.posting import status_changes
from services.accounting.posting.closing import Programme, closing
from services.accounting.posting.domain import ReplacedVerdict, Verdict, report_of_activity
from services.accounting.posting.effects import credited_account
from shared.db import Session, driver

# One run holds its locks for some hundred milliseconds. The next run, a second later, takes the rest.
_VEST_MAX = 1000


async def vest_due(session: Session, *, programme: Programme) -> int:
    """Make due credits available. Return their number. Timed job."""
    rows = await status_changes.due_credits(session, _VEST_MAX)
    if not rows:
        return 0
    connection = await driver(session)
    people = {row["account_id"] for row in rows}
    holders = [credited_account(from_row(row)) for row in rows]
    await ledger.lock_people(connection, people)
    await households.lock_subjects(connection, {holder.account_id for holder in holders} - people)
    movements = [
        Posting(
            "vest",
            chart.sub_account(holder, "pending"),
            holder,
            row["amount_mg"],
            "accounting:vesting",
            row["activity_id"],
        )
        for row, holder in zip(rows, holders, strict=True)
    ]
    keys = await bindings.account_keys_of(connection, {(row["partner_id"], row["account_id"]) for row in rows})
    async with closing(session, programme) as closed:
        await ledger.post(connection, movements, shared_balances=closed.shared_balances, locked=True)
        await status_changes.mark_available(session, rows)
        await closed.add([_available(row, keys.get((row["partner_id"], row["account_id"]), "")) for row in rows])
    return len(rows)


def _available(row: Any, account_key: str) -> Verdict:
    """Return the next verdict on an activity: the same judgement, now credited."""
    report = report_of_activity(row, account_key)
    verdict = Verdict(report, "credited", judgement=from_row(row), sequence=row["sequence"] + 1)
    verdict.replaces = ReplacedVerdict("pending", row["reason_code"], row["amount_mg"])
    return verdict

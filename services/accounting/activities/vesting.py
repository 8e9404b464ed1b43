"""Vesting: a credit of a methodology with `vesting_days` waits on the person's pending account until the partner's time
for corrections is over, counted from when the log accepted the act; then a timed job makes it available.
"""

import uuid
from collections import defaultdict
from typing import Any

from services.accounting.activities import homes, posting, vesting_repository
from services.accounting.activities.domain import from_row
from services.accounting.activities.posting import Closing, Programme
from services.accounting.activities.posting_repository import lock_people
from services.accounting.activities.verdicts import Earlier, Verdict, as_reported
from services.accounting.activities.vesting_repository import VestRow
from services.accounting.ledger.domain import sub_account_id
from shared.db import Session, driver
from shared.ids import new_id

# One run's locks are held for some hundred milliseconds; what is left comes with the next run, a second later.
_VEST_MAX = 1000


async def vest_due(session: Session, *, programme: Programme) -> int:
    """Timed job: makes due credits available, debts repaid first; returns how many."""
    connection = await driver(session)
    rows = await vesting_repository.due(connection, _VEST_MAX)
    if not rows:
        return 0
    holders_mg: dict[uuid.UUID, int] = defaultdict(int)
    holders = []
    for row in rows:
        holder_id = from_row(row).holder_id
        assert holder_id is not None  # a credit is somebody's
        holders.append(holder_id)
        holders_mg[holder_id] += row["amount_mg"]
    people = {row["account_id"] for row in rows}
    await lock_people(connection, sorted(people))
    await homes.lock(connection, holders_mg.keys() - people)
    await vesting_repository.vest(
        connection,
        [
            VestRow(
                new_id(),
                row["activity_id"],
                sub_account_id(holder_id, "pending"),
                holder_id,
                row["amount_mg"],
            )
            for row, holder_id in zip(rows, holders, strict=True)
        ],
    )
    await posting.repay_debts(connection, holders_mg)
    keys = await vesting_repository.account_keys_of(
        connection, sorted({(row["partner_id"], row["account_id"]) for row in rows})
    )
    verdicts = [_available(row, keys.get((row["partner_id"], row["account_id"]), "")) for row in rows]
    closing = Closing()
    await closing.add(verdicts, {})
    await posting.close(session, closing, programme=programme)
    return len(rows)


def _available(row: Any, account_key: str) -> Verdict:
    """The activity's next verdict: the same judgement, now credited."""
    verdict = Verdict(
        as_reported(row, account_key),
        "credited",
        judgement=from_row(row),
        sequence=row["sequence"] + 1,
    )
    verdict.replaces = Earlier("pending", row["reason_code"], row["amount_mg"])
    return verdict

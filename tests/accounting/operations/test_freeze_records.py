"""Freezes and their ends are on a topic, so that accounts can tell the owner."""

import msgspec

from shared.contracts import topics
from shared.contracts.freezes_v1 import FreezeChanged
from tests.accounting.driver import Accounting
from tests.accounting.operators import WHY, LedgerOperators, refusal
from tests.accounting.outbox import records_of
from tests.cloud_events import read_event
from tests.databases import Dsns


async def freezes(dsns: Dsns) -> list[FreezeChanged]:
    """Return the freezes in the outbox, in order."""
    found = []
    for topic, key, value, headers in await records_of(dsns, topics.FREEZES):
        read_event(topic, key, value, headers)
        change = msgspec.json.decode(value, type=FreezeChanged)
        assert key == str(change.account_id).encode()
        found.append(change)
    return found


async def test_a_freeze_and_its_end_are_published_once_each(
    accounting: Accounting, ledger_operators: LedgerOperators, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    path, body = f"/accounts/{person.account_id}", {**WHY, "reason_code": "partner_report"}
    assert (await ledger_operators.call("ann", f"{path}/freeze", body)).status_code == 200
    assert refusal(await ledger_operators.call("bob", f"{path}/freeze", body)) == (409, "ACCOUNT_FROZEN")
    [frozen] = await freezes(accounting_dsns)
    assert (frozen.account_id, frozen.frozen, frozen.reason) == (person.account_id, True, "partner_report")
    state = await accounting.get(person, "/me/balance")
    assert state["frozen"] is True
    proposed = (await ledger_operators.call("ann", f"{path}/unfreeze", WHY)).json()
    assert len(await freezes(accounting_dsns)) == 1, "a proposal ends nothing"
    approved = await ledger_operators.call("bob", f"/unfreezes/{proposed['proposal_id']}/approve")
    assert approved.status_code == 200
    _, ended = await freezes(accounting_dsns)
    assert (ended.account_id, ended.frozen, ended.reason) == (person.account_id, False, None)
    assert ended.changed_at > frozen.changed_at

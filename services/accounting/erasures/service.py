"""Timed jobs of erasure, in bounded steps, and the consumer of `accounts.erasures.v1`.

Locks as everywhere: activities first, then people. A step skips activities that another transaction holds and takes
them later. A task ends QUIET_S after its first step: by then no transaction is left that saw the person's bindings.
"""

import uuid
from datetime import timedelta
from typing import Final

from services.accounting.database import SCHEMA
from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.erased_accounts.service import TASKS
from services.accounting.ledger import service as ledger
from services.accounting.personal_data import TABLES
from services.accounting.posting import versions
from shared.contracts.erasures_v1 import EVENTS_MAX, ErasureAsked
from shared.db import Session, driver
from shared.erasing import Task
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

# Longer than any transaction of posting may last.
QUIET_S: Final = 30
TASKS_MAX: Final = 20
_ROWS_MAX: Final = EVENTS_MAX
_AGAIN: Final = timedelta(seconds=5)
_AGAIN_AFTER_HOLD: Final = timedelta(minutes=1)
_LOOK_AGAIN_S: Final = 3600
_BALANCES_MAX: Final = 50
_ROWS: Final = PersonalRows(SCHEMA, TABLES)
# Acts are cleared by their own room, which keeps what the seals need.
_ELSEWHERE: Final = frozenset({"activity"})


async def handle_asked(session: Session, items: Items[ErasureAsked], *, topic: str) -> None:
    """Store new tasks, and answer again those that are done."""
    await TASKS.receive(session, [asked for _, asked in items], topic=topic)


async def erase_due(session: Session, *, topic: str, quiet_s: int = QUIET_S) -> int:
    """Work on up to TASKS_MAX tasks, one bounded step each. Return how many rows were erased."""
    tasks = await TASKS.next_tasks(session, limit=TASKS_MAX, quiet=timedelta(seconds=quiet_s))
    cleared: dict[uuid.UUID, int] = {}
    for task in tasks:
        keys = await versions.erase_acts(session, account_id=task.account_id, limit=_ROWS_MAX)
        cleared[task.account_id] = len(keys)
        if keys:
            await TASKS.publish_events(session, task, keys, topic=topic)
    if tasks:
        await ledger.lock_people(await driver(session), [task.account_id for task in tasks])
    total = 0
    for task in tasks:
        total += await _step(session, task, cleared[task.account_id], topic)
    return total


async def _step(session: Session, task: Task, cleared: int, topic: str) -> int:
    ids = PersonIds(user_id=task.user_id, account_id=task.account_id)
    rows = cleared + await _ROWS.erase(session, ids, at_most=_ROWS_MAX, without=_ELSEWHERE)
    if rows or not task.is_quiet or await versions.has_acts(session, account_id=task.account_id):
        await TASKS.advance(session, task, rows=rows, waits_for=None, again=_AGAIN)
        return rows
    balance = await ledger.get_balance(session, account_id=task.account_id)
    if balance.held_mg:
        # Rewards ends the order or donation first. Its grams come back here or are spent.
        await TASKS.advance(session, task, rows=0, waits_for="hold", again=_AGAIN_AFTER_HOLD)
        return 0
    await ledger.withdraw_left(session, account_id=task.account_id)
    if balance.pending_mg:
        await erased_accounts.watch_balance(session, account_id=task.account_id)
    await TASKS.finish(session, task, topic=topic)
    return 0


async def withdraw_late_grams(session: Session, *, older_than_s: int = _LOOK_AGAIN_S) -> None:
    """Withdraw grams that became available after the erasure. Timed job."""
    found = await erased_accounts.take_balances(session, older_than_s=older_than_s, limit=_BALANCES_MAX)
    if not found:
        return
    await ledger.lock_people(await driver(session), found)
    for account_id in found:
        await ledger.withdraw_left(session, account_id=account_id)
        balance = await ledger.get_balance(session, account_id=account_id)
        if not (balance.pending_mg or balance.held_mg):
            await erased_accounts.forget_balance(session, account_id=account_id)

"""Timed jobs of erasure, in bounded steps, and the consumer of `accounts.erasures.v1`.

Locks as everywhere: activities first, then people. A step skips activities that another transaction holds and takes
them later. A task ends QUIET_S after its first step: by then no transaction is left that saw the person's bindings.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Final

from services.accounting.database import SCHEMA
from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.erased_accounts.service import TASKS
from services.accounting.ledger import service as ledger
from services.accounting.personal_data import TABLES
from services.accounting.posting import versions
from shared.contracts.erasures_v1 import ErasureAsked
from shared.db import Database, Session, driver
from shared.erasing import Task, take_steps
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

# Longer than any transaction of posting may last.
QUIET_S: Final = 30
TASKS_MAX: Final = 20
# Of one step, over all of its tasks: it holds the locks of its people for some hundred milliseconds. A person may have
# thousands of acts.
ROWS_MAX: Final = 250
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


async def erase_all_due(database: Database, *, topic: str, quiet_s: int = QUIET_S) -> int:
    """Take some steps, while tasks are due. Return how many tasks had one. Timed job."""
    return await take_steps(database, partial(erase_due, topic=topic, quiet_s=quiet_s))


async def erase_due(session: Session, *, topic: str, quiet_s: int = QUIET_S) -> int:
    """Take one step: up to TASKS_MAX tasks, and up to ROWS_MAX rows of them. Return how many tasks it worked on."""
    tasks: list[Task] = []
    cleared: dict[uuid.UUID, int] = {}
    left = ROWS_MAX
    for task in await TASKS.next_tasks(session, limit=TASKS_MAX, quiet=timedelta(seconds=quiet_s)):
        if left <= 0:
            break  # the others stay the next ones
        keys = await versions.erase_acts(session, account_id=task.account_id, limit=left)
        if keys:
            await TASKS.publish_events(session, task, keys, topic=topic)
        tasks.append(task)
        cleared[task.account_id] = len(keys)
        left -= len(keys)
    if tasks:
        await ledger.lock_people(await driver(session), [task.account_id for task in tasks])
    done = 0
    for task in tasks:
        if left <= 0 and not cleared[task.account_id]:
            continue
        left -= await _step(session, task, cleared[task.account_id], topic, at_most=max(left, 0))
        done += 1
    return done


async def _step(session: Session, task: Task, cleared: int, topic: str, *, at_most: int) -> int:
    """Erase the rows of one task beside its acts, of which some may have been cleared. Return how many it erased."""
    ids = PersonIds(user_id=task.user_id, account_id=task.account_id)
    erased = await _ROWS.erase(session, ids, at_most=at_most, without=_ELSEWHERE)
    rows = cleared + erased
    if rows or not task.is_quiet or await versions.has_acts(session, account_id=task.account_id):
        await TASKS.advance(session, task, rows=rows, waits_for=None, again=_AGAIN)
        return erased
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

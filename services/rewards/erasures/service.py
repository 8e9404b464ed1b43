"""Erasure in bounded steps. Orders and donations that are under way end first: they hold grams of the person."""

from datetime import timedelta
from functools import partial
from typing import Final

from services.rewards.database import SCHEMA
from services.rewards.erased_accounts.service import TASKS
from services.rewards.erasures import repository
from services.rewards.personal_data import TABLES
from services.rewards.standing_orders import service as standing_orders
from shared.contracts.erasures_v1 import ErasureAsked
from shared.db import Database, Session
from shared.erasing import Task, take_steps
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

TASKS_MAX: Final = 20
# Of one step, over all of its tasks.
_ROWS_MAX: Final = 500
_AGAIN: Final = timedelta(minutes=1)
_ROWS: Final = PersonalRows(SCHEMA, TABLES)


async def handle_asked(session: Session, items: Items[ErasureAsked], *, topic: str) -> None:
    """Store new tasks, and answer again those that are done. Consumer of `accounts.erasures.v1`."""
    await TASKS.receive(session, [asked for _, asked in items], topic=topic)


async def erase_all_due(database: Database, *, topic: str) -> int:
    """Take some steps, while tasks are due. Return how many tasks had one. Timed job."""
    return await take_steps(database, partial(erase_due, topic=topic))


async def erase_due(session: Session, *, topic: str) -> int:
    """Take one step: up to TASKS_MAX tasks, and up to _ROWS_MAX rows of them. Return how many tasks it worked on."""
    done, left = 0, _ROWS_MAX
    for task in await TASKS.next_tasks(session, limit=TASKS_MAX):
        if left <= 0:
            break  # the others stay the next ones
        left -= await _step(session, task, topic, at_most=left)
        done += 1
    return done


async def _step(session: Session, task: Task, topic: str, *, at_most: int) -> int:
    quiet = await standing_orders.end_for_erasure(session, user_id=task.user_id)
    if not quiet or await repository.has_open_settlements(session, task.user_id):
        await TASKS.advance(session, task, rows=0, waits_for="settlement", again=_AGAIN)
        return 0
    ids = PersonIds(user_id=task.user_id, account_id=task.account_id)
    rows = await _ROWS.erase(session, ids, at_most=at_most)
    if rows:
        await TASKS.advance(session, task, rows=rows, again=_AGAIN)
    else:
        await TASKS.finish(session, task, topic=topic)
    return rows

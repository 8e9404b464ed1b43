"""Erasure in bounded steps. Orders and donations that are under way end first: they hold grams of the person."""

from datetime import timedelta
from typing import Final

from services.rewards.database import SCHEMA
from services.rewards.erasures import repository
from services.rewards.erasures.models import erasure_task
from services.rewards.personal_data import TABLES
from shared.contracts.erasures_v1 import ErasureAsked
from shared.db import Session
from shared.erasing import Eraser, Task
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

TASKS: Final = Eraser(SCHEMA, erasure_task, source="/rewards")
TASKS_MAX: Final = 20
_ROWS_MAX: Final = 500
_AGAIN: Final = timedelta(minutes=1)
_ROWS: Final = PersonalRows(SCHEMA, TABLES)


async def handle_asked(session: Session, items: Items[ErasureAsked], *, topic: str) -> None:
    """Store new tasks, and answer again those that are done. Consumer of `accounts.erasures.v1`."""
    await TASKS.receive(session, [asked for _, asked in items], topic=topic)


async def erase_due(session: Session, *, topic: str) -> int:
    """Work on up to TASKS_MAX tasks, one bounded step each. Return how many rows were erased. Timed job."""
    return sum([await _step(session, task, topic) for task in await TASKS.next_tasks(session, limit=TASKS_MAX)])


async def _step(session: Session, task: Task, topic: str) -> int:
    if await repository.has_open_settlements(session, task.user_id):
        await TASKS.advance(session, task, rows=0, waits_for="settlement", again=_AGAIN)
        return 0
    ids = PersonIds(user_id=task.user_id, account_id=task.account_id)
    rows = await _ROWS.erase(session, ids, at_most=_ROWS_MAX)
    if rows:
        await TASKS.advance(session, task, rows=rows, again=_AGAIN)
    else:
        await TASKS.finish(session, task, topic=topic)
    return rows

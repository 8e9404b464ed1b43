"""Erasure in a service that does not know the person: the table of tasks, and the records of questions and answers.

`accounts.erasures.v1` brings a task. A timed job works on it in bounded steps and answers once, then again whenever
accounts asks again. A task stays for good: its account id is how late facts about an erased person are recognised.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock, outbox
from shared.contracts.envelope import event_headers
from shared.contracts.erasures_v1 import (
    ERASURE_ANSWERED_TYPE,
    EVENTS_ERASED_TYPE,
    ErasureAnswered,
    ErasureAsked,
    EventsErased,
)
from shared.db import Database
from shared.eventlog import Record
from shared.language import Text as Words
from shared.personal_data import FOR_GOOD, LEAVING, Erasure, Kept, account

# Of one run. Then the consumers of the process have their turn.
_STEPS_MAX: Final = 5
DECODER: Final = msgspec.json.Decoder(ErasureAsked)
REGISTER: Final = {
    "erasure_task": Kept(
        Words("已注销或正在注销的账户编号", "accounts that were erased or are being erased"), LEAVING, FOR_GOOD,
        Erasure.RETAIN, by=(account(),), names=frozenset({"user_id"}),
    )
}  # fmt: skip


def add_erasure_table(metadata: MetaData) -> Table:
    table = Table(
        "erasure_task",
        metadata,
        Column("account_id", Uuid, primary_key=True),
        Column("user_id", Uuid, comment="null once done"),
        Column("erasure_id", Uuid, nullable=False),
        Column("asked_at", DateTime(timezone=True), nullable=False),
        Column("began_at", DateTime(timezone=True), comment="the first step"),
        Column("rows", Integer, nullable=False, server_default="0", comment="deleted or cleared so far"),
        Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("waits_for", Text, comment="why the last step could not finish"),
        Column("done_at", DateTime(timezone=True)),
    )
    Index("ix_erasure_task_open", table.c.next_at, postgresql_where=text("done_at IS NULL"))
    return table


@dataclass(frozen=True, slots=True)
class Task:
    erasure_id: uuid.UUID
    account_id: uuid.UUID
    user_id: uuid.UUID
    rows: int
    is_quiet: bool  # the first step lies so far back that no transaction from before it is left


class Eraser:
    """The tasks of one service. `topic` is where it answers."""

    def __init__(self, schema: str, table: Table, *, source: str) -> None:
        self._schema, self._table, self._source = schema, table, source

    async def receive(self, session: AsyncSession, asked: Sequence[ErasureAsked], *, topic: str) -> None:
        """Store new tasks, and answer again those that are done. Consumer of `accounts.erasures.v1`."""
        for one in {ask.account_id: ask for ask in asked}.values():
            statement = insert(self._table).values(
                account_id=one.account_id, user_id=one.user_id, erasure_id=one.erasure_id, asked_at=one.asked_at
            )
            await session.execute(statement.on_conflict_do_nothing())
            found = text(
                f'SELECT rows, done_at FROM "{self._schema}".erasure_task'
                " WHERE account_id = :account_id AND done_at IS NOT NULL"
            )
            row = (await session.execute(found, {"account_id": one.account_id})).first()
            if row is not None:
                await self._answer(session, one.erasure_id, one.account_id, row.rows, topic)

    async def next_tasks(self, session: AsyncSession, *, limit: int, quiet: timedelta = timedelta(0)) -> Sequence[Task]:
        """Lock and return open tasks whose turn has come, by account id. Another worker's tasks are skipped."""
        found = text(
            "SELECT t.erasure_id, t.account_id, t.user_id, t.rows,"
            " coalesce(t.began_at <= now() - CAST(:quiet AS interval), false) AS is_quiet"
            f' FROM "{self._schema}".erasure_task t WHERE t.done_at IS NULL AND t.next_at <= now()'
            " ORDER BY t.next_at LIMIT :limit FOR UPDATE SKIP LOCKED"
        )
        rows = (await session.execute(found, {"limit": limit, "quiet": quiet})).all()
        return sorted((Task(*row) for row in rows), key=lambda task: task.account_id.int)

    async def advance(
        self, session: AsyncSession, task: Task, *, rows: int, waits_for: str | None = None, again: timedelta
    ) -> None:
        """Add the rows of one step. The next one comes at once, or after `again` if this one found nothing to do."""
        await session.execute(
            text(
                f'UPDATE "{self._schema}".erasure_task SET rows = rows + :rows, waits_for = :waits_for,'
                " began_at = coalesce(began_at, now()),"
                " next_at = now() + CASE WHEN :rows > 0 THEN interval '0' ELSE CAST(:again AS interval) END"
                " WHERE account_id = :account_id"
            ),
            {"rows": rows, "waits_for": waits_for, "account_id": task.account_id, "again": again},
        )

    async def finish(self, session: AsyncSession, task: Task, *, topic: str) -> None:
        """End the task and answer. From now on it holds the account id only."""
        done = text(
            f'UPDATE "{self._schema}".erasure_task SET done_at = now(), user_id = NULL, waits_for = NULL'
            " WHERE account_id = :account_id RETURNING rows"
        )
        rows = (await session.execute(done, {"account_id": task.account_id})).scalar_one()
        await self._answer(session, task.erasure_id, task.account_id, rows, topic)

    async def publish_events(
        self, session: AsyncSession, task: Task, event_keys: Sequence[uuid.UUID], *, topic: str
    ) -> None:
        """Name events of the person to the archive."""
        message = EventsErased(erasure_id=task.erasure_id, account_id=task.account_id, event_keys=list(event_keys))
        await self._publish(session, topic, task.account_id, message, EVENTS_ERASED_TYPE, clock.now())

    async def is_erased(self, session: AsyncSession, account_id: uuid.UUID) -> bool:
        found = text(f'SELECT EXISTS (SELECT FROM "{self._schema}".erasure_task WHERE account_id = :account_id)')
        return bool((await session.execute(found, {"account_id": account_id})).scalar_one())

    async def _answer(
        self, session: AsyncSession, erasure_id: uuid.UUID, account_id: uuid.UUID, rows: int, topic: str
    ) -> None:
        await answer(
            session, self._schema, erasure_id=erasure_id, account_id=account_id, rows=rows, topic=topic,
            source=self._source,
        )  # fmt: skip

    async def _publish(
        self, session: AsyncSession, topic: str, account_id: uuid.UUID, message: Any, event_type: str, at: datetime
    ) -> None:
        await publish(session, self._schema, topic, account_id, message, event_type, at, source=self._source)


async def take_steps(database: Database, step: Callable[[AsyncSession], Awaitable[int]]) -> int:
    """Take up to _STEPS_MAX steps, each in a transaction of its own, while tasks are due. Return how many had one."""
    total = 0
    for _ in range(_STEPS_MAX):
        async with database.transaction() as session:
            done = await step(session)
        if not done:
            break
        total += done
    return total


async def answer(
    session: AsyncSession,
    schema: str,
    *,
    erasure_id: uuid.UUID,
    account_id: uuid.UUID,
    rows: int,
    topic: str,
    source: str,
) -> None:
    """Store the answer of a service in its outbox."""
    at = clock.now()
    message = ErasureAnswered(erasure_id=erasure_id, account_id=account_id, rows=rows, answered_at=at)
    await publish(session, schema, topic, account_id, message, ERASURE_ANSWERED_TYPE, at, source=source)


async def publish(
    session: AsyncSession,
    schema: str,
    topic: str,
    account_id: uuid.UUID,
    message: msgspec.Struct,
    event_type: str,
    at: datetime,
    *,
    source: str,
) -> None:
    """Store one record about an account in the outbox."""
    headers = event_headers(f"{account_id}:{at.timestamp():.6f}", source=source, event_type=event_type, at=at)
    record = Record(key=str(account_id).encode(), value=msgspec.json.encode(message), headers=headers)
    await outbox.add(session, schema, topic, [record])

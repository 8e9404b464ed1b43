import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.messages.models import Message, MessageChoice, MessageRun, MessageWindow

_OPEN = ("waiting", "sending")


async def lock_choice(session: AsyncSession, *, user_id: uuid.UUID, kind: str) -> MessageChoice | None:
    return await session.scalar(
        select(MessageChoice).where(MessageChoice.user_id == user_id, MessageChoice.kind == kind).with_for_update()
    )


async def list_choices(session: AsyncSession, *, user_id: uuid.UUID) -> Mapping[str, int]:
    rows = await session.execute(
        select(MessageChoice.kind, MessageChoice.remaining).where(MessageChoice.user_id == user_id)
    )
    return {row.kind: row.remaining for row in rows}


async def add_accepted(session: AsyncSession, *, user_id: uuid.UUID, kind: str, at_most: int, at: datetime) -> None:
    new = insert(MessageChoice).values(user_id=user_id, kind=kind, remaining=1, changed_at=at)
    more = func.least(MessageChoice.remaining + 1, at_most)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[MessageChoice.user_id, MessageChoice.kind], set_={"remaining": more, "changed_at": at}
        )
    )


async def set_remaining(session: AsyncSession, *, user_id: uuid.UUID, kind: str, remaining: int, at: datetime) -> None:
    await session.execute(
        update(MessageChoice)
        .where(MessageChoice.user_id == user_id, MessageChoice.kind == kind)
        .values(remaining=remaining, changed_at=at)
        .execution_options(synchronize_session=False)
    )


async def add_one_back(session: AsyncSession, *, user_id: uuid.UUID, kind: str, at_most: int, at: datetime) -> None:
    await session.execute(
        update(MessageChoice)
        .where(MessageChoice.user_id == user_id, MessageChoice.kind == kind, MessageChoice.remaining < at_most)
        .values(remaining=MessageChoice.remaining + 1, changed_at=at)
        .execution_options(synchronize_session=False)
    )


async def try_insert(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """False if a message of this user, kind and key exists."""
    statement = insert(Message).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=[Message.user_id, Message.kind, Message.key])
    return (await session.execute(statement.returning(Message.message_id))).first() is not None


async def users_asking(session: AsyncSession, *, kind: str, after: uuid.UUID, at_most: int) -> Sequence[uuid.UUID]:
    """Users, by id, who wait for messages of a kind."""
    return (
        await session.scalars(
            select(MessageChoice.user_id)
            .where(MessageChoice.kind == kind, MessageChoice.remaining > 0, MessageChoice.user_id > after)
            .order_by(MessageChoice.user_id)
            .limit(at_most)
        )
    ).all()


async def any_due(session: AsyncSession, *, now: datetime) -> bool:
    return (
        await session.scalar(select(literal(1)).where(Message.status.in_(_OPEN), Message.due_at <= now).limit(1))
    ) is not None


async def end_interrupted(session: AsyncSession, *, now: datetime, at_most: int) -> int:
    """End messages whose claim has run out: the process that sent them did not note the result."""
    rows = await session.execute(
        text(
            "UPDATE accounts.message SET status = 'unknown', reason = 'INTERRUPTED', finished_at = :now"
            " WHERE message_id IN (SELECT message_id FROM accounts.message WHERE status = 'sending' AND due_at <= :now"
            "  ORDER BY due_at LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING 1"
        ),
        {"now": now, "n": at_most},
    )
    return len(rows.all())


async def lock_due(session: AsyncSession, *, now: datetime, at_most: int) -> Sequence[Message]:
    return (
        await session.scalars(
            select(Message)
            .where(Message.status == "waiting", Message.due_at <= now, Message.expires_at > now)
            .order_by(Message.due_at)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
    ).all()


async def lock_attempt(session: AsyncSession, *, message_id: uuid.UUID, attempt: int) -> Message | None:
    """Return the message if this attempt is still the one under way."""
    return await session.scalar(
        select(Message)
        .where(Message.message_id == message_id, Message.status == "sending", Message.attempts == attempt)
        .with_for_update()
    )


async def list_expired(
    session: AsyncSession, *, now: datetime, at_most: int
) -> Sequence[tuple[uuid.UUID, uuid.UUID, str]]:
    """(message, user, kind) of messages past their time, in the order in which choices are locked. Nothing is locked.

    Writers lock the choice before its messages.
    """
    rows = await session.execute(
        select(Message.message_id, Message.user_id, Message.kind)
        .where(Message.status == "waiting", Message.due_at <= now, Message.expires_at <= now)
        .order_by(Message.user_id, Message.kind)
        .limit(at_most)
    )
    return [(row.message_id, row.user_id, row.kind) for row in rows]


async def drop_one(session: AsyncSession, *, message_id: uuid.UUID, reason: str, at: datetime) -> bool:
    dropped = await session.execute(
        update(Message)
        .where(Message.message_id == message_id, Message.status == "waiting")
        .values(status="dropped", reason=reason, finished_at=at)
        .returning(Message.message_id)
        .execution_options(synchronize_session=False)
    )
    return dropped.first() is not None


async def drop_waiting(session: AsyncSession, *, user_id: uuid.UUID, kind: str, reason: str, at: datetime) -> None:
    await session.execute(
        update(Message)
        .where(Message.user_id == user_id, Message.kind == kind, Message.status == "waiting")
        .values(status="dropped", reason=reason, finished_at=at)
        .execution_options(synchronize_session=False)
    )


async def lock_window(session: AsyncSession, *, length_s: int, ends_at: datetime) -> MessageWindow:
    """Return the count of a window, locked: claims of several processes follow one another."""
    await session.execute(
        insert(MessageWindow).values(length_s=length_s, ends_at=ends_at, sent=0).on_conflict_do_nothing()
    )
    found = await session.scalars(
        select(MessageWindow)
        .where(MessageWindow.length_s == length_s, MessageWindow.ends_at == ends_at)
        .with_for_update()
    )
    return found.one()


async def claim_run(session: AsyncSession, *, kind: str, day: date, now: datetime, until: datetime) -> uuid.UUID | None:
    """Claim a run and return the user up to whom it is done. None: it is finished, or another process has it."""
    new = insert(MessageRun).values(kind=kind, day=day, position=uuid.UUID(int=0), claimed_until=until)
    statement = new.on_conflict_do_update(
        index_elements=[MessageRun.kind, MessageRun.day],
        set_={"claimed_until": until},
        where=and_(MessageRun.finished_at.is_(None), MessageRun.claimed_until <= now),
    )
    return (await session.execute(statement.returning(MessageRun.position))).scalar_one_or_none()


async def advance_run(
    session: AsyncSession, *, kind: str, day: date, position: uuid.UUID, at: datetime, finished: bool
) -> None:
    """Note how far the run has come, and free it."""
    await session.execute(
        update(MessageRun)
        .where(MessageRun.kind == kind, MessageRun.day == day)
        .values(position=position, claimed_until=at, finished_at=at if finished else None)
        .execution_options(synchronize_session=False)
    )


async def list_failed(session: AsyncSession, *, before: uuid.UUID | None, at_most: int) -> Sequence[Message]:
    statement = select(Message).where(Message.status == "failed").order_by(Message.message_id.desc()).limit(at_most)
    if before is not None:
        statement = statement.where(Message.message_id < before)
    return (await session.scalars(statement)).all()


async def delete_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(
        select(MessageChoice.kind)
        .where(MessageChoice.user_id == user_id)
        .order_by(MessageChoice.kind)
        .with_for_update()
    )
    await session.execute(delete(Message).where(Message.user_id == user_id))
    await session.execute(delete(MessageChoice).where(MessageChoice.user_id == user_id))


async def delete_past(session: AsyncSession, *, before: datetime, now: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.message WHERE message_id IN (SELECT message_id FROM accounts.message"
            " WHERE created_at < :before AND finished_at IS NOT NULL ORDER BY created_at LIMIT :n)"
        ),
        {"before": before, "n": at_most},
    )
    await session.execute(delete(MessageWindow).where(MessageWindow.ends_at < now))
    await session.execute(delete(MessageRun).where(MessageRun.finished_at < before))

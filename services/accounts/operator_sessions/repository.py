import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.operator_sessions.models import OperatorLogIn, OperatorSession


async def add_session(session: AsyncSession, row: OperatorSession) -> None:
    session.add(row)
    await session.flush()


async def lock_by_token(session: AsyncSession, *, token_sha256: bytes) -> OperatorSession | None:
    """Lock the session of a refresh token, the current one or the one before it."""
    statement = select(OperatorSession).where(
        or_(OperatorSession.refresh_sha256 == token_sha256, OperatorSession.previous_sha256 == token_sha256)
    )
    return await session.scalar(statement.with_for_update())


async def is_live(session: AsyncSession, *, session_id: uuid.UUID, subject: str, at: datetime) -> bool:
    statement = select(OperatorSession.session_id).where(
        OperatorSession.session_id == session_id, OperatorSession.subject == subject, *_live(at)
    )
    return await session.scalar(statement) is not None


async def list_live(
    session: AsyncSession, *, subject: str | None, before: uuid.UUID | None, at: datetime, limit: int
) -> Sequence[OperatorSession]:
    """Return live sessions older than session `before`, the newest first."""
    statement = select(OperatorSession).where(*_live(at)).order_by(OperatorSession.session_id.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(OperatorSession.subject == subject)
    if before is not None:
        statement = statement.where(OperatorSession.session_id < before)
    return list(await session.scalars(statement))


async def end(
    session: AsyncSession,
    *,
    at: datetime,
    by: str,
    reason: str,
    session_id: uuid.UUID | None = None,
    operator_id: uuid.UUID | None = None,
) -> list[tuple[uuid.UUID, str]]:
    """End a session, or all of an operator. Return (session, subject) of those that lived."""
    statement = update(OperatorSession).where(*_live(at)).values(ended_at=at, ended_by=by, ended_reason=reason)
    if session_id is not None:
        statement = statement.where(OperatorSession.session_id == session_id)
    if operator_id is not None:
        statement = statement.where(OperatorSession.operator_id == operator_id)
    statement = statement.execution_options(synchronize_session=False)
    rows = await session.execute(statement.returning(OperatorSession.session_id, OperatorSession.subject))
    return [(row.session_id, row.subject) for row in rows]


async def add_log_in(session: AsyncSession, row: OperatorLogIn) -> None:
    session.add(row)
    await session.flush()


async def use_log_in(session: AsyncSession, *, state_sha256: bytes, at: datetime) -> bool:
    """Use up a log-in. False if it is unknown, was used, or is too old."""
    statement = (
        update(OperatorLogIn)
        .where(
            OperatorLogIn.state_sha256 == state_sha256,
            OperatorLogIn.used_at.is_(None),
            OperatorLogIn.expires_at > at,
        )
        .values(used_at=at)
        .returning(OperatorLogIn.state_sha256)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).first() is not None


async def delete_expired(session: AsyncSession, *, log_ins: datetime, sessions: datetime, at_most: int) -> None:
    """Delete log-ins and sessions that expired before these times."""
    for table, before in (("operator_log_in", log_ins), ("operator_session", sessions)):
        await session.execute(
            text(
                f"DELETE FROM accounts.{table} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM accounts.{table} WHERE expires_at < :before LIMIT :n))"
            ),
            {"before": before, "n": at_most},
        )


def _live(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return OperatorSession.ended_at.is_(None), OperatorSession.expires_at > at

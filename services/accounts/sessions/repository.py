import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, false, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.sessions.models import LoginSession, RefreshToken

LiveSession = tuple[uuid.UUID, uuid.UUID]


async def add_session(session: AsyncSession, row: LoginSession, token: RefreshToken) -> None:
    session.add(row)
    await session.flush()
    session.add(token)
    await session.flush()


async def add_token(session: AsyncSession, token: RefreshToken) -> None:
    session.add(token)
    await session.flush()


async def lock_token(session: AsyncSession, *, token_sha256: bytes) -> tuple[RefreshToken, LoginSession] | None:
    """Lock token and session. The second of two refreshes waits here, then reads what the first one wrote."""
    statement = (
        select(RefreshToken, LoginSession)
        .join(LoginSession, LoginSession.session_id == RefreshToken.session_id)
        .where(RefreshToken.token_sha256 == token_sha256)
        .with_for_update()
    )
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1]) if row else None


async def find_token(session: AsyncSession, *, token_sha256: bytes) -> tuple[RefreshToken, LoginSession] | None:
    statement = (
        select(RefreshToken, LoginSession)
        .join(LoginSession, LoginSession.session_id == RefreshToken.session_id)
        .where(RefreshToken.token_sha256 == token_sha256)
    )
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1]) if row else None


async def live_sessions(session: AsyncSession, session_ids: Collection[uuid.UUID], *, at: datetime) -> set[LiveSession]:
    """Return (session, user) of those that have not ended."""
    statement = select(LoginSession.session_id, LoginSession.user_id).where(
        LoginSession.session_id.in_(session_ids), LoginSession.revoked_at.is_(None), LoginSession.expires_at > at
    )
    return {(row.session_id, row.user_id) for row in await session.execute(statement)}


async def stepped_up_at_least_since(
    session: AsyncSession, *, session_id: uuid.UUID, user_id: uuid.UUID, within: timedelta
) -> bool | None:
    """Whether the session was confirmed within that time, by the database's clock. None if it is not live."""
    statement = select(func.coalesce(LoginSession.stepped_up_at > func.clock_timestamp() - within, false())).where(
        *_is_live(session_id, user_id)
    )
    return await session.scalar(statement)


async def mark_stepped_up(session: AsyncSession, *, session_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Record the present moment of the database's clock. False if the session is not live."""
    statement = (
        update(LoginSession)
        .where(*_is_live(session_id, user_id))
        .values(stepped_up_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
        .returning(LoginSession.session_id)
    )
    return (await session.execute(statement)).first() is not None


def _is_live(session_id: uuid.UUID, user_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        LoginSession.session_id == session_id,
        LoginSession.user_id == user_id,
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > func.clock_timestamp(),
    )


async def list_live(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int, at: datetime
) -> Sequence[LoginSession]:
    """Newest first. Ids are in the order of time."""
    statement = select(LoginSession).where(
        LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None), LoginSession.expires_at > at
    )
    if before is not None:
        statement = statement.where(LoginSession.session_id < before)
    return (await session.scalars(statement.order_by(LoginSession.session_id.desc()).limit(limit))).all()


async def belongs_to(session: AsyncSession, *, session_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    statement = select(LoginSession.session_id).where(
        LoginSession.session_id == session_id, LoginSession.user_id == user_id
    )
    return await session.scalar(statement) is not None


async def revoke_all(
    session: AsyncSession, *, user_id: uuid.UUID, keep: uuid.UUID | None, reason: str, at: datetime
) -> None:
    """Revoke the live sessions of a user, all but `keep`. The caller holds the user's lock."""
    statement = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
    if keep is not None:
        statement = statement.where(LoginSession.session_id != keep)
    await session.execute(
        statement.values(revoked_at=at, revoked_reason=reason).execution_options(synchronize_session=False)
    )


async def revoke_session(
    session: AsyncSession, *, session_id: uuid.UUID, user_id: uuid.UUID, reason: str, at: datetime
) -> None:
    await session.execute(
        update(LoginSession)
        .where(
            LoginSession.session_id == session_id, LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)
        )
        .values(revoked_at=at, revoked_reason=reason)
        .execution_options(synchronize_session=False)
    )


async def revoke_oldest(session: AsyncSession, *, user_id: uuid.UUID, keep: int, reason: str, at: datetime) -> None:
    """Revoke all but the newest `keep` live sessions of a user."""
    surplus = (
        select(LoginSession.session_id)
        .where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
        .order_by(LoginSession.created_at.desc(), LoginSession.session_id.desc())
        .offset(keep)
    )
    await session.execute(
        update(LoginSession)
        .where(LoginSession.session_id.in_(surplus))
        .values(revoked_at=at, revoked_reason=reason)
        .execution_options(synchronize_session=False)
    )


async def delete_expired(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    """Delete expired tokens, then expired sessions with their remaining tokens."""
    for table in ("refresh_token", "login_session"):
        await session.execute(
            text(
                f"DELETE FROM accounts.{table} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM accounts.{table} WHERE expires_at < :before LIMIT :n))"
            ),
            {"before": before, "n": at_most},
        )

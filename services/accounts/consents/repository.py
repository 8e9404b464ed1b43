import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.consents.models import Consent, ConsentChange


async def find_newest(session: AsyncSession, *, user_id: uuid.UUID, purpose: str) -> Consent | None:
    statement = select(Consent).where(Consent.user_id == user_id, Consent.purpose == purpose)
    return await session.scalar(statement.order_by(Consent.version.desc()).limit(1))


async def newest_of_each(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[Consent]:
    """Return the newest consent of each purpose."""
    statement = select(Consent).where(Consent.user_id == user_id).ext(distinct_on(Consent.purpose))
    ordered = statement.order_by(Consent.purpose, Consent.version.desc())
    return (await session.scalars(ordered)).all()


async def was_ever_ended(session: AsyncSession, *, user_id: uuid.UUID, purpose: str) -> bool:
    """Whether there was a time without consent after the first one. A superseded consent leaves none."""
    ended = Consent.ended_reason.in_(("withdrawn", "expired"))
    statement = select(exists().where(Consent.user_id == user_id, Consent.purpose == purpose, ended))
    return bool(await session.scalar(statement))


async def list_newest(session: AsyncSession, *, user_id: uuid.UUID, at_most: int) -> Sequence[Consent]:
    statement = select(Consent).where(Consent.user_id == user_id).order_by(Consent.consent_id.desc()).limit(at_most)
    return (await session.scalars(statement)).all()


async def list_changes(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[ConsentChange]:
    """List newest first. Ids are ordered by time."""
    statement = select(ConsentChange).where(ConsentChange.user_id == user_id)
    if before is not None:
        statement = statement.where(ConsentChange.change_id < before)
    return (await session.scalars(statement.order_by(ConsentChange.change_id.desc()).limit(limit))).all()


async def users_of_text(
    session: AsyncSession, *, family: str, version: str, purpose: str | None, at_most: int
) -> Sequence[uuid.UUID]:
    """Return people with a live consent to this text whose end is not announced yet. `purpose` None: any."""
    statement = select(Consent.user_id).where(
        Consent.policy_family == family,
        Consent.policy_version == version,
        Consent.ended_at.is_(None),
        Consent.ends_at.is_(None),
    )
    if purpose is not None:
        statement = statement.where(Consent.purpose == purpose)
    return (await session.scalars(statement.order_by(Consent.consent_id).limit(at_most))).all()


async def users_past_end(session: AsyncSession, *, at: datetime, at_most: int) -> Sequence[uuid.UUID]:
    """Return people with a consent whose announced end has passed, and which is not recorded as ended."""
    statement = select(Consent.user_id).where(Consent.ended_at.is_(None), Consent.ends_at <= at)
    return (await session.scalars(statement.order_by(Consent.ends_at).limit(at_most))).all()


async def live_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[Consent]:
    """Return the consents that are not recorded as ended."""
    statement = select(Consent).where(Consent.user_id == user_id, Consent.ended_at.is_(None))
    return (await session.scalars(statement.order_by(Consent.purpose))).all()


async def add(session: AsyncSession, row: Consent | ConsentChange) -> None:
    session.add(row)
    await session.flush()


async def delete_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    for table in (ConsentChange, Consent):
        await session.execute(delete(table).where(table.user_id == user_id))


async def flush_changes(session: AsyncSession) -> None:
    """Write the ended row before its successor is inserted: the unique index allows one live consent per purpose."""
    await session.flush()

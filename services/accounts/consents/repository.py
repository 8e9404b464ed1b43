import uuid
from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.consents.models import Consent


async def find_live(session: AsyncSession, *, user_id: uuid.UUID, purpose: str) -> Consent | None:
    statement = select(Consent).where(
        Consent.user_id == user_id, Consent.purpose == purpose, Consent.ended_at.is_(None)
    )
    return await session.scalar(statement)


async def was_ever_withdrawn(session: AsyncSession, *, user_id: uuid.UUID, purpose: str) -> bool:
    statement = select(
        exists().where(Consent.user_id == user_id, Consent.purpose == purpose, Consent.ended_reason == "withdrawn")
    )
    return bool(await session.scalar(statement))


async def list_newest(session: AsyncSession, *, user_id: uuid.UUID, at_most: int) -> Sequence[Consent]:
    statement = select(Consent).where(Consent.user_id == user_id).order_by(Consent.consent_id.desc()).limit(at_most)
    return (await session.scalars(statement)).all()


async def add(session: AsyncSession, consent: Consent) -> None:
    session.add(consent)
    await session.flush()


async def flush_changes(session: AsyncSession) -> None:
    """Write the ended row before its successor is inserted: the unique index allows one live consent per purpose."""
    await session.flush()

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.family_cards.models import FamilyCard, FamilyCardCode, FamilyCardEvent

_LIVE = FamilyCard.ended_at.is_(None)


async def add(session: AsyncSession, row: FamilyCard | FamilyCardCode | FamilyCardEvent) -> None:
    session.add(row)
    await session.flush()


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def count_live(session: AsyncSession, *, proxy_user_id: uuid.UUID) -> int:
    query = select(func.count()).where(FamilyCard.proxy_user_id == proxy_user_id, _LIVE)
    return await session.scalar(query) or 0


async def lock_card(session: AsyncSession, *, card_id: uuid.UUID) -> FamilyCard | None:
    """Lock a card, also one that has ended."""
    query = select(FamilyCard).where(FamilyCard.card_id == card_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def find_card(session: AsyncSession, *, card_id: uuid.UUID) -> FamilyCard | None:
    return await session.get(FamilyCard, card_id)


async def find_by_qr(session: AsyncSession, *, qr_sha256: bytes) -> FamilyCard | None:
    return await session.scalar(select(FamilyCard).where(FamilyCard.qr_sha256 == qr_sha256, _LIVE))


async def find_by_user(session: AsyncSession, *, user_id: uuid.UUID) -> FamilyCard | None:
    return await session.scalar(select(FamilyCard).where(FamilyCard.user_id == user_id))


async def list_of_proxy(
    session: AsyncSession, *, proxy_user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[FamilyCard]:
    query = select(FamilyCard).where(FamilyCard.proxy_user_id == proxy_user_id)
    if before is not None:
        query = query.where(FamilyCard.card_id < before)
    return (await session.scalars(query.order_by(FamilyCard.card_id.desc()).limit(limit))).all()


async def list_events(
    session: AsyncSession, *, card_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[FamilyCardEvent]:
    query = select(FamilyCardEvent).where(FamilyCardEvent.card_id == card_id)
    if before is not None:
        query = query.where(FamilyCardEvent.event_id < before)
    return (await session.scalars(query.order_by(FamilyCardEvent.event_id.desc()).limit(limit))).all()


async def find_code(session: AsyncSession, *, token_sha256: bytes) -> FamilyCardCode | None:
    return await session.get(FamilyCardCode, token_sha256)


async def lock_code(session: AsyncSession, *, token_sha256: bytes) -> FamilyCardCode | None:
    query = select(FamilyCardCode).where(FamilyCardCode.token_sha256 == token_sha256)
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def delete_codes(session: AsyncSession, *, card_id: uuid.UUID) -> None:
    await session.execute(delete(FamilyCardCode).where(FamilyCardCode.card_id == card_id))


async def delete_expired_codes(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    past = select(FamilyCardCode.token_sha256).where(FamilyCardCode.expires_at < before).limit(at_most)
    await session.execute(delete(FamilyCardCode).where(FamilyCardCode.token_sha256.in_(past.scalar_subquery())))

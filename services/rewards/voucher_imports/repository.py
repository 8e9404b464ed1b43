"""SQL of imports."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.voucher_imports.models import voucher_import


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    return (await session.execute(insert(voucher_import).values(**values).returning(voucher_import))).one()


async def get(session: AsyncSession, import_id: uuid.UUID) -> Any | None:
    query = select(voucher_import).where(voucher_import.c.import_id == import_id)
    return (await session.execute(query)).one_or_none()


async def page(session: AsyncSession, *, item_id: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Newest first."""
    query = select(voucher_import).order_by(voucher_import.c.import_id.desc()).limit(limit)
    if item_id is not None:
        query = query.where(voucher_import.c.item_id == item_id)
    if before is not None:
        query = query.where(voucher_import.c.import_id < before)
    return (await session.execute(query)).all()

"""SQL of certificates."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.certificates.models import certificate


async def add(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(certificate).values(**values))


async def by_no(session: AsyncSession, number: str) -> Any | None:
    return (await session.execute(select(certificate).where(certificate.c.certificate_no == number))).one_or_none()


async def of_donations(session: AsyncSession, donation_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    return (await session.execute(select(certificate).where(certificate.c.donation_id.in_(donation_ids)))).all()

"""SQL of certificates."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.certificates.models import certificate, certificate_holder, certificate_revocation


async def add(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(certificate).values(**values))


async def add_holder(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(certificate_holder).values(**values))


def _with_state() -> Select[Any]:
    """Certificates with their revocation and holder. One statement, so that each answer takes the same time."""
    holder, revocation = certificate_holder, certificate_revocation
    joined = certificate.outerjoin(holder, holder.c.certificate_no == certificate.c.certificate_no).outerjoin(
        revocation, revocation.c.certificate_no == certificate.c.certificate_no
    )
    return select(
        certificate,
        holder.c.user_id,
        holder.c.certificate_no.is_not(None).label("is_held"),
        holder.c.public_name,
        revocation.c.reason_zh,
        revocation.c.reason_en,
        revocation.c.revoked_at,
    ).select_from(joined)


async def by_no(session: AsyncSession, number: str) -> Any | None:
    return (await session.execute(_with_state().where(certificate.c.certificate_no == number))).one_or_none()


async def of_donations(session: AsyncSession, donation_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    found = await session.execute(_with_state().where(certificate.c.donation_id.in_(donation_ids)))
    rows: Sequence[Any] = found.all()
    return rows


async def keep_holder(session: AsyncSession, number: str) -> bool:
    """Keep the holder's row until the transaction ends. False if it is erased."""
    query = select(certificate_holder.c.certificate_no).where(certificate_holder.c.certificate_no == number)
    return await session.scalar(query.with_for_update(key_share=True, read=True)) is not None


async def add_revocation(session: AsyncSession, **values: Any) -> Any | None:
    """Return the row, None if the certificate is revoked already."""
    added = insert_or_leave(certificate_revocation).values(**values).on_conflict_do_nothing()
    return (await session.execute(added.returning(certificate_revocation))).one_or_none()


async def set_name(session: AsyncSession, number: str, user_id: uuid.UUID, **values: Any) -> bool:
    """False if it is not a certificate of this person."""
    held = certificate_holder
    changed = await session.execute(
        update(held)
        .where(held.c.certificate_no == number, held.c.user_id == user_id)
        .values(**values)
        .returning(held.c.certificate_no)
    )
    return changed.first() is not None

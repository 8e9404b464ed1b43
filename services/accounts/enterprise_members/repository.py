import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.enterprise_members.models import EnterpriseMember

_IS_LIVE = EnterpriseMember.ended_at.is_(None)
_ADMINS = (_IS_LIVE, EnterpriseMember.accepted_at.is_not(None), EnterpriseMember.roles.contains(["admin"]))


async def add(session: AsyncSession, row: EnterpriseMember) -> None:
    session.add(row)
    await session.flush()


async def find_live(session: AsyncSession, *, enterprise_id: uuid.UUID, user_id: uuid.UUID) -> EnterpriseMember | None:
    """Return the membership or invitation of a person."""
    statement = select(EnterpriseMember).where(
        EnterpriseMember.enterprise_id == enterprise_id, EnterpriseMember.user_id == user_id, _IS_LIVE
    )
    return await session.scalar(statement.execution_options(populate_existing=True))


async def find(session: AsyncSession, *, enterprise_id: uuid.UUID, membership_id: uuid.UUID) -> EnterpriseMember | None:
    statement = select(EnterpriseMember).where(
        EnterpriseMember.membership_id == membership_id, EnterpriseMember.enterprise_id == enterprise_id, _IS_LIVE
    )
    return await session.scalar(statement.execution_options(populate_existing=True))


async def list_of_enterprise(
    session: AsyncSession, *, enterprise_id: uuid.UUID, limit: int
) -> Sequence[EnterpriseMember]:
    statement = select(EnterpriseMember).where(EnterpriseMember.enterprise_id == enterprise_id, _IS_LIVE)
    return (await session.scalars(statement.order_by(EnterpriseMember.membership_id).limit(limit))).all()


async def list_of_user(
    session: AsyncSession, *, user_id: uuid.UUID, limit: int, with_ended: bool = False
) -> Sequence[EnterpriseMember]:
    statement = select(EnterpriseMember).where(EnterpriseMember.user_id == user_id)
    if not with_ended:
        statement = statement.where(_IS_LIVE)
    # Memberships before invitations: nobody's invitations can crowd them out of the list.
    in_order = statement.order_by(EnterpriseMember.accepted_at.is_(None), EnterpriseMember.membership_id.desc())
    return (await session.scalars(in_order.limit(limit))).all()


async def published_of(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """List the memberships of a person that may be on the topic."""
    statement = select(EnterpriseMember.membership_id).where(
        EnterpriseMember.user_id == user_id, EnterpriseMember.version > 0
    )
    return (await session.scalars(statement)).all()


async def count_of_enterprise(session: AsyncSession, *, enterprise_id: uuid.UUID) -> int:
    statement = select(func.count()).where(EnterpriseMember.enterprise_id == enterprise_id, _IS_LIVE)
    return await session.scalar(statement) or 0


async def count_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> int:
    """Count memberships without invitations."""
    statement = select(func.count()).where(
        EnterpriseMember.user_id == user_id, EnterpriseMember.accepted_at.is_not(None), _IS_LIVE
    )
    return await session.scalar(statement) or 0


async def count_admins(session: AsyncSession, *, enterprise_id: uuid.UUID) -> int:
    """Count administrators who have accepted."""
    statement = select(func.count()).where(*_ADMINS, EnterpriseMember.enterprise_id == enterprise_id)
    return await session.scalar(statement) or 0


async def count_other_admins(session: AsyncSession, *, enterprise_id: uuid.UUID, than: uuid.UUID) -> int:
    """Count administrators who have accepted, without the membership `than`."""
    statement = select(func.count()).where(
        *_ADMINS, EnterpriseMember.enterprise_id == enterprise_id, EnterpriseMember.membership_id != than
    )
    return await session.scalar(statement) or 0


async def list_expired(session: AsyncSession, *, before: datetime, limit: int) -> Sequence[EnterpriseMember]:
    """Lock invitations from before `before` that nobody accepted."""
    statement = select(EnterpriseMember).where(
        _IS_LIVE, EnterpriseMember.accepted_at.is_(None), EnterpriseMember.invited_at < before
    )
    return (await session.scalars(statement.limit(limit).with_for_update(skip_locked=True))).all()


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()

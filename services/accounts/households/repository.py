import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.households.models import Household, HouseholdHandover, HouseholdInvitation, HouseholdMember

_IS_MEMBER = HouseholdMember.left_at.is_(None)


async def add_household(session: AsyncSession, row: Household) -> None:
    session.add(row)
    await session.flush()


async def lock_household(session: AsyncSession, *, household_id: uuid.UUID) -> Household | None:
    query = select(Household).where(Household.household_id == household_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def find_household(session: AsyncSession, *, household_id: uuid.UUID) -> Household | None:
    return await session.get(Household, household_id)


async def add_member(session: AsyncSession, row: HouseholdMember) -> None:
    session.add(row)
    await session.flush()


async def find_membership(session: AsyncSession, *, user_id: uuid.UUID) -> HouseholdMember | None:
    """Return the live membership of a person."""
    query = select(HouseholdMember).where(HouseholdMember.user_id == user_id, _IS_MEMBER)
    # Read anew: it may have ended while the caller waited for the lock of the household.
    return await session.scalar(query.execution_options(populate_existing=True))


async def find_last_left(session: AsyncSession, *, user_id: uuid.UUID) -> tuple[uuid.UUID, datetime] | None:
    """Return the household that the person left last, and when."""
    statement = (
        select(HouseholdMember.household_id, HouseholdMember.left_at)
        .where(HouseholdMember.user_id == user_id, HouseholdMember.left_at.is_not(None))
        .order_by(HouseholdMember.left_at.desc())
        .limit(1)
    )
    row = (await session.execute(statement)).first()
    return (row[0], row[1]) if row is not None and row[1] is not None else None


async def find_last_stay(session: AsyncSession, *, user_id: uuid.UUID) -> HouseholdMember | None:
    query = select(HouseholdMember).where(HouseholdMember.user_id == user_id)
    return await session.scalar(query.order_by(HouseholdMember.membership_id.desc()).limit(1))


async def stays_of(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[HouseholdMember]:
    """Return the stays of a person, newest first."""
    query = select(HouseholdMember).where(HouseholdMember.user_id == user_id)
    if before is not None:
        query = query.where(HouseholdMember.membership_id < before)
    return (await session.scalars(query.order_by(HouseholdMember.membership_id.desc()).limit(limit))).all()


async def find_stay(
    session: AsyncSession, *, household_id: uuid.UUID, membership_id: uuid.UUID
) -> HouseholdMember | None:
    """Return a stay in this household, also one that has ended."""
    query = select(HouseholdMember).where(
        HouseholdMember.membership_id == membership_id, HouseholdMember.household_id == household_id
    )
    return await session.scalar(query.execution_options(populate_existing=True))


async def live_members(session: AsyncSession, *, household_id: uuid.UUID) -> Sequence[HouseholdMember]:
    """Return the present members, the longest-standing first."""
    query = select(HouseholdMember).where(HouseholdMember.household_id == household_id, _IS_MEMBER)
    query = query.order_by(HouseholdMember.joined_at, HouseholdMember.membership_id)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def clear_nicknames(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(
        update(HouseholdMember).where(HouseholdMember.user_id == user_id).values(nickname_sealed=None)
    )


async def find_handover(session: AsyncSession, *, household_id: uuid.UUID) -> HouseholdHandover | None:
    return await session.get(HouseholdHandover, household_id, populate_existing=True)


async def save_handover(session: AsyncSession, row: HouseholdHandover) -> None:
    await delete_handover(session, household_id=row.household_id)
    session.add(row)
    await session.flush()


async def delete_handover(session: AsyncSession, *, household_id: uuid.UUID) -> None:
    await session.execute(delete(HouseholdHandover).where(HouseholdHandover.household_id == household_id))


async def count_members(session: AsyncSession, *, household_id: uuid.UUID) -> int:
    statement = select(func.count()).where(HouseholdMember.household_id == household_id, _IS_MEMBER)
    return await session.scalar(statement) or 0


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def add_invitation(session: AsyncSession, row: HouseholdInvitation) -> None:
    session.add(row)
    await session.flush()


async def lock_invitation(session: AsyncSession, *, token_sha256: bytes) -> HouseholdInvitation | None:
    statement = select(HouseholdInvitation).where(HouseholdInvitation.token_sha256 == token_sha256)
    return await session.scalar(statement.with_for_update())


async def delete_invitations(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    past = (
        select(HouseholdInvitation.token_sha256).where(HouseholdInvitation.expires_at < before).limit(at_most)
    ).scalar_subquery()
    await session.execute(delete(HouseholdInvitation).where(HouseholdInvitation.token_sha256.in_(past)))


async def memberships_of(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Return all stays that a person ever had."""
    return (
        await session.scalars(select(HouseholdMember.membership_id).where(HouseholdMember.user_id == user_id))
    ).all()

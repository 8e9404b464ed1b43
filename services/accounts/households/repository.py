import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.households.models import Household, HouseholdInvitation, HouseholdMember, HouseholdMeter

_IS_MEMBER = HouseholdMember.left_at.is_(None)
_IN_USE = HouseholdMeter.ended_at.is_(None)


async def add_household(session: AsyncSession, row: Household) -> None:
    session.add(row)
    await session.flush()


async def lock_household(session: AsyncSession, *, household_id: uuid.UUID) -> Household | None:
    return await session.scalar(select(Household).where(Household.household_id == household_id).with_for_update())


async def find_household(session: AsyncSession, *, household_id: uuid.UUID) -> Household | None:
    return await session.get(Household, household_id)


async def add_member(session: AsyncSession, row: HouseholdMember) -> None:
    session.add(row)
    await session.flush()


async def find_membership(session: AsyncSession, *, user_id: uuid.UUID) -> HouseholdMember | None:
    """Return the live membership of a person."""
    return await session.scalar(select(HouseholdMember).where(HouseholdMember.user_id == user_id, _IS_MEMBER))


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


async def count_members(session: AsyncSession, *, household_id: uuid.UUID) -> int:
    statement = select(func.count()).where(HouseholdMember.household_id == household_id, _IS_MEMBER)
    return await session.scalar(statement) or 0


async def find_meter(session: AsyncSession, *, household_id: uuid.UUID) -> HouseholdMeter | None:
    return await session.scalar(select(HouseholdMeter).where(HouseholdMeter.household_id == household_id, _IN_USE))


async def try_add_meter(session: AsyncSession, values: dict[str, Any]) -> HouseholdMeter | None:
    """Return None when another household has the meter, also when a concurrent transaction has just registered it."""
    statement = insert(HouseholdMeter).values(**values).on_conflict_do_nothing().returning(HouseholdMeter)
    return await session.scalar(statement)


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

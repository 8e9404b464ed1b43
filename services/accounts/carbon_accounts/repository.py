import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.carbon_accounts.models import CarbonAccount


async def by_user(session: AsyncSession, *, user_id: uuid.UUID) -> CarbonAccount | None:
    return await session.scalar(select(CarbonAccount).where(CarbonAccount.user_id == user_id))


async def by_household(session: AsyncSession, *, household_id: uuid.UUID) -> CarbonAccount | None:
    return await session.scalar(select(CarbonAccount).where(CarbonAccount.household_id == household_id))


async def by_enterprise(session: AsyncSession, *, enterprise_id: uuid.UUID) -> CarbonAccount | None:
    return await session.scalar(select(CarbonAccount).where(CarbonAccount.enterprise_id == enterprise_id))


async def numbers_of(session: AsyncSession, *, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    statement = select(CarbonAccount.account_id, CarbonAccount.account_no)
    rows = await session.execute(statement.where(CarbonAccount.account_id.in_(account_ids)))
    return {row[0]: row[1] for row in rows}


async def by_number(session: AsyncSession, *, account_no: str) -> CarbonAccount | None:
    return await session.scalar(select(CarbonAccount).where(CarbonAccount.account_no == account_no))


async def users_of(session: AsyncSession, *, account_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
    rows = await session.execute(
        select(CarbonAccount.account_id, CarbonAccount.user_id).where(
            CarbonAccount.account_id.in_(account_ids), CarbonAccount.user_id.is_not(None)
        )
    )
    return {row.account_id: row.user_id for row in rows}


async def try_insert(
    session: AsyncSession,
    *,
    account_id: uuid.UUID,
    account_no: str,
    kind: str,
    at: datetime,
    user_id: uuid.UUID | None = None,
    household_id: uuid.UUID | None = None,
    enterprise_id: uuid.UUID | None = None,
) -> CarbonAccount | None:
    """Return None when the account number is taken."""
    statement = (
        insert(CarbonAccount)
        .values(
            account_id=account_id,
            user_id=user_id,
            household_id=household_id,
            enterprise_id=enterprise_id,
            account_no=account_no,
            kind=kind,
            opened_at=at,
        )
        .on_conflict_do_nothing(index_elements=[CarbonAccount.account_no])
        .returning(CarbonAccount)
    )
    return await session.scalar(statement)

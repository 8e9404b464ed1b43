import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.meters.models import HouseholdMeter, MeterClaim

_IN_USE = HouseholdMeter.ended_at.is_(None)
_PENDING = MeterClaim.status == "pending"


async def find_meter(session: AsyncSession, *, household_id: uuid.UUID) -> HouseholdMeter | None:
    query = select(HouseholdMeter).where(HouseholdMeter.household_id == household_id, _IN_USE)
    return await session.scalar(query.execution_options(populate_existing=True))


async def lock_meter(session: AsyncSession, *, meter_key: str) -> None:
    """Wait for other decisions about the meter, until the end of the transaction."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": meter_key})


async def find_holder(session: AsyncSession, *, meter_key: str) -> uuid.UUID | None:
    """Return the household that has the meter now."""
    return await session.scalar(
        select(HouseholdMeter.household_id).where(HouseholdMeter.meter_key == meter_key, _IN_USE)
    )


async def try_add_meter(session: AsyncSession, values: dict[str, Any]) -> HouseholdMeter | None:
    """Return None when another household has the meter, also when a concurrent transaction has just registered it."""
    statement = insert(HouseholdMeter).values(**values).on_conflict_do_nothing().returning(HouseholdMeter)
    return await session.scalar(statement)


async def find_pending(session: AsyncSession, *, household_id: uuid.UUID) -> MeterClaim | None:
    query = select(MeterClaim).where(MeterClaim.household_id == household_id, _PENDING)
    return await session.scalar(query.execution_options(populate_existing=True))


async def find_newest_claim(session: AsyncSession, *, household_id: uuid.UUID) -> MeterClaim | None:
    query = select(MeterClaim).where(MeterClaim.household_id == household_id).order_by(MeterClaim.claim_id.desc())
    return await session.scalar(query.limit(1))


async def add_claim(session: AsyncSession, row: MeterClaim) -> None:
    session.add(row)
    await session.flush()


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def expire_claims(session: AsyncSession, *, now: datetime, at_most: int) -> None:
    due = text(
        "claim_id = ANY(ARRAY(SELECT claim_id FROM accounts.meter_claim WHERE status = 'pending'"
        " AND expires_at <= :now LIMIT :n FOR UPDATE SKIP LOCKED))"
    ).bindparams(now=now, n=at_most)
    await session.execute(update(MeterClaim).where(due).values(status="expired", decided_at=now))

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.household_rules.models import HouseholdRule, RuleAgreement, RuleProposal


async def find_rule(session: AsyncSession, *, household_id: uuid.UUID) -> HouseholdRule | None:
    return await session.get(HouseholdRule, household_id, populate_existing=True)


async def find_open(session: AsyncSession, *, household_id: uuid.UUID) -> RuleProposal | None:
    query = select(RuleProposal).where(RuleProposal.household_id == household_id, RuleProposal.status == "open")
    return await session.scalar(query.execution_options(populate_existing=True))


async def add(session: AsyncSession, row: HouseholdRule | RuleProposal) -> None:
    session.add(row)
    await session.flush()


async def add_agreement(
    session: AsyncSession, *, proposal_id: uuid.UUID, membership_id: uuid.UUID, at: datetime
) -> None:
    new = insert(RuleAgreement).values(proposal_id=proposal_id, membership_id=membership_id, agreed_at=at)
    await session.execute(new.on_conflict_do_nothing())


async def agreed(session: AsyncSession, *, proposal_id: uuid.UUID) -> Collection[uuid.UUID]:
    query = select(RuleAgreement.membership_id).where(RuleAgreement.proposal_id == proposal_id)
    return set((await session.scalars(query)).all())


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()

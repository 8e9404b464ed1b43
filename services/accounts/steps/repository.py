import uuid
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.steps.models import StepsReported


async def reported_through(session: AsyncSession, *, user_id: uuid.UUID) -> date | None:
    return await session.scalar(select(StepsReported.reported_through).where(StepsReported.user_id == user_id))


async def note_reported(session: AsyncSession, *, user_id: uuid.UUID, through: date, at: datetime) -> None:
    new = insert(StepsReported).values(user_id=user_id, reported_through=through, changed_at=at)
    later = func.greatest(StepsReported.reported_through, through)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[StepsReported.user_id], set_={"reported_through": later, "changed_at": at}
        )
    )


async def delete_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(StepsReported).where(StepsReported.user_id == user_id))

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.operators.models import OperatorAction


async def add(session: AsyncSession, action: OperatorAction) -> None:
    session.add(action)
    await session.flush()


async def most_of_one_operator(session: AsyncSession, *, since: datetime) -> int:
    """Return the largest number of actions of one operator since then."""
    counts = select(func.count().label("n")).where(OperatorAction.at >= since).group_by(OperatorAction.operator)
    return await session.scalar(select(func.max(counts.subquery().c.n))) or 0

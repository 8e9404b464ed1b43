from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.operators.models import OperatorAction


async def add(session: AsyncSession, action: OperatorAction) -> None:
    session.add(action)
    await session.flush()


async def list_of_account(
    session: AsyncSession, *, account_no: str, action: str, before: int | None, limit: int
) -> Sequence[OperatorAction]:
    """Return what operators did with an account, the newest first."""
    statement = select(OperatorAction).where(OperatorAction.account_no == account_no, OperatorAction.action == action)
    if before is not None:
        statement = statement.where(OperatorAction.id < before)
    return (await session.scalars(statement.order_by(OperatorAction.id.desc()).limit(limit))).all()


async def most_of_one_operator(session: AsyncSession, *, since: datetime) -> int:
    """Return the largest number of actions of one operator since then."""
    counts = select(func.count().label("n")).where(OperatorAction.at >= since).group_by(OperatorAction.operator)
    return await session.scalar(select(func.max(counts.subquery().c.n))) or 0

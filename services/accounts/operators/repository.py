from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.operators.models import OperatorAction


async def add(session: AsyncSession, action: OperatorAction) -> None:
    session.add(action)
    await session.flush()

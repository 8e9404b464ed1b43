"""The snapshot for a check that reads all tables one after another."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def use_one_snapshot(session: AsyncSession) -> None:
    """Must be the first statement: otherwise orders confirmed between two reads would look like differences."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))

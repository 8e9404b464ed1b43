"""SQL of events per partner and day."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.limits.models import partner_usage


async def add_usage(session: AsyncSession, events: Mapping[tuple[str, date], int]) -> None:
    """Rows are written in the order of their keys, so that two processes cannot deadlock."""
    rows = [{"partner_id": partner, "day": day, "events": count} for (partner, day), count in sorted(events.items())]
    statement = insert(partner_usage).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[partner_usage.c.partner_id, partner_usage.c.day],
            set_={"events": partner_usage.c.events + statement.excluded.events},
        )
    )


async def usage_of_day(session: AsyncSession, day: date) -> dict[str, int]:
    rows = await session.execute(
        select(partner_usage.c.partner_id, partner_usage.c.events).where(partner_usage.c.day == day)
    )
    return {row.partner_id: row.events for row in rows}

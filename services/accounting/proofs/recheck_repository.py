"""SQL of the nightly recheck: its runs and the results per day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.proofs.models import checked_day, seal_check

_RUNS_KEPT = timedelta(days=90)


async def newest_run(session: AsyncSession, *, finished: bool | None = None) -> Any | None:
    query = select(seal_check).order_by(seal_check.c.newest_day.desc()).limit(1)
    if finished is not None:
        query = query.where(seal_check.c.finished_at.is_not(None) if finished else seal_check.c.finished_at.is_(None))
    return (await session.execute(query)).first()


async def begin_run(session: AsyncSession, newest_day: date, position: Mapping[str, Any]) -> None:
    await session.execute(
        insert(seal_check).values(newest_day=newest_day, position=dict(position), findings=[], equations={})
    )
    await session.execute(delete(seal_check).where(seal_check.c.newest_day < newest_day - _RUNS_KEPT))


async def save_run(session: AsyncSession, newest_day: date, values: Mapping[str, Any], *, finished: bool) -> None:
    ended = {"finished_at": func.now()} if finished else {}
    await session.execute(
        update(seal_check)
        .where(seal_check.c.newest_day == newest_day)
        .values(**values, **ended, steps=seal_check.c.steps + 1)
    )


async def set_checked(session: AsyncSession, day: date, findings: int) -> None:
    row = {"day": day, "findings": findings}
    await session.execute(
        upsert(checked_day)
        .values(**row)
        .on_conflict_do_update(index_elements=["day"], set_={"findings": findings, "checked_at": func.now()})
    )

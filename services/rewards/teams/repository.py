"""SQL of teams."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Uuid, any_, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.teams.models import team, team_member


async def count_opened(session: AsyncSession, user_id: uuid.UUID) -> int:
    query = select(func.count()).select_from(team).where(team.c.opened_by == user_id)
    return int(await session.scalar(query) or 0)


async def add_team(session: AsyncSession, *, team_id: uuid.UUID, name: str, opened_by: uuid.UUID) -> None:
    await session.execute(insert(team).values(team_id=team_id, name=name, opened_by=opened_by))


async def add_member(
    session: AsyncSession, *, team_id: uuid.UUID, user_id: uuid.UUID, member_id: uuid.UUID, is_owner: bool
) -> bool:
    """False if the person is in a team already."""
    new = upsert(team_member).values(team_id=team_id, user_id=user_id, member_id=member_id, is_owner=is_owner)
    added = await session.execute(new.on_conflict_do_nothing().returning(team_member.c.user_id))
    return added.first() is not None


async def team_of(session: AsyncSession, user_id: uuid.UUID) -> uuid.UUID | None:
    return await session.scalar(select(team_member.c.team_id).where(team_member.c.user_id == user_id))


async def teams_of(session: AsyncSession, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    among = team_member.c.user_id == any_(literal(sorted(user_ids), ARRAY(Uuid)))
    rows = await session.execute(select(team_member.c.user_id, team_member.c.team_id).where(among))
    return {row.user_id: row.team_id for row in rows}


async def find(session: AsyncSession, team_id: uuid.UUID) -> Any | None:
    return (await session.execute(select(team).where(team.c.team_id == team_id))).one_or_none()


async def lock(session: AsyncSession, team_id: uuid.UUID) -> Any | None:
    """Lock an open team until the transaction ends: members come and go one after another."""
    query = select(team).where(team.c.team_id == team_id, team.c.closed_at.is_(None)).with_for_update()
    return (await session.execute(query)).one_or_none()


async def id_of_code(session: AsyncSession, code_hash: bytes) -> uuid.UUID | None:
    query = select(team.c.team_id).where(
        team.c.code_hash == code_hash, team.c.code_expires_at > func.clock_timestamp(), team.c.closed_at.is_(None)
    )
    return await session.scalar(query)


async def members(session: AsyncSession, team_id: uuid.UUID) -> Sequence[Any]:
    """Return the members, the owner first, then by the time of joining."""
    query = (
        select(team_member)
        .where(team_member.c.team_id == team_id)
        .order_by(team_member.c.is_owner.desc(), team_member.c.joined_at, team_member.c.user_id)
    )
    return (await session.execute(query)).all()


async def rename(session: AsyncSession, team_id: uuid.UUID, name: str) -> None:
    await session.execute(update(team).where(team.c.team_id == team_id).values(name=name))


async def set_code(session: AsyncSession, team_id: uuid.UUID, code_hash: bytes | None, life: timedelta) -> Any:
    """Replace the code. Return when it expires."""
    expires_at = None if code_hash is None else func.clock_timestamp() + life
    changed = update(team).where(team.c.team_id == team_id).values(code_hash=code_hash, code_expires_at=expires_at)
    return await session.scalar(changed.returning(team.c.code_expires_at))


async def remove_member(session: AsyncSession, user_id: uuid.UUID) -> None:
    await session.execute(delete(team_member).where(team_member.c.user_id == user_id))


async def hand_over(session: AsyncSession, team_id: uuid.UUID, member_id: uuid.UUID) -> None:
    of_team = team_member.c.team_id == team_id
    await session.execute(update(team_member).where(of_team, team_member.c.is_owner).values(is_owner=False))
    await session.execute(
        update(team_member).where(of_team, team_member.c.member_id == member_id).values(is_owner=True)
    )


async def close(session: AsyncSession, team_id: uuid.UUID) -> None:
    await session.execute(delete(team_member).where(team_member.c.team_id == team_id))
    await session.execute(
        update(team)
        .where(team.c.team_id == team_id)
        .values(closed_at=func.clock_timestamp(), code_hash=None, code_expires_at=None)
    )


async def add_donated(session: AsyncSession, amounts_mg: Mapping[uuid.UUID, int]) -> None:
    """Add milligrams to the sums of teams, one after another by id."""
    for team_id in sorted(amounts_mg):
        added = team.c.donated_mg + amounts_mg[team_id]
        await session.execute(update(team).where(team.c.team_id == team_id).values(donated_mg=added))


async def sums(session: AsyncSession) -> dict[uuid.UUID, int]:
    rows = await session.execute(select(team.c.team_id, team.c.donated_mg).where(team.c.donated_mg > 0))
    return {row.team_id: row.donated_mg for row in rows}

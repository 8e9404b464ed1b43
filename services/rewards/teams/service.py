"""Use cases of teams: open, invite, join, leave, hand over, close. Who joins and who leaves is decided under the team's
lock, so that it never has more members than MEMBERS_MAX.

Whoever donates in the name of a team stays the donor. The team's sum counts the donation.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.donor_names import service as donor_names
from services.rewards.teams import repository
from services.rewards.teams.domain import CODE_LIFE, MEMBERS_MAX, OPENED_MAX, code_hash, new_code
from services.rewards.teams.errors import (
    InATeamAlready,
    TeamCodeInvalid,
    TeamFull,
    TeamMemberNotFound,
    TeamNeedsOwner,
    TeamNotFound,
    TeamOwnerRequired,
    TooManyTeams,
)
from shared.db import Session
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Member:
    """`name`: the public name, for those who agreed to one."""

    member_id: uuid.UUID
    name: str | None
    is_owner: bool
    is_me: bool
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Team:
    """A team as one of its members sees it."""

    team_id: uuid.UUID
    name: str
    donated_mg: int
    members: tuple[Member, ...]
    invited_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    code: str
    expires_at: datetime


async def open_team(session: Session, *, user_id: uuid.UUID, name: str) -> Team:
    """Raises InATeamAlready, TooManyTeams."""
    if await repository.team_of(session, user_id) is not None:
        raise InATeamAlready
    if await repository.count_opened(session, user_id) >= OPENED_MAX:
        raise TooManyTeams(most=OPENED_MAX)
    team_id = new_id()
    await repository.add_team(session, team_id=team_id, name=name, opened_by=user_id)
    if not await repository.add_member(
        session, team_id=team_id, user_id=user_id, member_id=uuid.uuid4(), is_owner=True
    ):
        raise InATeamAlready
    return await get_own(session, user_id=user_id)


async def get_own(session: Session, *, user_id: uuid.UUID) -> Team:
    """Return the team of the user. Raises TeamNotFound."""
    team_id = await repository.team_of(session, user_id)
    row = None if team_id is None else await repository.find(session, team_id)
    if row is None:
        raise TeamNotFound
    rows = await repository.members(session, row.team_id)
    names = await donor_names.names_of(session, user_ids=[one.user_id for one in rows])
    return Team(
        team_id=row.team_id,
        name=row.name,
        donated_mg=row.donated_mg,
        members=tuple(
            Member(one.member_id, names.get(one.user_id), one is rows[0], one.user_id == user_id, one.joined_at)
            for one in rows
        ),
        invited_until=row.code_expires_at,
        created_at=row.created_at,
    )


async def rename(session: Session, *, user_id: uuid.UUID, name: str) -> Team:
    """Raises TeamNotFound, TeamOwnerRequired."""
    row, _ = await _lock_as_owner(session, user_id)
    await repository.rename(session, row.team_id, name)
    return await get_own(session, user_id=user_id)


async def invite(session: Session, *, user_id: uuid.UUID) -> Invitation:
    """Make a code for new members. It replaces the code of before. Raises TeamNotFound, TeamOwnerRequired."""
    row, _ = await _lock_as_owner(session, user_id)
    code = new_code()
    return Invitation(code, await repository.set_code(session, row.team_id, code_hash(code), CODE_LIFE))


async def withdraw_invitation(session: Session, *, user_id: uuid.UUID) -> None:
    """Raises TeamNotFound, TeamOwnerRequired."""
    row, _ = await _lock_as_owner(session, user_id)
    await repository.set_code(session, row.team_id, None, CODE_LIFE)


async def join(session: Session, *, user_id: uuid.UUID, code: str) -> Team:
    """Join by a code. Repeatable. Raises TeamCodeInvalid, TeamFull, InATeamAlready."""
    team_id = await repository.id_of_code(session, code_hash(code))
    row = None if team_id is None else await repository.lock(session, team_id)
    if row is None or row.code_hash != code_hash(code):  # replaced while this request waited for the lock
        raise TeamCodeInvalid
    rows = await repository.members(session, row.team_id)
    if not any(one.user_id == user_id for one in rows):
        if not rows:  # everybody has left or is erased
            raise TeamCodeInvalid
        if len(rows) >= MEMBERS_MAX:
            raise TeamFull(most=MEMBERS_MAX)
        if not await repository.add_member(
            session, team_id=row.team_id, user_id=user_id, member_id=uuid.uuid4(), is_owner=False
        ):
            raise InATeamAlready
    return await get_own(session, user_id=user_id)


async def leave(session: Session, *, user_id: uuid.UUID) -> None:
    """Leave. The last member closes the team. Raises TeamNotFound, TeamNeedsOwner."""
    row, rows = await _lock_own(session, user_id)
    if len(rows) == 1:
        await repository.close(session, row.team_id)
    elif rows[0].user_id == user_id:
        raise TeamNeedsOwner
    else:
        await repository.remove_member(session, user_id)


async def hand_over(session: Session, *, user_id: uuid.UUID, member_id: uuid.UUID) -> Team:
    """Raises TeamNotFound, TeamOwnerRequired, TeamMemberNotFound."""
    row, rows = await _lock_as_owner(session, user_id)
    if not any(one.member_id == member_id for one in rows):
        raise TeamMemberNotFound
    await repository.hand_over(session, row.team_id, member_id)
    return await get_own(session, user_id=user_id)


async def close(session: Session, *, user_id: uuid.UUID) -> None:
    """Close the team. What was given in its name stays given. Raises TeamNotFound, TeamOwnerRequired."""
    row, _ = await _lock_as_owner(session, user_id)
    await repository.close(session, row.team_id)


async def _lock_own(session: Session, user_id: uuid.UUID) -> tuple[Any, list[Any]]:
    """Return the locked team of the user and its members, the owner first.

    An owner who was erased has no row any more. Then the member of the longest standing is the owner.
    """
    team_id = await repository.team_of(session, user_id)
    row = None if team_id is None else await repository.lock(session, team_id)
    rows = [] if row is None else list(await repository.members(session, row.team_id))
    if not any(one.user_id == user_id for one in rows):
        raise TeamNotFound
    return row, rows


async def _lock_as_owner(session: Session, user_id: uuid.UUID) -> tuple[Any, list[Any]]:
    row, rows = await _lock_own(session, user_id)
    if rows[0].user_id != user_id:
        raise TeamOwnerRequired
    return row, rows


async def teams_of(session: Session, *, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the team of each user who is in one."""
    return await repository.teams_of(session, user_ids) if user_ids else {}


async def add_donated(session: Session, *, amounts_mg: Mapping[uuid.UUID, int]) -> None:
    """Add donations to the sums of teams. Locks them by id."""
    await repository.add_donated(session, amounts_mg)


async def sums(session: Session) -> dict[uuid.UUID, int]:
    """Return the sums of all teams that have one, in milligrams. For the check of counters."""
    return await repository.sums(session)

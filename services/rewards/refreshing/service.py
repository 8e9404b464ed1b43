"""Use cases of refreshing: take what is due, decide badges and places anew from the sums.

One refresher at a time, so badges and places have one writer. Everything is decided from the sums as they are, never
from a difference: a repeat changes nothing, and a rebuild is the same work for everybody.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from services.rewards.badges import service as badges
from services.rewards.badges.rules import rules_sha256
from services.rewards.erased_accounts import service as erased_accounts
from services.rewards.erasures import service as erasures
from services.rewards.memberships import service as memberships
from services.rewards.memberships.domain import Group
from services.rewards.participants import service as participants
from services.rewards.rankings import service as rankings
from services.rewards.rankings.service import Generation
from services.rewards.recognition import service as recognition
from services.rewards.recognition.domain import LAST_ACCOUNT, State
from shared import clock
from shared.contracts.erasures_v1 import ErasureAsked
from shared.db import Database, Session
from shared.projection import Items

DUE_MAX: Final = 4_000
_ROUNDS_MAX: Final = 20


async def refresh_all_due(database: Database, *, time_zone: str) -> int:
    """Refresh while something is due, each round in a transaction of its own. Return how many entries. Timed job."""
    total = 0
    for _ in range(_ROUNDS_MAX):
        async with database.transaction() as session:
            done = await refresh_due(session, time_zone=time_zone)
        total += done
        if done < DUE_MAX:
            break
    return total


async def refresh_due(session: Session, *, time_zone: str, limit: int = DUE_MAX) -> int:
    """Refresh the oldest entries. Return how many; 0 also while another process refreshes."""
    if not await recognition.is_only_refresher(session):
        return 0
    due = await recognition.take_due(session, limit=limit)
    await _sweep_if_rules_changed(session)
    swept = await recognition.take_swept(session, limit=limit - len(due)) if len(due) < limit else []
    if due or swept:
        today = clock.local_date(clock.now(), time_zone)
        accounts = {one.subject for one in due if one.kind == recognition.ACCOUNT} | set(swept)
        group_ids = {one.subject for one in due if one.kind == recognition.GROUP}
        await refresh(session, account_ids=accounts, group_ids=group_ids, today=today)
    return len(due) + len(swept)


async def _sweep_if_rules_changed(session: Session) -> None:
    """Look at everybody again after a change of the rules, while nothing else is due."""
    if (await recognition.get_state(session)).rules_sha256 != rules_sha256():
        await recognition.start_sweep(session, rules_sha256=rules_sha256())


async def refresh(
    session: Session, *, account_ids: Collection[uuid.UUID], group_ids: Collection[uuid.UUID], today: date
) -> None:
    """Decide badges and places of these accounts and groups, and of the groups that they belong to."""
    erased = await erased_accounts.erased_among(session, account_ids)
    concerned = await memberships.groups_of(session, account_ids=account_ids)
    await _forget(session, erased)
    groups = await memberships.find_groups(session, group_ids=concerned | set(group_ids))
    people = set(account_ids) - {group.account_id for group in groups.values()}
    households = [group for group in groups.values() if group.kind == "household"]
    housemates = {account_id for group in households for account_id in group.members}
    await badges.refresh(session, account_ids=(people - erased) | housemates, households=households)
    state = await recognition.get_state(session)
    for generation in generations_of(state):
        await _rank(session, people, groups, generation, today)


async def _rank(
    session: Session,
    people: Collection[uuid.UUID],
    groups: Mapping[uuid.UUID, Group],
    generation: Generation,
    today: date,
) -> None:
    await rankings.refresh_people(session, account_ids=people, generation=generation, today=today)
    await rankings.refresh_groups(session, groups=groups, generation=generation, today=today)


def generations_of(state: State) -> list[Generation]:
    """Return the generations whose boards follow every change: the live one, and a new one whose sums are complete."""
    found = [Generation(state.live, is_live=True)]
    if state.building is not None and state.built_through == LAST_ACCOUNT:
        found.append(Generation(state.building, is_live=False))
    return found


async def _forget(session: Session, account_ids: Collection[uuid.UUID]) -> None:
    """Delete what is known about erased people. A verdict under way may have come after the erasure."""
    for room in (badges, participants, memberships, recognition):
        await room.erase_accounts(session, account_ids=account_ids)


async def handle_erasures(session: Session, items: Items[ErasureAsked], *, topic: str) -> None:
    """Store new tasks, and take erased people off the boards at once. Consumer of `accounts.erasures.v1`."""
    await erasures.handle_asked(session, items, topic=topic)
    await recognition.mark_accounts(session, account_ids={asked.account_id for _, asked in items})


async def delete_old_boards(session: Session, *, time_zone: str) -> None:
    """Timed job."""
    if await recognition.is_only_refresher(session):
        state = await recognition.get_state(session)
        kept = [one for one in (state.live, state.building) if one is not None]
        today = clock.local_date(clock.now(), time_zone)
        await rankings.delete_old_boards(session, today=today, generations=kept)

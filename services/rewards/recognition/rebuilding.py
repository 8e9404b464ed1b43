"""Use cases of a rebuild of the sums: a new generation beside the live one, which follows verdicts while it is built.

Steps hold the lock of the sums, so no verdict comes between the reading of acts and the writing of their sums. An
account that a step has built takes every later verdict in both generations.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from services.rewards.recognition import rebuild_repository, repository
from services.rewards.recognition.domain import LAST_ACCOUNT, State
from shared.db import Session

# A step takes some tenths of a second. Meanwhile verdicts wait.
ACTS_PER_STEP: Final = 20_000
_ROWS_DELETED_MAX: Final = 20_000
_FIRST_ACCOUNT: Final = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Step:
    """`differences`: rows that the live generation has otherwise."""

    is_last: bool
    differences: int


async def start(session: Session) -> State:
    """Begin a generation, or go on with the one that was begun. Return the state."""
    await repository.lock_sums(session)
    state = await repository.get_state(session)
    if state.building is None:
        building = state.live % 32_000 + 1
        await repository.set_generations(session, live=state.live, building=building, built_through=_FIRST_ACCOUNT)
    return await repository.get_state(session)


async def build_sums(session: Session, *, acts: int = ACTS_PER_STEP) -> Step:
    """Build the sums of the next accounts."""
    await repository.lock_sums(session)
    state = await repository.get_state(session)
    if state.building is None or state.built_through is None:
        raise RuntimeError("no rebuild was started")
    after = state.built_through
    through = await rebuild_repository.end_of_range(session, after, acts)
    if through is None:
        through = LAST_ACCOUNT
    await rebuild_repository.build_range(session, state.building, after, through)
    differences = await rebuild_repository.count_differences(session, state.live, state.building, after, through)
    await repository.set_generations(session, live=state.live, building=state.building, built_through=through)
    return Step(through == LAST_ACCOUNT, differences)


async def make_live(session: Session) -> int:
    """Read the new generation from now on. Return it."""
    await repository.lock_sums(session)
    state = await repository.get_state(session)
    if state.building is None or state.built_through != LAST_ACCOUNT:
        raise RuntimeError("the new generation is not complete")
    await repository.set_generations(session, live=state.building, building=None, built_through=None)
    return state.building


async def delete_former(session: Session) -> int:
    """Delete some rows of generations that are no longer in use. Return how many; 0: they are gone."""
    state = await repository.get_state(session)
    in_use = [one for one in (state.live, state.building) if one is not None]
    return await rebuild_repository.delete_others(session, in_use, _ROWS_DELETED_MAX)

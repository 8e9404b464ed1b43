"""Freed room: an act that is taken back leaves room under caps, is no original of a repeat any more, and gives back its
number, meter or vehicle.

A timed job judges the acts again that were refused for want of this, of whomever, in the order of the acts. It
writes and announces the verdicts that changed. Locks as everywhere: activities, people, households and meters, shared
rows.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.accounting.households import service as households
from services.accounting.judging.domain import usage_of
from services.accounting.judging.stored import counted_keys_of, from_row
from services.accounting.posting import freed_room_repository as repository
from services.accounting.posting import service
from services.accounting.posting.closing import Programme, closing
from services.accounting.posting.freed_room_repository import ClaimSearch, Search
from shared.contracts.bounds import EARLIEST
from shared.db import Connection, Session, driver

# A run holds the locks of these people for some hundred milliseconds. The next run takes the rest.
_FREED_MAX: Final = 100
_ACTS_MAX: Final = 200
_FIRST_ID: Final = uuid.UUID(int=0)


async def fill_freed_room(session: Session, *, programme: Programme) -> int:
    """Judge refused acts again that may use freed room. Return how many verdicts changed. Timed job."""
    connection = await driver(session)
    if not await repository.try_lock(connection):
        return 0
    freed = await repository.freed(connection, programme.index.held, _FREED_MAX)
    if not freed:
        return 0
    searches = await _searches(connection, freed, programme.time_zone)
    found = [
        *await repository.refused_acts(connection, searches, _ACTS_MAX),
        *await repository.refused_claims(connection, _claim_searches(freed), _ACTS_MAX),
    ]
    acts, reached = _in_reach(found)
    await repository.finish(connection, [row["activity_id"] for row in freed if row["activity_id"] not in reached])
    await repository.move_on(connection, [(freed_by, *place) for freed_by, place in reached.items()])
    if not acts:
        return 0
    async with closing(session, programme) as closed:
        return await service.judge_again(session, acts, programme=programme, closing=closed)


async def _searches(connection: Connection, freed: Sequence[Any], time_zone: str) -> list[Search]:
    """Return one search for each person who may use the room of an activity."""
    since = {row["activity_id"]: _period_start(row, time_zone) for row in freed}
    shared = {row["account_id"] for row in freed if _is_shared(row)}
    sharers = await households.sharers_of(connection, shared, min(since.values())) if shared else {}
    return [
        Search(
            row["activity_id"],
            account_id,
            since[row["activity_id"]],
            row["after_at"] or EARLIEST,
            row["after_id"] or _FIRST_ID,
        )
        for row in freed
        for account_id in sorted(sharers.get(row["account_id"], {row["account_id"]}))
    ]


def _claim_searches(freed: Sequence[Any]) -> list[ClaimSearch]:
    """Return one search for each activity that had used a number, meter or vehicle."""
    keys = [(row, *counted_keys_of(row)) for row in freed]
    return [
        ClaimSearch(row["activity_id"], number, use, row["after_at"] or EARLIEST, row["after_id"] or _FIRST_ID)
        for row, number, use in keys
        if number is not None or use is not None
    ]


def _period_start(row: Any, time_zone: str) -> datetime:
    """Return the begin of the earliest period of a cap that the activity had used, or its own begin."""
    zone = ZoneInfo(time_zone)
    periods = [datetime.combine(key.period_start, time.min, zone) for key in usage_of(from_row(row))]
    earliest: datetime = min([*periods, row["occurred_at"]])
    return earliest


def _is_shared(row: Any) -> bool:
    return any(key.subject_id != row["account_id"] for key in usage_of(from_row(row)))


def _in_reach(found: Sequence[Any]) -> tuple[list[Any], dict[uuid.UUID, tuple[datetime, uuid.UUID]]]:
    """Return the acts to judge in their order, each once, and the places reached in searches with more acts.

    Where a search was cut off, later acts of other people wait for the next run, so that the order holds.
    """
    by_search: dict[tuple[uuid.UUID, uuid.UUID], list[Any]] = defaultdict(list)
    for row in found:
        by_search[row["freed_by"], row["search"]].append(row)
    reached: dict[uuid.UUID, tuple[datetime, uuid.UUID]] = {}
    for (freed_by, _), rows in by_search.items():
        if len(rows) == _ACTS_MAX:
            last = _place(rows[-1])
            reached[freed_by] = min(last, reached.get(freed_by, last))
    acts = {
        row["activity_id"]: row
        for row in found
        if row["freed_by"] not in reached or _place(row) <= reached[row["freed_by"]]
    }
    return sorted(acts.values(), key=_place), reached


def _place(row: Any) -> tuple[datetime, uuid.UUID]:
    return row["occurred_at"], row["activity_id"]

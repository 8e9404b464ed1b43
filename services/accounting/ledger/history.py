"""Use cases that read postings in time order: for seals, counts and checks."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.accounting.ledger import history_repository as repository
from shared.db import Session, driver
from shared.seals import closing

# One statement reads and sorts ten minutes of postings of a city, far below the statement timeout.
_SLICE = timedelta(minutes=10)
_ID_SLACK = timedelta(days=1)
_BATCH = 1000  # some milliseconds of hashing, then the consumers of the process can run


async def stream_postings(session: Session, *, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
    """Yield batches of postings with begin <= posted_at < end, in canonical order (time, id)."""
    connection = await driver(session)
    while begin < end:
        upto = min(begin + _SLICE, end)
        async for batch in repository.postings_between(connection, begin, upto, _BATCH):
            yield batch
        begin = upto


async def find_credit(session: Session, *, activity_id: uuid.UUID) -> Any | None:
    """Return the posting that credited an activity, even if it was reversed later."""
    return await repository.credit_of(await driver(session), activity_id)


async def first_posted_at(session: Session) -> datetime | None:
    return await repository.first_posted_at(await driver(session))


async def settled_before(session: Session) -> datetime:
    """Return a time before which no posting can appear any more."""
    return await closing.settled_before(await driver(session))


async def count_before(session: Session, *, moment: datetime) -> int:
    return await repository.count_before(await driver(session), moment)


async def try_lock(session: Session, *, name: str) -> bool:
    """Try to become the only transaction of all workers that does `name`. Return whether it succeeded."""
    return await closing.try_lock(await driver(session), name)


async def acts_between(session: Session, *, begin: datetime, end: datetime) -> tuple[dict[uuid.UUID, int], int]:
    """Return the credited minus reversed acts of each issuance account in [begin, end), and the number of acts read."""
    rows = await repository.acts_between(await driver(session), begin, end)
    return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)


async def largest_credits(session: Session, *, begin: datetime, end: datetime, limit: int) -> Sequence[Any]:
    """Return the largest credits posted in [begin, end): entry_id, at, account_id, amount_mg, acts, activity_id."""
    return await repository.largest_credits(await driver(session), begin, end, limit)


async def largest_receivers(session: Session, *, begin: datetime, end: datetime, limit: int) -> Sequence[Any]:
    """Return the sums of the accounts that were credited most in [begin, end), as `largest_credits` does."""
    return await repository.largest_receivers(await driver(session), begin, end, limit)


async def arrivals(
    session: Session, people: Sequence[uuid.UUID], *, since: datetime, until: datetime
) -> Sequence[tuple[uuid.UUID, int, int]]:
    """Return (account, milligrams, acts) that became available to people in [since, until)."""
    # Posting ids grow with time, except for clock differences and the length of a transaction.
    first_id = uuid.UUID(int=max(int((since - _ID_SLACK).timestamp() * 1000), 0) << 80)
    rows = await repository.arrivals(await driver(session), people, first_id=first_id, since=since, until=until)
    return [(row[0], row[1], row[2]) for row in rows]

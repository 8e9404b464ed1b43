"""Postings in the order of time: read by seals, counts and checks."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.accounting.ledger import history_repository as repository
from shared.db import Session, driver

# One statement reads and sorts ten minutes of a city's postings, far below the server's limit on its duration.
_SLICE = timedelta(minutes=10)
_BATCH = 1000  # some milliseconds of hashing, after which the consumers in the same process have their turn


async def postings(session: Session, *, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
    """Postings with begin <= posted_at < end, in canonical order (time, id), batch by batch in bounded memory."""
    connection = await driver(session)
    while begin < end:
        upto = min(begin + _SLICE, end)
        async for batch in repository.postings_between(connection, begin, upto, _BATCH):
            yield batch
        begin = upto


async def postings_from(
    session: Session, *, first_at: datetime, first_id: uuid.UUID, last_at: datetime, limit: int
) -> Sequence[Any]:
    """At most `limit` postings from this one on in canonical order, none later than `last_at`."""
    return await repository.postings_from(await driver(session), first_at, first_id, last_at, limit)


async def credit_of(session: Session, *, activity_id: uuid.UUID) -> Any | None:
    """The posting that credited an activity, also when it was reversed later."""
    return await repository.credit_of(await driver(session), activity_id)


async def first_posted_at(session: Session) -> datetime | None:
    return await repository.first_posted_at(await driver(session))


async def settled_before(session: Session) -> datetime:
    """No posting can still appear with an earlier time than this."""
    return await repository.settled_before(await driver(session))


async def count_before(session: Session, *, moment: datetime) -> int:
    return await repository.count_before(await driver(session), moment)


async def try_lock(session: Session, *, name: str) -> bool:
    """Whether this transaction is now the only one of all workers that does `name`."""
    return await repository.try_lock(await driver(session), name)


async def acts_between(session: Session, *, begin: datetime, end: datetime) -> tuple[dict[uuid.UUID, int], int]:
    """Acts credited by each issuance account in [begin, end), reversed ones taken off; and how many were seen."""
    rows = await repository.acts_between(await driver(session), begin, end)
    return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)

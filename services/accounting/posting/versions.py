"""Use cases that read the versions of activities in time order, for seals.

A version is an activity with one of its verdicts: the first one, from `recorded_at` on, or a later one. Rows have
`activity_id`, `sequence`, `at` (begin of the version), the verdict's columns, and act and judgement as the database
prints them. Where a later verdict replaced or deleted these texts, `act_sha256` and `judgement_sha256` are set.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.accounting.posting import versions_repository as repository
from shared.db import Session, driver

# One statement reads and sorts ten minutes of a city's activities, far below the statement timeout.
_SLICE = timedelta(minutes=10)
_BATCH = 500  # some ten milliseconds of hashing, then the consumers of the process can run


async def versions(session: Session, *, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
    """Yield batches of versions that began in [begin, end), in canonical order (time, activity, sequence)."""
    connection = await driver(session)
    while begin < end:
        upto = min(begin + _SLICE, end)
        async for batch in repository.versions_between(connection, begin, upto, _BATCH):
            yield batch
        begin = upto


async def version_at(session: Session, *, activity_id: uuid.UUID, at: datetime) -> Any | None:
    """Return the version that began at this time: a credit and its version begin together."""
    return await repository.version_at(await driver(session), activity_id, at)


async def erase_acts(session: Session, *, account_id: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Remove the content of a person's acts, up to `limit`. Return their event keys.

    Verdict, grams and judgement stay: the ledger, the caps and the sealed leaves need them. What the seals commit to of
    the act, its hash and kind, stays as well.
    """
    return await repository.clear_acts(await driver(session), account_id, limit)


async def has_acts(session: Session, *, account_id: uuid.UUID) -> bool:
    return await repository.has_acts(await driver(session), account_id)


async def first_recorded_at(session: Session) -> datetime | None:
    return await repository.first_recorded_at(await driver(session))


async def count_before(session: Session, *, moment: datetime) -> int:
    """Return how many activities were recorded before this time."""
    return await repository.count_before(await driver(session), moment)

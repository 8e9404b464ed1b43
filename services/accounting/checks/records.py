"""Use cases that read the records of operators in time order, for seals."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from services.accounting.checks import records_repository as repository
from shared.db import Session, driver

_BATCH = 500


async def records(session: Session, *, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
    """Yield batches of (at, table, key, record as JSON text) with begin <= at < end, in canonical order."""
    connection = await driver(session)
    async for batch in repository.records_between(connection, begin, end, _BATCH):
        yield batch


async def first_recorded_at(session: Session) -> datetime | None:
    """Return the time of the earliest record. Reads all of them: for the first sealed day only."""
    return await repository.first_recorded_at(await driver(session))

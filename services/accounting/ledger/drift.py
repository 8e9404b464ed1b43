"""Use cases that check the ledger: postings in the order of time, the running check of balances, the rebuild."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.accounting.ledger import drift_repository, repository
from services.accounting.ledger.domain import issuance_code, system_account_id
from shared import telemetry
from shared.db import Session, driver

# What one statement reads and sorts: ten minutes of a city's postings, far below the server's limit on its duration.
_SLICE = timedelta(minutes=10)
_BATCH = 1000  # some milliseconds of hashing, after which the consumers in the same process have their turn
# The running check does one minute a minute; this lets it catch up after an outage without one huge statement.
_INCREMENT_MAX = timedelta(minutes=5)
_DIFFERENCES_MAX = 1000
# An hour of a city's peak is some million postings, counted in a second; a run of the job ends after that many.
_COUNT_SLICE = timedelta(hours=1)
_COUNT_SLICES_MAX = 48
_COUNT_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored figure that is not what the postings (or credited activities) say, in milligrams."""

    name: str
    stored_mg: int
    rebuilt_mg: int


async def postings(session: Session, *, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
    """Postings with begin <= posted_at < end, in canonical order (time, id), batch by batch in bounded memory."""
    connection = await driver(session)
    while begin < end:
        upto = min(begin + _SLICE, end)
        async for batch in drift_repository.postings_between(connection, begin, upto, _BATCH):
            yield batch
        begin = upto


async def postings_from(
    session: Session, *, first_at: datetime, first_id: uuid.UUID, last_at: datetime, limit: int
) -> Sequence[Any]:
    return await drift_repository.postings_from(await driver(session), first_at, first_id, last_at, limit)


async def credit_of(session: Session, *, activity_id: uuid.UUID) -> Any | None:
    """The posting that credited an activity, also when it was reversed later."""
    return await drift_repository.credit_of(await driver(session), activity_id)


async def first_posted_at(session: Session) -> datetime | None:
    return await drift_repository.first_posted_at(await driver(session))


async def settled_before(session: Session) -> datetime:
    """No posting can still appear with an earlier time than this."""
    return await drift_repository.settled_before(await driver(session))


async def count_before(session: Session, *, moment: datetime) -> int:
    return await drift_repository.count_before(await driver(session), moment)


async def try_lock(session: Session, *, name: str) -> bool:
    """Whether this transaction is the only one of all workers doing `name`."""
    return await drift_repository.lock(await driver(session), name)


async def issued_mg(session: Session, *, codes: Sequence[str]) -> dict[str, int]:
    """Net milligrams credited by each methodology, reversals taken off."""
    ids = {system_account_id(issuance_code(code)): code for code in codes}
    balances = await repository.balances(session, list(ids))
    return {code: -balances[account_id][0] for account_id, code in ids.items() if account_id in balances}


async def credited_acts(session: Session, *, codes: Sequence[str]) -> tuple[dict[str, int], datetime | None]:
    """Acts credited by each methodology, reversed ones taken off, and up to which moment they are counted."""
    connection = await driver(session)
    ids = {system_account_id(issuance_code(code)): code for code in codes}
    counts = await drift_repository.credit_counts(connection, list(ids))
    return {ids[account_id]: acts for account_id, acts in counts.items()}, await drift_repository.counted_before(
        connection
    )


async def count_credits(session: Session) -> None:
    """Timed job: counts acts by issuing account from the postings that have settled, so that posting does not have
    to. Begins with the first posting; hours in which nothing was posted are passed at once."""
    connection = await driver(session)
    if not await try_lock(session, name="accounting.count_credits"):
        return
    settled = await drift_repository.settled_before(connection)
    begin = await drift_repository.counted_before(connection) or await drift_repository.first_posted_at(connection)
    found = 0
    for _slice in range(_COUNT_SLICES_MAX):
        if begin is None or begin >= settled or found >= _COUNT_MAX:
            return
        end = min(settled, begin + _COUNT_SLICE)
        found += await drift_repository.count_credits(connection, begin, end)
        begin = end


async def check_increment(session: Session) -> None:
    """Timed job: compares balances with postings for accounts touched since the last run, and sets the drift's gauge.

    Exact without locks: only what has settled is compared. An account that existed before the first run is taken as it
    is when first touched; `rebuild` and the operator's check look at everything.
    """
    connection = await driver(session)
    if await try_lock(session, name="accounting.check_increment"):
        settled = await drift_repository.settled_before(connection)
        await drift_repository.begin_checking(connection, settled)
        begin = await drift_repository.checked_before(connection)
        if begin < settled:
            await drift_repository.check_increment(connection, begin, min(settled, begin + _INCREMENT_MAX))
    telemetry.LEDGER_DRIFT_MG.set(await drift_repository.drift_mg(connection))


async def rebuild(session: Session) -> list[Difference]:
    """Recomputes every balance from the postings and every cap counter from the credited activities, and tells where
    the stored figure differs; empty when all are equal. Reads everything, with patience: for auditors."""
    await repository.be_patient(session)
    connection = await driver(session)
    rows = [
        row
        for check in ("balances_differing", "caps_differing")
        for row in await drift_repository.differences(connection, check, _DIFFERENCES_MAX)
    ]
    return [Difference(str(row["name"]), int(row["stored"]), int(row["rebuilt"])) for row in rows]

"""Use cases that check the tables of the service: all equations at once, one by one, or in increments."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from services.accounting.checks import repository
from services.accounting.ledger import history
from shared import telemetry
from shared.db import Session, driver
from shared.language import Text

# The running check covers one minute per minute. With this limit it catches up after an outage in several statements.
_INCREMENT_MAX = timedelta(minutes=5)
_DIFFERENCES_MAX = 1000
# One step a minute reaches 14 million accounts within a day. A larger ledger takes larger steps: a sweep never has more
# than a thousand, which are seventeen hours of minutes.
_SWEEP_ACCOUNTS_MIN = 10_000
_SWEEP_STEPS_MAX = 1000
SIZES = frozenset(repository.SIZES)
FIGURES = len(repository.SIZES) + len(repository.EQUATIONS)
AUDIT_WAIT_S = repository.AUDIT_WAIT_S


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored figure that differs from the sum of its postings or credited activities, in milligrams."""

    name: str
    stored_mg: int
    rebuilt_mg: int


def _figures() -> dict[str, str]:
    return {**repository.SIZES, **{equation.name: equation.sql for equation in repository.EQUATIONS}}


def equation_sentences() -> dict[str, Text]:
    """Return the sentence of each equation, by its name."""
    return {equation.name: equation.sentence for equation in repository.EQUATIONS}


async def check_all(session: Session) -> dict[str, int]:
    """Return the table sizes and the figure of every equation, from one snapshot. Reads everything."""
    await repository.begin_snapshot(session)
    return {name: await repository.figure(session, sql) for name, sql in _figures().items()}


async def check_each(session: Session) -> AsyncIterator[tuple[str, int]]:
    """Yield (name, figure) as `check_all`, one by one, with more time and memory: for ledgers of any size."""
    await repository.begin_snapshot(session)
    await repository.allow_long_reads(session)
    for name, sql in _figures().items():
        yield name, await repository.figure(session, sql, timeout_s=repository.AUDIT_WAIT_S)


async def check_one(session: Session, name: str) -> int:
    """Return the figure of one equation, with the limits of an auditor. 0 while it holds."""
    await repository.allow_long_reads(session)
    return await repository.figure(session, _figures()[name], timeout_s=repository.AUDIT_WAIT_S)


async def list_differences(session: Session) -> list[Difference]:
    """Return the stored balances and cap counters that differ from their postings and credited activities.

    Reads everything, with the limits of an auditor.
    """
    await repository.allow_long_reads(session)
    connection = await driver(session)
    rows = [
        row
        for equation in repository.EQUATIONS
        if equation.differing
        for row in await repository.differences(connection, equation, _DIFFERENCES_MAX)
    ]
    return [Difference(str(row["name"]), int(row["stored"]), int(row["rebuilt"])) for row in rows]


async def check_increment(session: Session) -> None:
    """Run the equations that can be checked in increments, and set the gauge of the drift. Timed job.

    Exact without locks, because it compares only what has settled. Each run compares the accounts that moved and the
    next ones in the order of their ids. So it reaches every balance within a day, also an idle one.
    """
    connection = await driver(session)
    if await history.try_lock(session, name="accounting.check_increment"):
        settled = await history.settled_before(session)
        await repository.begin_checking(connection, settled)
        begin = await repository.checked_before(connection)
        if begin < settled:
            end = min(settled, begin + _INCREMENT_MAX)
            step = await repository.next_sweep_step(
                connection, accounts_min=_SWEEP_ACCOUNTS_MIN, steps_max=_SWEEP_STEPS_MAX
            )
            for equation in repository.EQUATIONS:
                if equation.running:
                    await repository.run_increment(connection, equation.running, begin, end, step)
            await repository.move_mark(connection, end, step)
        telemetry.LEDGER_SWEEP_AGE_S.set(await repository.sweep_age_s(connection))
    telemetry.LEDGER_DRIFT_MG.set(await repository.drift_mg(connection))

"""The end of a posting transaction: write outcomes to the outbox, then the rows that all workers share."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from services.accounting.ledger import service as ledger
from services.accounting.ledger.service import SharedBalances
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from services.accounting.posting.domain import Verdict
from services.accounting.posting.verdicts import announce_outcomes, count_verdicts, outcomes_of
from shared import clock
from shared.contracts import topics
from shared.db import Session, driver
from shared.eventlog import Record
from shared.settings import ServiceSettings

# Outcomes encoded without a pause: about one millisecond, while the database receives the activities.
_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Programme:
    """The methodologies in force, the time zone of local days, and the topic of outcomes."""

    index: MethodologyIndex
    time_zone: str
    topic: str


@dataclass(frozen=True, slots=True)
class ProgrammeSource:
    """Gives the current programme. One per process."""

    library: Library
    time_zone: str
    topic: str

    @classmethod
    def of(cls, library: Library, settings: ServiceSettings) -> "ProgrammeSource":
        return cls(library, settings.time_zone, settings.topic_prefix + topics.OUTCOMES)

    async def current(self, session: Session) -> Programme:
        return Programme(await self.library.index(session), self.time_zone, self.topic)


@dataclass(slots=True)
class Closing:
    """What a transaction writes last: verdicts, their outcomes, and changes of shared accounts.

    All verdicts of a transaction have one time.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    outcomes: list[Record] = field(default_factory=list)  # one for each verdict, in their order
    shared_balances: SharedBalances = field(default_factory=dict)
    judged_at: datetime = field(default_factory=clock.now)

    async def add(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts += verdicts
        for first in range(0, len(verdicts), _AT_ONCE):
            self.outcomes += outcomes_of(verdicts[first : first + _AT_ONCE], self.judged_at)
            await asyncio.sleep(0)  # lets a running COPY send its next piece

    def join(self, other: "Closing") -> None:
        """Add everything that another one has collected."""
        self.verdicts += other.verdicts
        self.outcomes += other.outcomes
        for code, amount_mg in other.shared_balances.items():
            self.shared_balances[code] = self.shared_balances.get(code, 0) + amount_mg


@asynccontextmanager
async def closing(session: Session, programme: Programme) -> AsyncIterator[Closing]:
    """Collect verdicts, then write outcomes, tallies and shared balances in this order, each with one statement.

    Use it once per transaction. Lock no people after it: tallies and issuance accounts are locked then.
    """
    collected = Closing()
    yield collected
    if not collected.verdicts:
        return
    connection = await driver(session)
    await announce_outcomes(
        session, collected.verdicts, collected.outcomes, judged_at=collected.judged_at, topic=programme.topic
    )
    await count_verdicts(connection, collected.verdicts, programme.time_zone)
    await ledger.post_shared(connection, collected.shared_balances)

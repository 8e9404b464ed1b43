"""A driver of erasure in accounting: the question of accounts, the timed job, and the answers in the outbox."""

import uuid
from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import text

from services.accounting.erasures import service as erasures
from shared import clock
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureAsked, ErasureMessage, EventsErased
from shared.erasing import DECODER
from shared.outbox import records_in
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import days, verify
from tests.accounting.reports import Reports, as_records

__all__ = ["days", "verify"]
TOPIC = "accounting.erasures.v1"


class Erasures:
    def __init__(self, accounting: Accounting) -> None:
        self.accounting = accounting

    async def ask(self, *people: Reports) -> None:
        asked = [
            ErasureAsked(erasure_id=uuid.uuid4(), account_id=one.account_id, user_id=one.user_id, asked_at=clock.now())
            for one in people
        ]
        await self.receive(*asked)

    async def receive(self, *asked: ErasureAsked) -> None:
        async with self.accounting.database.transaction() as session:
            await erasures.handle_asked(session, decoded(as_records(asked), DECODER).items, topic=TOPIC)

    async def step(self, *, quiet_s: int = 0) -> int:
        async with self.accounting.database.transaction() as session:
            return await erasures.erase_due(session, topic=TOPIC, quiet_s=quiet_s)

    async def run(self, *people: Reports) -> None:
        """Erase people completely, without the pauses of the worker."""
        await self.ask(*people)
        while await self.step():
            pass
        await self.hurry()
        await self.step()

    async def hurry(self) -> None:
        """Let the turn of every task come now."""
        async with self.accounting.database.transaction() as session:
            await session.execute(text("UPDATE accounting.erasure_task SET next_at = now() WHERE done_at IS NULL"))

    async def messages(self) -> Sequence[ErasureMessage]:
        records = await records_of(self.accounting)
        return [msgspec.json.decode(record, type=ErasureMessage) for record in records]

    async def answers(self) -> list[ErasureAnswered]:
        return [one for one in await self.messages() if isinstance(one, ErasureAnswered)]

    async def erased_events(self) -> list[uuid.UUID]:
        return [key for one in await self.messages() if isinstance(one, EventsErased) for key in one.event_keys]


async def records_of(accounting: Accounting) -> list[bytes]:
    async with accounting.database.transaction() as session:
        rows = (
            await session.execute(
                text("SELECT records FROM accounting.outbox WHERE topic = :topic ORDER BY id"), {"topic": TOPIC}
            )
        ).all()
    return [record.value or b"" for row in rows for record in records_in(row.records)]


@pytest.fixture
def erasures_of(accounting: Accounting) -> Erasures:
    return Erasures(accounting)

"""A driver of the accounting service for tests: its HTTP application, and the handlers of its worker."""

import uuid
from datetime import timedelta
from functools import partial

import httpx

from services.accounting.bindings import service as bindings
from services.accounting.corrections import service as corrections
from services.accounting.decoders import ACTIVITIES, BINDINGS
from services.accounting.intake import service as intake
from services.accounting.ledger import targets
from services.accounting.main import approvals_for
from services.accounting.methodologies import repository
from services.accounting.methodologies.document import methodology_from_plain
from services.accounting.methodologies.service import Library
from services.accounting.posting import freed_room, late_bindings, parking
from services.accounting.posting.closing import Programme, ProgrammeSource
from services.accounting.settings import Settings
from services.accounting.vesting import service as vesting
from shared.consumer import DeadLetter, Postponed
from shared.contracts.identity import person_account_id
from shared.db import Database
from shared.language import Text
from shared.projection import decoded
from tests.accounting.methodologies.drafts import plain
from tests.accounting.reports import PARTNER, SLOW_CITY, Reports, as_records
from tests.databases import Dsns, connect_past_triggers
from tests.fake_accounts import FakeAccounts
from tests.tokens import TokenFactory

TOPIC = "accounting.outcomes.v1"
VESTING_CODE = "TEST-BUS-VESTING"
VESTING_DAYS = 7


class Accounting:
    """Drives the posting path as the worker does: one transaction for free people, a second one for locked people."""

    accounts: FakeAccounts

    def __init__(self, settings: Settings, database: Database, client: httpx.AsyncClient, tokens: TokenFactory) -> None:
        self.settings, self.database, self.client, self.tokens = settings, database, client, tokens
        self.forget_library()

    def forget_library(self) -> None:
        """Start with an empty library, as a new process does."""
        library = Library()
        self.programmes = ProgrammeSource(library, self.settings.time_zone, TOPIC)
        self.approvals = approvals_for(self.settings, library)

    async def post(self, *reports: object) -> list[DeadLetter]:
        undone = intake.sort_reports(decoded(as_records(reports), ACTIVITIES))
        while True:
            async with self.database.transaction() as session:
                result = await intake.handle_poll(session, undone, programmes=self.programmes)
            if not isinstance(result, Postponed):
                return list(result)
            undone = result.rest

    async def programme(self) -> Programme:
        async with self.database.transaction() as session:
            return await self.programmes.current(session)

    async def release(self) -> None:
        """Run the sweeps of the worker once, each in its own transaction.

        Parked events, waiting corrections, freed room, due credits.
        """
        programme = await self.programme()
        jobs = (
            parking.release_parked,
            late_bindings.settle_late,
            late_bindings.settle_late,
            partial(corrections.apply_waiting, deadline_days=self.settings.correction_days),
            corrections.refuse_hopeless,
            freed_room.fill_freed_room,
            vesting.vest_due,
        )
        for job in jobs:
            async with self.database.transaction() as session:
                await job(session, programme=programme)

    async def citizen(self, *partners: str, days_ago: int = 400) -> Reports:
        """Return a citizen who is bound to partners (the usual one by default). The result makes their events."""
        user_id = uuid.uuid4()
        person = Reports(user_id, person_account_id(user_id))
        for partner in partners or (PARTNER,):
            await self.bind(person, partner, days_ago=days_ago)
        return person

    async def bind(self, person: Reports, partner: str = PARTNER, *, days_ago: int = 400, **changes: object) -> None:
        async with self.database.transaction() as session:
            records = as_records([person.binding(partner, since=timedelta(days=days_ago), **changes)])
            found = decoded(records, BINDINGS)
            assert not found.dead
            await bindings.handle_bindings(session, found.items)

    async def know_receivers(self, *codes: str) -> None:
        async with self.database.transaction() as session:
            for code in codes:
                await targets.add_missing(session, code=code, title=Text(code, code))

    async def get(self, person: Reports, path: str, **headers: str) -> dict[str, object]:
        answer = await self.client.get(
            f"/api/v1/accounting{path}", headers={**self.tokens.citizen(person.user_id), **headers}
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        return body

    async def check(self) -> dict[str, object]:
        answer = await self.client.get("/api/v1/accounting/ops/ledger/check", headers=self.tokens.operator())
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        return body


async def publish_vesting_bus(database: Database) -> None:
    """Publish a bus methodology of one district that vests after VESTING_DAYS. It shares the cap of the other bus."""
    changes = {"code": VESTING_CODE, "region": SLOW_CITY, "vesting_days": VESTING_DAYS, "scene": "bus"}
    async with database.transaction() as session:
        await repository.add_methodology(session, methodology_from_plain(plain("WH-APP-BUS", **changes)))


async def remove_vesting_bus(dsns: Dsns) -> None:
    """Delete the methodology. Only a superuser can do so."""
    connection = await connect_past_triggers(dsns)
    await connection.execute("DELETE FROM accounting.methodology_version WHERE code = $1", VESTING_CODE)
    await connection.execute("DELETE FROM accounting.library_journal WHERE name = $1", VESTING_CODE)
    await connection.close()

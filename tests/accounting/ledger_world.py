"""The service for stories: synchronous, step by step, with years that pass on request."""

import asyncio
from collections.abc import Coroutine
from datetime import date
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest

from services.accounting.ledger import expiry
from services.accounting.ledger import service as ledger
from services.accounting.settings import Settings
from shared.db import Database, Session
from shared.errors import AppError
from tests.accounting.driver import Accounting, publish_vesting_bus, remove_vesting_bus
from tests.accounting.ledger_model import VALID_YEARS, Person
from tests.databases import Dsns
from tests.tokens import TokenFactory

T = TypeVar("T")


class World:
    """The service on its database, driven from synchronous code through its own event loop."""

    def __init__(self, settings: Settings, dsns: Dsns, tokens: TokenFactory) -> None:
        self.loop = asyncio.new_event_loop()
        self.dsns = dsns
        self.database = Database(settings.database_url, pool_size=2)
        self.client = httpx.AsyncClient()
        self.accounting = Accounting(settings, self.database, self.client, tokens)
        self.admin: asyncpg.Connection[asyncpg.Record] = self.run(asyncpg.connect(dsns.admin))
        self.run(publish_vesting_bus(self.database))
        self.run(self.accounting.know_receivers("redeemed:noodles"))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def call(self, use_case: Any, **arguments: Any) -> Any:
        """Run one use case in its own transaction."""

        async def transaction() -> Any:
            async with self.database.transaction() as session:
                return await use_case(session, **arguments)

        return self.run(transaction())

    def refused(self, error: type[AppError], use_case: Any, **arguments: Any) -> None:
        with pytest.raises(error):
            self.call(use_case, **arguments)

    def close(self) -> None:
        self.run(self.database.stop())
        self.run(remove_vesting_bus(self.dsns))
        self.run(self.admin.close())
        self.run(self.client.aclose())
        self.loop.close()

    def expire_grams(self, today: date) -> None:
        """Run the job of the worker for that day to its end."""
        while self.call(expiry.expire_as_of, today=today, valid_years=VALID_YEARS, time_zone="Asia/Shanghai"):
            pass

    def announced_expiries(self, person: Person, today: date) -> dict[int, int]:
        """Return milligrams by the last year in which they can be used."""
        found = self.call(
            expiry.announced_expiries,
            account_id=person.reports.account_id,
            today=today,
            valid_years=VALID_YEARS,
            time_zone="Asia/Shanghai",
        )
        return {one.expires_on.year: one.amount_mg for one in found}


async def balance_of(session: Session, *, person: Person) -> tuple[int, ...]:
    parts = await ledger.get_balance(session, account_id=person.reports.account_id)
    return parts.available_mg, parts.pending_mg, parts.held_mg, parts.debt_mg, parts.lifetime_mg

"""Households for tests: two methodologies of one district that count and credit them, and facts from accounts."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.accounting.decoders import HOUSEHOLDS
from services.accounting.households import service as households
from services.accounting.methodologies import repository
from services.accounting.methodologies.document import methodology_from_plain
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.households_v1 import HouseholdFact, MembershipChanged, MeterChanged
from shared.contracts.identity import household_account_id, meter_key
from shared.db import Database
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.methodologies.drafts import plain
from tests.accounting.reports import PARTNER, PEPPER, YESTERDAY, Reports, as_records
from tests.databases import Dsns, connect_past_triggers

HOME_CITY = "420107"
BUS, POWER = "TEST-HOME-BUS", "TEST-HOME-POWER"
TOGETHER_A_DAY = 3  # bus rides of a household
BUS_MG, KWH_MG = 150_000, 525_000
MONTHLY_MG = 2_000_000  # of a household's electricity
METER = "4201004812345"
LONG_AGO = timedelta(days=400)


def cap(cap_id: str, per: str, period: str = "day", **limit: Any) -> dict[str, Any]:
    code = {"day": "DAILY_CAP", "month": "MONTHLY_CAP", "year": "YEARLY_CAP"}[period]
    texts = {"zh": f"{per} 已满", "en": f"{per} is full"}
    return {"id": cap_id, "per": per, "period": period, "code": code, **texts, **limit}


def bus_document() -> dict[str, Any]:
    caps = [cap("home_bus.daily", "account", acts=5), cap("home_bus.daily_together", "household", acts=TOGETHER_A_DAY)]
    caps.append(cap("home_bus.monthly_together", "household", "month", amount="1.1 kgCO2e"))
    return plain("WH-APP-BUS", code=BUS, region=HOME_CITY, caps=caps)


def power_document(**changes: Any) -> dict[str, Any]:
    caps = [
        cap("home_power.meter", "meter", acts=1),
        cap("home_power.monthly", "household", "month", amount="2 kgCO2e"),
    ]
    document = {"code": POWER, "region": HOME_CITY, "subject": "household", "caps": caps, "vesting_days": 0}
    return plain("WH-APP-POWER", **(document | changes))


async def publish(database: Database, **changes: Any) -> None:
    async with database.transaction() as session:
        for document in (bus_document(), power_document(**changes)):
            await repository.add_methodology(session, methodology_from_plain(document))


async def unpublish(dsns: Dsns) -> None:
    """Delete the methodologies. Only a superuser can do so."""
    connection = await connect_past_triggers(dsns)
    await connection.execute("DELETE FROM accounting.methodology_version WHERE code = ANY($1)", [BUS, POWER])
    await connection.execute("DELETE FROM accounting.library_journal WHERE name = ANY($1)", [BUS, POWER])
    await connection.close()


async def handle_facts(accounting: Accounting, *facts: HouseholdFact | bytes) -> int:
    """Handle facts of the topic of accounts as the worker does. Return the number of dead letters."""
    found = decoded(as_records(facts), HOUSEHOLDS, compacted=True)
    if found.items:
        async with accounting.database.transaction() as session:
            await households.handle_facts(session, found.items)
    return len(found.dead)


@dataclass
class Home:
    """A household and the stays in it."""

    accounting: Accounting
    household_id: uuid.UUID = field(default_factory=uuid.uuid4)
    stays: dict[uuid.UUID, MembershipChanged] = field(default_factory=dict)

    @property
    def account_id(self) -> uuid.UUID:
        return household_account_id(self.household_id)

    async def enter(self, *people: Reports, at: datetime | None = None) -> None:
        for person in people:
            stay = MembershipChanged(
                membership_id=uuid.uuid4(),
                version=1,
                household_id=self.household_id,
                account_id=person.account_id,
                joined_at=at or clock.now() - LONG_AGO,
                changed_at=clock.now(),
            )
            self.stays[person.user_id] = stay
            assert await handle_facts(self.accounting, stay) == 0

    async def leave(self, person: Reports, at: datetime) -> None:
        stay = self.stays[person.user_id]
        left = MembershipChanged(
            membership_id=stay.membership_id,
            version=2,
            household_id=self.household_id,
            account_id=person.account_id,
            joined_at=stay.joined_at,
            left_at=at,
            changed_at=clock.now(),
        )
        assert await handle_facts(self.accounting, left) == 0

    async def register(self, meter_ref: str, at: datetime | None = None) -> None:
        fact = MeterChanged(
            registration_id=uuid.uuid4(),
            version=1,
            household_id=self.household_id,
            meter_key=meter_key(PEPPER, meter_ref),
            since=at or clock.now() - LONG_AGO,
            changed_at=clock.now(),
        )
        assert await handle_facts(self.accounting, fact) == 0


async def family(accounting: Accounting, size: int = 2) -> tuple[Home, list[Reports]]:
    home = Home(accounting)
    people = [await accounting.citizen() for _ in range(size)]
    await home.enter(*people)
    await home.register(METER)
    return home, people


def ride(person: Reports, at: datetime | None = None, *, minutes: int | None = 20, **fields: Any) -> ActivityReported:
    """Return a bus ride in the district of the test. By default each ride begins an hour after the one before."""
    start = at or YESTERDAY + timedelta(hours=6 + person.made % 17)
    act = Act(
        kind="transit",
        vehicle_type="bus",
        started_at=start,
        ended_at=None if minutes is None else start + timedelta(minutes=minutes),
        city_code=HOME_CITY,
    )
    return person.report(act, **fields)


def saving(
    person: Reports,
    meter_ref: str | None,
    at: datetime | None = None,
    *,
    energy_wh: int = 1000,
    partner: str = PARTNER,
    **fields: Any,
) -> ActivityReported:
    """Return the saving of electricity of one day at a meter."""
    start = at or YESTERDAY
    act = Act(
        kind="energy",
        started_at=start,
        ended_at=start + timedelta(days=1),
        city_code=HOME_CITY,
        energy_wh=energy_wh,
        meter_key=meter_key(PEPPER, meter_ref) if meter_ref is not None else None,
    )
    return person.report(act, partner=partner, **fields)

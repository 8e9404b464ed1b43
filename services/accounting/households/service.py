"""Use cases of households: project the topic of accounts, find homes at a time, lock shared cap counters."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

import msgspec

from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.households import repository
from services.accounting.households.domain import (
    DEFAULT_RULE,
    CardRow,
    MeterRow,
    SpendingRule,
    Stay,
    StayRow,
    household_of_meter,
    is_within,
    left_on,
)
from services.accounting.households.errors import FamilyCardNotFound, HouseholdNotFound
from shared.contracts.households_v1 import (
    CardChanged,
    HouseholdFact,
    MembershipChanged,
    MeterChanged,
    RuleChanged,
    key_of,
)
from shared.contracts.identity import household_account_id
from shared.db import Connection, Session, driver
from shared.projection import Items, newest

# The longest period of a cap is a year. Stays that ended before the year began are not counted.
_LONGEST_PERIOD: Final = timedelta(days=367)
_by_number: Final = attrgetter("int")


@dataclass(frozen=True, slots=True)
class Homes:
    """Stays of some people and registrations of some meters."""

    time_zone: str
    stays: Mapping[uuid.UUID, Sequence[StayRow]] = field(default_factory=dict)
    meters: Mapping[str, Sequence[MeterRow]] = field(default_factory=dict)

    def stays_at(self, account_id: uuid.UUID, at: datetime) -> tuple[Stay, ...]:
        """Return every household that the person had entered by then, each once."""
        found: dict[uuid.UUID, Stay] = {}
        for row in self.stays.get(account_id, ()):
            if row.joined_at <= at:  # in time order: a later stay in the same household replaces an earlier one
                stay = Stay(
                    household_account_id(row.household_id),
                    left_on(row, self.time_zone),
                    is_within(row.joined_at, row.left_at, at),
                )
                found[stay.account_id] = stay
        return tuple(found.values())

    def meter_account_at(self, meter_key: str | None, at: datetime) -> uuid.UUID | None:
        """Return the account of the household that had the meter at that time."""
        household_id = household_of_meter(self.meters.get(meter_key or "", ()), at)
        return household_account_id(household_id) if household_id is not None else None


async def handle_facts(session: Session, items: Items[HouseholdFact]) -> None:
    """Store the newest version of each fact, in any order. Consumer of `accounts.households.v1`.

    A late record about an erased person is dropped. A card whose proxy was erased has no proxy.
    """
    latest = newest(
        (fact for _, fact in items), key=lambda fact: (type(fact), key_of(fact)), version=lambda fact: fact.version
    )
    facts = await _without_erased(session, list(latest.values()))
    if members := [fact for fact in facts if isinstance(fact, MembershipChanged)]:
        await repository.upsert_members(session, members)
    if meters := [fact for fact in facts if isinstance(fact, MeterChanged)]:
        await repository.upsert_meters(session, meters)
    if rules := [fact for fact in facts if isinstance(fact, RuleChanged)]:
        await repository.upsert_rules(session, rules)
    if cards := [fact for fact in facts if isinstance(fact, CardChanged)]:
        await repository.upsert_cards(session, cards)


async def _without_erased(session: Session, facts: list[HouseholdFact]) -> list[HouseholdFact]:
    named = {fact.account_id for fact in facts if isinstance(fact, MembershipChanged | CardChanged)}
    named |= {fact.proxy_account_id for fact in facts if isinstance(fact, CardChanged) and fact.proxy_account_id}
    erased = await erased_accounts.erased_among(session, named)
    if not erased:
        return facts
    kept: list[HouseholdFact] = []
    for fact in facts:
        if isinstance(fact, MembershipChanged | CardChanged) and fact.account_id in erased:
            continue
        if isinstance(fact, CardChanged) and fact.proxy_account_id in erased:
            kept.append(msgspec.structs.replace(fact, proxy_account_id=None))
        else:
            kept.append(fact)
    return kept


@dataclass(frozen=True, slots=True)
class SharedHome:
    """A household of one of its members: the rule of its grams, and the accounts of its people by membership."""

    household_id: uuid.UUID
    rule: SpendingRule
    members: Mapping[uuid.UUID, uuid.UUID]

    @property
    def account_id(self) -> uuid.UUID:
        return household_account_id(self.household_id)

    @property
    def people(self) -> frozenset[uuid.UUID]:
        return frozenset(self.members.values())


async def shared_homes(session: Session, *, account_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, SharedHome]:
    """Return the present households of these people, by person."""
    homes_by_person = await repository.households_of(session, sorted(set(account_ids)))
    household_ids = sorted(set(homes_by_person.values()))
    if not household_ids:
        return {}
    rules = await repository.rules_of(session, household_ids)
    members: dict[uuid.UUID, dict[uuid.UUID, uuid.UUID]] = defaultdict(dict)
    for row in await repository.members_of(session, household_ids):
        members[row.household_id][row.membership_id] = row.account_id
    found = {one: SharedHome(one, rules.get(one, DEFAULT_RULE), members[one]) for one in household_ids}
    return {account_id: found[household_id] for account_id, household_id in homes_by_person.items()}


async def live_cards(session: Session, *, account_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, CardRow]:
    """Return the family cards in use, by the account of the card."""
    return await repository.live_cards(session, sorted(set(account_ids)))


async def require_proxy(session: Session, *, card_id: uuid.UUID, account_id: uuid.UUID) -> uuid.UUID:
    """Return the account of a card of which this person is the proxy. Raises FamilyCardNotFound."""
    card = await repository.card_of(session, card_id)
    if card is None or card.proxy_account_id != account_id:
        raise FamilyCardNotFound
    return card.account_id


async def load_homes(
    connection: Connection,
    *,
    account_ids: Iterable[uuid.UUID],
    meter_keys: Iterable[str],
    earliest: datetime,
    time_zone: str,
) -> Homes:
    """Load the homes that count the acts of these people. No act began before `earliest`."""
    stays: dict[uuid.UUID, list[StayRow]] = defaultdict(list)
    for stay in await repository.stays_of(connection, sorted(account_ids), earliest - _LONGEST_PERIOD):
        stays[stay.account_id].append(stay)
    meters: dict[str, list[MeterRow]] = defaultdict(list)
    if keys := sorted(meter_keys):
        for meter in await repository.meters_of(connection, keys):
            meters[meter.meter_key].append(meter)
    return Homes(time_zone, stays, meters)


async def lock_subjects(connection: Connection, subject_ids: Iterable[uuid.UUID]) -> None:
    """Lock households, meters and vehicles before they are counted: after the people, and all at once."""
    if ordered := sorted(set(subject_ids), key=_by_number):  # UUIDs are slow to compare; this is PostgreSQL's order
        await repository.lock_subjects(connection, ordered)


async def sharers_of(
    connection: Connection, account_ids: Collection[uuid.UUID], since: datetime
) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Return the people whose counters these people may have shared since then, by person, themselves included."""
    found = {account_id: {account_id} for account_id in account_ids}
    for account_id, other_id in await repository.sharers_of(connection, sorted(account_ids), since):
        found[account_id].add(other_id)
    return found


async def current_homes(
    session: Session, *, account_id: uuid.UUID, now: datetime, time_zone: str
) -> tuple[tuple[Stay, ...], str | None]:
    """Return a person's households of the last year, and the meter of the current one."""
    connection = await driver(session)
    homes = await load_homes(connection, account_ids=[account_id], meter_keys=(), earliest=now, time_zone=time_zone)
    household_id = await repository.current_household(session, account_id)
    meter_key = await repository.current_meter(session, household_id) if household_id is not None else None
    return homes.stays_at(account_id, now), meter_key


async def require_member(session: Session, *, household_id: uuid.UUID, account_id: uuid.UUID) -> uuid.UUID:
    """Return the household's carbon account. Raises HouseholdNotFound if the person does not live there now."""
    if await repository.current_household(session, account_id) != household_id:
        raise HouseholdNotFound
    return household_account_id(household_id)


async def joined_at(session: Session, *, account_id: uuid.UUID) -> datetime | None:
    """Return since when a person has lived in the present household, None without one."""
    return await repository.joined_at(session, account_id)

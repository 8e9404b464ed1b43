"""Stays of people in households, and registrations of meters, at the time of an act. Pure."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from shared import clock
from shared.contracts.households_v1 import RuleKind

_METER_NAMESPACE: Final = uuid.UUID("c4f0f7f2-6a0d-5d9c-9c0e-5b1a7e3d2f48")


class StayRow(NamedTuple):
    """A person's stay in a household, [joined_at, left_at), as accounts published it."""

    account_id: uuid.UUID
    household_id: uuid.UUID
    joined_at: datetime
    left_at: datetime | None


class MeterRow(NamedTuple):
    """A household's registration of a meter, [since, ended_at)."""

    meter_key: str
    household_id: uuid.UUID
    since: datetime
    ended_at: datetime | None


class MemberRow(NamedTuple):
    """A person who lives in a household now. `membership_id` names the stay, without naming the person."""

    household_id: uuid.UUID
    membership_id: uuid.UUID
    account_id: uuid.UUID


class SpendingRule(NamedTuple):
    """`limit_mg`: what one member may spend alone in a month, for `any_member_up_to`."""

    kind: RuleKind
    limit_mg: int


# Without a rule, nobody spends alone.
DEFAULT_RULE: Final = SpendingRule("all_agree", 0)


class CardRow(NamedTuple):
    """A family card in use: its account, its proxy's account, and what the proxy may spend in a month."""

    account_id: uuid.UUID
    card_id: uuid.UUID
    proxy_account_id: uuid.UUID | None
    limit_mg: int


class Stay(NamedTuple):
    """A household of the person of one act: its account, the local day on which the person left it.

    `current`: the person lived there when the act began.
    """

    account_id: uuid.UUID
    left_on: date | None
    current: bool


def meter_subject_id(meter_key: str) -> uuid.UUID:
    """Return the id of the cap counters of a meter."""
    return uuid.uuid5(_METER_NAMESPACE, meter_key)


def is_within(begin: datetime, end: datetime | None, at: datetime) -> bool:
    return begin <= at and (end is None or at < end)


def left_on(row: StayRow, time_zone: str) -> date | None:
    return None if row.left_at is None else clock.local_date(row.left_at, time_zone)


def household_of_meter(rows: Sequence[MeterRow], at: datetime) -> uuid.UUID | None:
    """Return the household that had the meter at that time."""
    return next((row.household_id for row in rows if is_within(row.since, row.ended_at, at)), None)

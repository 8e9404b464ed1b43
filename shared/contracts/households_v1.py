"""Topic `accounts.households.v1` (compacted): members of households and their electricity meters, without names."""

import uuid
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec

from shared.contracts.activities_v1 import MeterKey
from shared.contracts.bounds import EARLIEST, LATEST

# It grows by one with each change of a row; nobody moves house a million times.
Version = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
_DISORDER: Final = "a time without offset, outside 2000 to 2099, or an end before its beginning"


class MembershipChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="member"):
    """The complete state of one stay in a household. The record with the highest `version` of a key is valid.

    Key of the record = `membership_id`: with one key per person, compaction would remove former stays.
    `account_id` is the person's. The stay is [joined_at, left_at).
    """

    membership_id: uuid.UUID
    version: Version
    household_id: uuid.UUID
    account_id: uuid.UUID
    joined_at: datetime
    left_at: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        _require_order(self.joined_at, self.left_at, self.changed_at)


class MeterChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="meter"):
    """The complete state of a meter registered by a household in [since, ended_at). Key = `registration_id`."""

    registration_id: uuid.UUID
    version: Version
    household_id: uuid.UUID
    meter_key: MeterKey
    since: datetime
    ended_at: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        _require_order(self.since, self.ended_at, self.changed_at)


HouseholdFact: TypeAlias = MembershipChanged | MeterChanged


def _require_order(begin: datetime, end: datetime | None, changed: datetime) -> None:
    times = [time for time in (begin, end, changed) if time is not None]
    if not all(time.tzinfo is not None and EARLIEST <= time < LATEST for time in times):
        raise ValueError(_DISORDER)
    if end is not None and end < begin:
        raise ValueError(_DISORDER)

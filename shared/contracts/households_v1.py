"""Topic `accounts.households.v1` (compacted): who lives together and behind which meter, without names."""

import uuid
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec

from shared.contracts.activities_v1 import MeterKey
from shared.contracts.bounds import EARLIEST, LATEST

# Each change is one step of one row; nobody moves house a million times.
Version = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
_DISORDER: Final = "a time without offset, outside 2000 to 2099, or an end before its beginning"


class MembershipChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="member"):
    """The whole state of one stay in a household; the newest record of a key wins (`version` grows with every change).

    Key of the record = `membership_id`: one key per person would make compaction forget where they lived before.
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
    """The whole state of one registration of a meter by a household, in [since, ended_at). Key = `registration_id`."""

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

"""Topic `accounts.households.v1` (compacted): who lives together and who may spend whose grams, without names.

Members of households, their confirmed electricity meters, the rule by which a household spends its grams, and family
cards with their proxies.
"""

import uuid
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from shared.contracts.activities_v1 import MeterKey
from shared.contracts.bounds import EARLIEST, LATEST
from shared.contracts.holds import AMOUNT_MG_MAX

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
    """The complete state of a meter of a household in [since, ended_at). Key = `registration_id`.

    A meter that waits for the confirmation of its grid company is not published.
    """

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


RuleKind = Literal["all_agree", "any_member_up_to"]
LimitMg = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MG_MAX)]


class RuleChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="rule"):
    """The rule by which the members of a household spend its grams. Key = `household_id`. Without one: `all_agree`.

    `limit_mg` is what one member may spend in a calendar month of Asia/Shanghai, for `any_member_up_to` only.
    """

    household_id: uuid.UUID
    version: Version
    kind: RuleKind
    limit_mg: LimitMg = 0
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        _require_order(self.changed_at, None, self.changed_at)


class CardChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", tag="card"):
    """A family card and the person who may spend its grams in [since, ended_at). Key = `card_id`.

    `account_id` is the card's, `proxy_account_id` that of its proxy, absent without one. `limit_mg` is what the proxy
    may spend in a calendar month of Asia/Shanghai.
    """

    card_id: uuid.UUID
    version: Version
    account_id: uuid.UUID
    proxy_account_id: uuid.UUID | None = None
    limit_mg: LimitMg = 0
    since: datetime
    ended_at: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        _require_order(self.since, self.ended_at, self.changed_at)


HouseholdFact: TypeAlias = MembershipChanged | MeterChanged | RuleChanged | CardChanged


def key_of(fact: HouseholdFact) -> uuid.UUID:
    """Return the key of the record of a fact."""
    match fact:
        case MembershipChanged():
            return fact.membership_id
        case MeterChanged():
            return fact.registration_id
        case RuleChanged():
            return fact.household_id
        case CardChanged():
            return fact.card_id


def _require_order(begin: datetime, end: datetime | None, changed: datetime) -> None:
    times = [time for time in (begin, end, changed) if time is not None]
    if not all(time.tzinfo is not None and EARLIEST <= time < LATEST for time in times):
        raise ValueError(_DISORDER)
    if end is not None and end < begin:
        raise ValueError(_DISORDER)

"""Topic `accounts.consents.v1` (compacted, key = account id and purpose): what a person agreed to, without names."""

import uuid
from datetime import datetime
from typing import Final

import msgspec

from shared.contracts.activities_v1 import Name
from shared.contracts.bounds import Count, require_storable

DATA_PROCESSING: Final = "data_processing"
LOCATION: Final = "location"
HEALTH_STEPS: Final = "health_steps"
POOLING: Final = "pooling"
RANKINGS: Final = "rankings"
MESSAGES: Final = "messages"
RESEARCH: Final = "research"
PARTNER_PREFIX: Final = "partner:"


class ConsentChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest consent of one person to one purpose. The record with the highest `version` of a key is valid.

    The consent holds from `given_at` until before `ends_at`. `ends_at` may lie in the future: a consent that has to be
    renewed ends at that moment if no newer record comes. A purpose without a record was never consented to.
    """

    account_id: uuid.UUID
    purpose: Name
    version: Count
    policy_version: Name
    given_at: datetime
    ends_at: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.purpose, self.policy_version)
        require_storable(self.given_at, self.ends_at, self.changed_at)

    def holds_at(self, at: datetime) -> bool:
        return self.given_at <= at and (self.ends_at is None or at < self.ends_at)


def consent_key(account_id: uuid.UUID, purpose: str) -> bytes:
    return f"{account_id}:{purpose}".encode()

"""Topic `accounts.bindings.v1` (compacted, key = binding id): bindings of partner accounts to people, without names."""

import uuid
from datetime import datetime
from typing import Literal

import msgspec

from shared.contracts.activities_v1 import Name
from shared.contracts.bounds import Count, require_storable


class BindingChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The complete state of one binding. The record with the highest `version` of a key is valid.

    An act counts if `counts_from` <= start of the act < `ended_at`, and before `consent_withdrawn_at`.
    """

    binding_id: uuid.UUID
    version: Count
    partner_id: Name
    account_key: Name
    account_id: uuid.UUID
    user_id: uuid.UUID
    status: Literal["pending", "active", "ended"]
    counts_from: datetime
    ended_at: datetime | None = None
    consent_withdrawn_at: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.partner_id, self.account_key)
        require_storable(self.counts_from, self.ended_at, self.consent_withdrawn_at, self.changed_at)

"""Topic `accounts.mandates.v1` (compacted, key = mandate id): who lets which platform pool acts, without names."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from shared.contracts.activities_v1 import Name, Sha256
from shared.contracts.bounds import Milligrams, require_storable

Version = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
MandateKind = Literal["benefit", "agency"]


class MandateChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The complete state of one mandate. The record with the highest `version` of a key is valid.

    It covers acts of `scenes` that begin in [accepted_at, until). `until` is known from the start when the terms expire
    by themselves; an earlier end replaces it and never lies before the moment of ending. `account_id` is the person's.
    `threshold_mg` is the most that may be pooled in a calendar year; None: no limit.
    """

    mandate_id: uuid.UUID
    version: Version
    account_id: uuid.UUID
    platform_id: uuid.UUID
    kind: MandateKind
    scenes: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)]
    terms_version: Name
    terms_sha256: Sha256
    threshold_mg: Milligrams | None = None
    accepted_at: datetime
    until: datetime | None = None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.terms_version, self.terms_sha256, *self.scenes)
        require_storable(self.accepted_at, self.until, self.changed_at)
        if self.until is not None and self.until < self.accepted_at:
            raise ValueError("an end before its beginning")

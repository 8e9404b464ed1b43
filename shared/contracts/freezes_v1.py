"""Topic `accounting.freezes.v1`: a person's account was frozen, or a freeze has ended. Key = the id of the account."""

import uuid
from datetime import datetime
from typing import Final

import msgspec

from shared.contracts.account_state import FreezeReason
from shared.contracts.bounds import require_storable

FREEZE_CHANGED_TYPE: Final = "cn.carboninclusion.account.freeze.changed.v1"


class FreezeChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The state from `changed_at` on. `reason` is that of the freeze, null when it ends or has no code.

    Published at least once: account and `changed_at` identify a repeat.
    """

    account_id: uuid.UUID
    frozen: bool
    reason: FreezeReason | None
    changed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.changed_at)

"""Who calls as a merchant, and the limits of a registration."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

REGISTER: Final = "merchant.register"
RESUME: Final = "merchant.resume"
ISSUE_KEY: Final = "merchant.issue_key"
KINDS: Final = (REGISTER, RESUME, ISSUE_KEY)

KEYS_MAX: Final = 2  # live or proposed, so that a merchant can rotate
SHOPS_MAX: Final = 1_000  # of a merchant
TILLS_MAX: Final = 50  # live ones of a shop
# A cashier opens the page, the other one scans. Ten minutes are enough to fetch a phone.
ENROLMENT_LIFE: Final = timedelta(minutes=10)
APP_KEY_PATTERN: Final = r"^mk-[a-z0-9-]{6,80}$"


@dataclass(frozen=True, slots=True)
class MerchantCaller:
    """A till with its own token, or a merchant's system with a key. A till belongs to one shop."""

    merchant_id: str
    shop_id: str | None = None
    till_id: uuid.UUID | None = None
    app_key: str | None = None

    @property
    def subject(self) -> str:
        """Names the caller in idempotency keys and in the audit log."""
        return f"till:{self.till_id}" if self.till_id is not None else f"merchant-key:{self.app_key}"

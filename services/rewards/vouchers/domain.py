"""What an order gets from the voucher pools, and how a voucher ends."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_DAYS_MAX: Final = 3650
# Three days leave a weekend to go to the shop, or to give the voucher back.
REMIND_BEFORE: Final = timedelta(days=3)


class VoucherStatus(StrEnum):
    UNUSED = "unused"
    USED = "used"
    EXPIRED = "expired"
    GIVEN_BACK = "given_back"


@dataclass(frozen=True, slots=True)
class Validity:
    """From inclusive, until exclusive. None means no bound."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """An order that gets `quantity` codes."""

    order_id: uuid.UUID
    user_id: uuid.UUID
    quantity: int

"""What an order gets from the voucher pools, and how a voucher ends."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_DAYS_MAX: Final = 3650
# Three days leave a weekend to go to the shop, or to give the voucher back.
REMIND_BEFORE: Final = timedelta(days=3)
# An order may wait a minute for accounting. Who orders last has at least this long to go to the shop.
SALE_ENDS_BEFORE: Final = timedelta(hours=1)


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


def outlasts(sale_ends_at: datetime | None, valid_until: datetime | None) -> bool:
    """Whether the last one to order would get a voucher that is over. None means no bound."""
    if valid_until is None:
        return False
    return sale_ends_at is None or sale_ends_at > valid_until - SALE_ENDS_BEFORE


@dataclass(frozen=True, slots=True)
class Want:
    """An order that gets `quantity` codes."""

    order_id: uuid.UUID
    user_id: uuid.UUID
    quantity: int

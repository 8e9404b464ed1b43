"""What an order gets from the voucher pools."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """An order that gets `quantity` codes."""

    order_id: uuid.UUID
    user_id: uuid.UUID
    quantity: int

"""Topic `rewards.events.v1`: what grams were spent on. Key = the carbon account's id, which names nobody."""

import uuid
from datetime import datetime

import msgspec


class OrderConfirmed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order.confirmed"):
    """Grams spent, vouchers handed out. `amount_mg` and `cost_fen` are of all pieces; `captured_to` names the sponsor.

    Published at least once: `order_id` recognises a repeat.
    """

    event_id: uuid.UUID
    order_id: uuid.UUID
    account_id: uuid.UUID
    item_id: str
    quantity: int
    amount_mg: int
    cost_fen: int
    captured_to: str
    confirmed_at: datetime


class DonationMade(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="donation.made"):
    """Grams given to a campaign. Published at least once: `donation_id` recognises a repeat."""

    event_id: uuid.UUID
    donation_id: uuid.UUID
    account_id: uuid.UUID
    campaign_id: str
    amount_mg: int
    certificate_no: str
    made_at: datetime


RewardEvent = OrderConfirmed | DonationMade

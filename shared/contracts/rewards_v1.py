"""Topic `rewards.events.v1`: grams spent on rewards and donations. Key = the id of the carbon account."""

import uuid
from datetime import datetime
from typing import Final

import msgspec

from shared.contracts.activities_v1 import Name
from shared.contracts.bounds import Count, Fen, Milligrams, require_storable

EVENT_SOURCE: Final = "/rewards"
ORDER_CONFIRMED_TYPE: Final = "cn.carboninclusion.order.confirmed.v1"
ORDER_CANCELLED_TYPE: Final = "cn.carboninclusion.order.cancelled.v1"
VOUCHERS_EXPIRING_TYPE: Final = "cn.carboninclusion.vouchers.expiring.v1"
DONATION_MADE_TYPE: Final = "cn.carboninclusion.donation.made.v1"
CERTIFICATE_REVOKED_TYPE: Final = "cn.carboninclusion.certificate.revoked.v1"


class OrderConfirmed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order.confirmed"):
    """The grams are spent and the vouchers assigned. `amount_mg` and `cost_fen` are for all pieces.

    `captured_to` names the sponsor. Published at least once: `order_id` identifies a repeat.
    """

    event_id: uuid.UUID
    order_id: uuid.UUID
    account_id: uuid.UUID
    item_id: Name
    quantity: Count
    amount_mg: Milligrams
    cost_fen: Fen
    captured_to: Name
    confirmed_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.item_id, self.captured_to, self.confirmed_at)


class OrderCancelled(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order.cancelled"):
    """A confirmed order was given back with all its grams. It follows its `order.confirmed`.

    `cost_fen` is what its budget has back: pieces that were used before operators refunded the order stay paid.
    Published at least once: `order_id` identifies a repeat.
    """

    event_id: uuid.UUID
    order_id: uuid.UUID
    account_id: uuid.UUID
    item_id: Name
    quantity: Count
    amount_mg: Milligrams
    cost_fen: Fen
    cancelled_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.item_id, self.cancelled_at)


class DonationMade(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="donation.made"):
    """Grams are donated to a campaign. Published at least once: `donation_id` identifies a repeat."""

    event_id: uuid.UUID
    donation_id: uuid.UUID
    account_id: uuid.UUID
    campaign_id: Name
    amount_mg: Milligrams
    certificate_no: Name
    made_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.campaign_id, self.certificate_no, self.made_at)


class VouchersExpiring(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="vouchers.expiring"):
    """Unused vouchers of an order end soon. `account_id` is the own account of the person who may use them.

    `title` is the item's, in Chinese. Published at least once: `order_id` identifies a repeat.
    """

    event_id: uuid.UUID
    order_id: uuid.UUID
    account_id: uuid.UUID
    item_id: Name
    title: Name
    quantity: Count
    valid_until: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.item_id, self.title, self.valid_until)


class CertificateRevoked(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="certificate.revoked"):
    """The certificate of a donation is not valid any more. Its public page gives the reason. No grams move.

    Published at least once: `certificate_no` identifies a repeat.
    """

    event_id: uuid.UUID
    certificate_no: Name
    donation_id: uuid.UUID
    account_id: uuid.UUID
    amount_mg: Milligrams
    revoked_at: datetime

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        require_storable(self.certificate_no, self.revoked_at)


RewardEvent = OrderConfirmed | OrderCancelled | DonationMade | VouchersExpiring | CertificateRevoked

"""Consumer of `rewards.events.v1`: tells of confirmed orders, ending vouchers and revoked certificates, if asked."""

from datetime import timedelta
from typing import Final

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.messages import service
from services.accounts.messages.domain import Value
from services.accounts.messages.templates import MessageKind
from shared.contracts.rewards_v1 import CertificateRevoked, OrderConfirmed, RewardEvent, VouchersExpiring
from shared.db import Session
from shared.instants import CITY_ZONE
from shared.projection import Items

# WeChat shows 20 characters.
_TITLE_CHARS: Final = 12
_Told = OrderConfirmed | VouchersExpiring | CertificateRevoked


async def handle_rewards(session: Session, items: Items[RewardEvent]) -> None:
    """Queue a message for each such event of a person. A repeated record queues nothing: its key is the cause."""
    events = [event for _, event in items if isinstance(event, _Told)]
    if not events:
        return
    owners = await carbon_accounts.find_owners(session, account_ids=[event.account_id for event in events])
    known = [(owners[event.account_id], _cause(event), event) for event in events if event.account_id in owners]
    for user_id, (kind, key), event in sorted(known, key=lambda one: one[:2]):  # one order of locks
        await service.queue(session, user_id=user_id, kind=kind, key=key, values=_values(event))


def _cause(event: _Told) -> tuple[MessageKind, str]:
    match event:
        case OrderConfirmed():
            return MessageKind.ORDER_CONFIRMED, str(event.order_id)
        case VouchersExpiring():
            return MessageKind.EXPIRING, f"vouchers:{event.order_id}"
        case CertificateRevoked():
            return MessageKind.CERTIFICATE_REVOKED, event.certificate_no


def _values(event: _Told) -> dict[str, Value]:
    match event:
        case OrderConfirmed():
            return {"amount_mg": event.amount_mg, "quantity": event.quantity, "at": event.confirmed_at}
        case VouchersExpiring():
            # The end is exclusive, so the last day is the one before midnight.
            last_day = (event.valid_until - timedelta(microseconds=1)).astimezone(CITY_ZONE).date()
            return {"what": f"{event.title[:_TITLE_CHARS]} {event.quantity} 张", "on": last_day}
        case CertificateRevoked():
            return {"amount_mg": event.amount_mg, "at": event.revoked_at}

"""Consumer of `rewards.events.v1`: tells the owner of a confirmed order, and of vouchers that end soon, if asked."""

from datetime import timedelta
from typing import Final

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.messages import service
from services.accounts.messages.domain import Value
from services.accounts.messages.templates import MessageKind
from shared.contracts.rewards_v1 import OrderConfirmed, RewardEvent, VouchersExpiring
from shared.db import Session
from shared.instants import CITY_ZONE
from shared.projection import Items

# WeChat shows 20 characters.
_TITLE_CHARS: Final = 12


async def handle_rewards(session: Session, items: Items[RewardEvent]) -> None:
    """Queue a message for each event of a person's order. A repeated record queues nothing: its key is the order."""
    events = [event for _, event in items if isinstance(event, OrderConfirmed | VouchersExpiring)]
    if not events:
        return
    owners = await carbon_accounts.find_owners(session, account_ids=[event.account_id for event in events])
    known = [(owners[event.account_id], event) for event in events if event.account_id in owners]
    for user_id, event in sorted(known, key=lambda one: (one[0], one[1].order_id)):  # one order of locks
        if isinstance(event, OrderConfirmed):
            kind, key = MessageKind.ORDER_CONFIRMED, str(event.order_id)
        else:
            kind, key = MessageKind.EXPIRING, f"vouchers:{event.order_id}"
        await service.queue(session, user_id=user_id, kind=kind, key=key, values=_values(event))


def _values(event: OrderConfirmed | VouchersExpiring) -> dict[str, Value]:
    if isinstance(event, OrderConfirmed):
        return {"amount_mg": event.amount_mg, "quantity": event.quantity, "at": event.confirmed_at}
    # The end is exclusive, so the last day is the one before midnight.
    last_day = (event.valid_until - timedelta(microseconds=1)).astimezone(CITY_ZONE).date()
    return {"what": f"{event.title[:_TITLE_CHARS]} {event.quantity} 张", "on": last_day}

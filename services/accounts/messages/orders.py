"""Consumer of `rewards.events.v1`: tells the owner that an order is confirmed, if they asked for it."""

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.messages import service
from services.accounts.messages.templates import MessageKind
from shared.contracts.rewards_v1 import OrderConfirmed, RewardEvent
from shared.db import Session
from shared.projection import Items


async def handle_rewards(session: Session, items: Items[RewardEvent]) -> None:
    """Queue a message for each confirmed order of a person. A repeated record queues nothing: its key is the order."""
    orders = [event for _, event in items if isinstance(event, OrderConfirmed)]
    if not orders:
        return
    owners = await carbon_accounts.find_owners(session, account_ids=[order.account_id for order in orders])
    known = [(owners[order.account_id], order) for order in orders if order.account_id in owners]
    for user_id, order in sorted(known, key=lambda one: (one[0], one[1].order_id)):  # one order of locks
        await service.queue(
            session,
            user_id=user_id,
            kind=MessageKind.ORDER_CONFIRMED,
            key=str(order.order_id),
            values={"amount_mg": order.amount_mg, "quantity": order.quantity, "at": order.confirmed_at},
        )

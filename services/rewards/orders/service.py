"""Use cases of orders: place, confirm or release, show.

Locks are always taken in this order, so that no two orders can wait for each other: the order, the counter of the user,
the stock of the item, the budget, vouchers (skipping locked ones).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.rewards.budgets import service as budgets
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.errors import SaleClosed
from services.rewards.catalogue.service import ItemTexts
from services.rewards.database import SCHEMA
from services.rewards.orders import repository
from services.rewards.orders.errors import ClientRequestIdUsed, LimitReached, OrderNotFound
from services.rewards.orders.models import orders
from services.rewards.settlement import service as settlements
from services.rewards.settlement.domain import Settlement, Status
from services.rewards.settlement.service import Origin, Placement
from services.rewards.vouchers import service as vouchers
from shared import clock, outbox
from shared.contracts.envelope import event_headers
from shared.contracts.rewards_v1 import EVENT_SOURCE, ORDER_CONFIRMED_TYPE, OrderConfirmed
from shared.db import Session
from shared.errors import IdempotencyKeyReused
from shared.eventlog import Record
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its owner sees it. `price_mg` is per piece. A confirmed one has vouchers."""

    order_id: uuid.UUID
    status: Status
    reason_code: str | None
    item_id: str
    texts: ItemTexts
    quantity: int
    price_mg: int
    amount_mg: int
    voucher_ids: tuple[uuid.UUID, ...]
    created_at: datetime
    settled_at: datetime | None


async def place_order(
    session: Session, *, origin: Origin, item_id: str, quantity: int, client_request_id: str
) -> Placement:
    """Open the settlement of an order. Reserve pieces, budget and the user's part of the limit.

    Raises ItemNotFound, SaleClosed, LimitReached, SoldOut, BudgetExhausted, ClientRequestIdUsed.
    """
    item = await catalogue.get_item(session, item_id=item_id)
    order_id = new_id()
    fresh = await settlements.open_new(
        session,
        orders,
        origin=origin,
        amount_mg=item.price_mg * quantity,
        capture_to=f"redeemed:{item.sponsor.sponsor_id}",
        order_id=order_id,
        client_request_id=client_request_id,
        item_id=item_id,
        quantity=quantity,
        price_mg=item.price_mg,
        budget_id=item.budget_id,
        cost_fen=item.price_fen * quantity,
    )
    if not fresh:
        return await _existing_order(session, origin, item_id, quantity, client_request_id)
    if not item.offer.open_at(clock.now()):
        raise SaleClosed
    if not await repository.take_within_limit(
        session, user_id=origin.user_id, item_id=item_id, quantity=quantity, limit=item.per_user_limit
    ):
        raise LimitReached(limit=item.per_user_limit)
    await catalogue.reserve(session, item_id=item_id, quantity=quantity)
    await budgets.reserve(session, budget_id=item.budget_id, amount_fen=item.price_fen * quantity)
    return Placement(order_id)


async def _existing_order(
    session: Session, origin: Origin, item_id: str, quantity: int, client_request_id: str
) -> Placement:
    """Return the existing order of a repeated request whose idempotency key is deleted or was never finished."""
    row = await repository.by_client_request(session, origin.user_id, client_request_id)
    if row.idempotency_key != origin.idempotency_key:
        raise ClientRequestIdUsed(extensions={"order_id": str(row.order_id)})
    if (row.item_id, row.quantity) != (item_id, quantity):
        raise IdempotencyKeyReused
    return Placement(row.order_id, repeated=True)


async def confirm_order(session: Session, *, order_id: uuid.UUID, topic: str) -> None:
    """The grams are captured: sell the pieces, spend the budget, assign the codes, publish the event."""
    row = await repository.by_id(session, order_id)
    await catalogue.sell_reserved(session, item_id=row.item_id, quantity=row.quantity)
    await budgets.spend_reserved(session, budget_id=row.budget_id, amount_fen=row.cost_fen)
    await vouchers.assign(session, item_id=row.item_id, order_id=order_id, user_id=row.user_id, quantity=row.quantity)
    event = OrderConfirmed(
        event_id=new_id(),
        order_id=order_id,
        account_id=row.account_id,
        item_id=row.item_id,
        quantity=row.quantity,
        amount_mg=row.amount_mg,
        cost_fen=row.cost_fen,
        captured_to=row.capture_to,
        confirmed_at=row.settled_at,
    )
    headers = event_headers(
        str(event.event_id), source=EVENT_SOURCE, event_type=ORDER_CONFIRMED_TYPE, at=event.confirmed_at
    )
    record = Record(key=str(row.account_id).encode(), value=msgspec.json.encode(event), headers=headers)
    await outbox.add(session, SCHEMA, topic, [record])


async def release_order(session: Session, *, order_id: uuid.UUID) -> None:
    """The grams are given back: return the pieces, the budget and the user's part of the limit."""
    row = await repository.by_id(session, order_id)
    await repository.give_back_taken(session, user_id=row.user_id, item_id=row.item_id, quantity=row.quantity)
    await catalogue.return_reserved(session, item_id=row.item_id, quantity=row.quantity)
    await budgets.return_reserved(session, budget_id=row.budget_id, amount_fen=row.cost_fen)


async def _with_details(session: Session, rows: Sequence[Any]) -> list[Order]:
    texts = await catalogue.texts_of(session, item_ids=[row.item_id for row in rows])
    given = await vouchers.ids_by_order(session, order_ids=[row.order_id for row in rows])
    return [
        Order(
            order_id=row.order_id,
            status=Status(row.status),
            reason_code=row.reason_code,
            item_id=row.item_id,
            texts=texts[row.item_id],
            quantity=row.quantity,
            price_mg=row.price_mg,
            amount_mg=row.amount_mg,
            voucher_ids=tuple(given.get(row.order_id, ())),
            created_at=row.created_at,
            settled_at=row.settled_at,
        )
        for row in rows
    ]


async def get_settled_order(session: Session, *, settlement: Settlement) -> Order:
    return (await _with_details(session, [await repository.by_id(session, settlement.settlement_id)]))[0]


async def get_own_order(session: Session, *, order_id: uuid.UUID, user_id: uuid.UUID) -> Order:
    """Return an order of the user. Raises OrderNotFound, also for an order of another person."""
    row = await repository.owned(session, order_id, user_id)
    if row is None:
        raise OrderNotFound
    return (await _with_details(session, [row]))[0]


async def list_own_orders(session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> list[Order]:
    """Return the orders of the user before the id `before`, newest first."""
    return await _with_details(
        session, await repository.owned_page(session, user_id=user_id, before=before, limit=limit)
    )


async def pieces_by_item(session: Session) -> dict[str, tuple[int, int]]:
    """Return the pieces in open and in confirmed orders, by item."""
    return {row.item_id: (row.open, row.confirmed) for row in await repository.quantities_by_item(session)}


async def costs_by_budget(session: Session) -> dict[str, tuple[int, int]]:
    """Return the fen in open and in confirmed orders, by budget."""
    return {row.budget_id: (int(row.open), int(row.confirmed)) for row in await repository.costs_by_budget(session)}


async def count_wrong_limits(session: Session) -> int:
    """Count counters of the limit per person that differ from the orders."""
    return await repository.count_wrong_limits(session)

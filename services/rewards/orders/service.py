"""Use cases of orders: deliver, count and show them. `placing` opens them.

Locks are always taken in this order, so that no two transactions can wait for each other: existing orders, codes
(skipping locked ones), idempotency keys, the stock of items by id, budgets by id, the counters of users, new orders.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.rewards.budgets import service as budgets
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import StockChange, releasing, selling, taking_back
from services.rewards.catalogue.service import ItemTexts
from services.rewards.database import SCHEMA
from services.rewards.orders import repository
from services.rewards.orders.errors import OrderNotFound
from services.rewards.orders.models import orders
from services.rewards.settlement import service as settlements
from services.rewards.settlement.domain import Ended, Reason, Settlement, Status
from services.rewards.vouchers import refunding
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.domain import Want
from services.rewards.vouchers.sealing import CodeSealer
from shared import outbox
from shared.contracts.envelope import event_headers
from shared.contracts.rewards_v1 import (
    EVENT_SOURCE,
    ORDER_CANCELLED_TYPE,
    ORDER_CONFIRMED_TYPE,
    OrderCancelled,
    OrderConfirmed,
)
from shared.db import Session
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request orders."""

    item_id: str
    quantity: int
    client_request_id: str


async def deliver(session: Session, *, ended: Ended, sealer: CodeSealer, topic: str) -> None:
    """Assign the codes of confirmed orders, put those of returned ones back, publish the events."""
    confirmed = await _rows(session, ended.confirmed)
    returned = await _rows(session, ended.returned)
    for item_id in sorted({row.item_id for row in confirmed}):
        wants = [Want(row.order_id, row.user_id, row.quantity) for row in confirmed if row.item_id == item_id]
        await vouchers.assign(session, item_id=item_id, wants=wants)
    if returned:
        order_ids = [row.order_id for row in returned]
        await vouchers.put_back(session, sealer=sealer, order_ids=order_ids)
        await refunding.replace_retired(session, sealer=sealer, order_ids=order_ids)
    records = [_confirmed(row) for row in confirmed] + [_cancelled(row) for row in returned]
    await outbox.add(session, SCHEMA, topic, records)


async def count(session: Session, *, ended: Ended) -> None:
    """Change stock, budgets and the users' parts of the limits, in this order."""
    stock: dict[str, StockChange] = {}
    funds: dict[str, tuple[int, int]] = {}
    freed: list[tuple[uuid.UUID, str, int]] = []
    freed_windows: list[tuple[uuid.UUID, str, int]] = []
    for group, ways, reserved, spent in (
        (ended.confirmed, selling, -1, 1),
        (ended.released, releasing, -1, 0),
        (ended.returned, taking_back, 0, -1),
    ):
        for row in await _rows(session, group):
            stock[row.item_id] = stock.get(row.item_id, StockChange()).plus(ways(row.quantity))
            before = funds.get(row.budget_id, (0, 0))
            funds[row.budget_id] = (
                before[0] + reserved * row.cost_fen,
                before[1] + spent * (row.cost_fen - row.kept_fen),
            )
            if group is not ended.confirmed:
                freed.append((row.user_id, row.item_id, row.quantity))
                freed_windows += [(row.user_id, key, row.quantity) for key in row.windows.split()]
    await catalogue.change_stock(session, changes=stock)
    if ended.returned:
        lost = await refunding.count_lost(session, order_ids=[one.settlement_id for one in ended.returned])
        for item_id in sorted(lost):
            await catalogue.add_stock(session, item_id=item_id, quantity=-lost[item_id])
    await budgets.change(session, changes=funds)
    await repository.give_back_taken(session, freed)
    await repository.give_back_in_windows(session, freed_windows)


async def _rows(session: Session, settlements: Sequence[Settlement]) -> list[Any]:
    """Return the rows of orders, by id."""
    found = await repository.by_ids(session, [one.settlement_id for one in settlements]) if settlements else {}
    return [found[order_id] for order_id in sorted(found)]


def _confirmed(row: Any) -> Record:
    event = OrderConfirmed(
        event_id=new_id(),
        order_id=row.order_id,
        account_id=row.account_id,
        item_id=row.item_id,
        quantity=row.quantity,
        amount_mg=row.amount_mg,
        cost_fen=row.cost_fen,
        captured_to=row.capture_to,
        confirmed_at=row.settled_at,
    )
    return _record(event, row, ORDER_CONFIRMED_TYPE, event.confirmed_at)


def _cancelled(row: Any) -> Record:
    event = OrderCancelled(
        event_id=new_id(),
        order_id=row.order_id,
        account_id=row.account_id,
        item_id=row.item_id,
        quantity=row.quantity,
        amount_mg=row.amount_mg,
        cost_fen=row.cost_fen - row.kept_fen,
        cancelled_at=row.settled_at,
    )
    return _record(event, row, ORDER_CANCELLED_TYPE, event.cancelled_at)


def _record(event: OrderConfirmed | OrderCancelled, row: Any, event_type: str, at: datetime) -> Record:
    headers = event_headers(str(event.event_id), source=EVENT_SOURCE, event_type=event_type, at=at)
    return Record(key=str(row.account_id).encode(), value=msgspec.json.encode(event), headers=headers)


async def _with_details(session: Session, rows: Sequence[Any]) -> list[Order]:
    texts = await catalogue.texts_of(session, item_ids=[row.item_id for row in rows])
    given = await vouchers.ids_by_order(session, order_ids=[row.order_id for row in rows if row.status == "confirmed"])
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


async def get_settled_orders(session: Session, *, settlements: Sequence[Settlement]) -> list[Order]:
    """Return orders in the sequence of their settlements."""
    rows = await repository.by_ids(session, [one.settlement_id for one in settlements])
    return await _with_details(session, [rows[one.settlement_id] for one in settlements])


async def get_order(session: Session, *, order_id: uuid.UUID) -> Any:
    """Return the row of an order, for operators. Raises OrderNotFound."""
    found = await repository.by_ids(session, [order_id])
    if order_id not in found:
        raise OrderNotFound
    return found[order_id]


async def begin_refund(session: Session, *, order_id: uuid.UUID) -> bool:
    """Begin to give a confirmed order back, also one whose vouchers are used. False if it is not confirmed.

    Used pieces stay paid by their budget: a shop has handed them out. The driver of settlements does the rest.
    """
    if not await settlements.begin_return(session, orders, settlement_id=order_id, reason=Reason.REFUNDED):
        return False
    used = await refunding.withdraw(session, order_id=order_id)
    if used:
        await repository.keep_cost(session, order_id, pieces=used)
    return True


async def get_own_order(session: Session, *, order_id: uuid.UUID, user_id: uuid.UUID) -> Order:
    """Return an order of the user. Raises OrderNotFound, also for an order of another person."""
    row = await repository.owned(session, order_id, user_id)
    if row is None:
        raise OrderNotFound
    return (await _with_details(session, [row]))[0]


async def list_own_orders(
    session: Session,
    *,
    user_id: uuid.UUID,
    statuses: Collection[Status] = (),
    client_request_id: str | None = None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Order]:
    """Return the orders of the user before the id `before`, newest first. Refused ones are no orders."""
    rows = await repository.owned_page(
        session,
        user_id=user_id,
        statuses=statuses,
        client_request_id=client_request_id,
        before=before,
        limit=limit,
    )
    return await _with_details(session, rows)


async def spending_by_day(session: Session, *, since: datetime, zone: str) -> Sequence[Any]:
    """Return rows of (budget_id, day, amount_mg, cost_fen): confirmed orders placed since then, by local day."""
    return await repository.spending_by_day(session, since=since, zone=zone)


async def total_spent_mg(session: Session) -> int:
    """Return the grams of all confirmed orders."""
    return await repository.total_spent_mg(session)


async def pieces_by_item(session: Session) -> dict[str, tuple[int, int]]:
    """Return the pieces in open and in confirmed orders, by item."""
    return {row.item_id: (row.open, row.confirmed) for row in await repository.quantities_by_item(session)}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of an order: what it cost the sponsor's budget when it was ordered."""

    sponsor_id: str
    fen: int


async def get_piece(session: Session, *, order_id: uuid.UUID) -> Piece:
    row = (await repository.by_ids(session, [order_id]))[order_id]
    return Piece(row.capture_to.removeprefix("redeemed:"), row.cost_fen // row.quantity)


async def costs_by_budget(session: Session) -> dict[str, tuple[int, int]]:
    """Return the fen in open and in confirmed orders, by budget."""
    return {row.budget_id: (int(row.open), int(row.confirmed)) for row in await repository.costs_by_budget(session)}


async def count_wrong_limits(session: Session) -> int:
    """Count counters of the limits per person that differ from the orders."""
    return await repository.count_wrong_limits(session) + await repository.count_wrong_windows(session)

"""Use case of placing orders: a set of requests of different people, in one transaction.

A first look, without locks, refuses what cannot succeed: a crowd in front of an empty shelf locks nothing. The others
are decided under the locks of stock and budget, in the order in which they came.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.rewards.budgets import service as budgets
from services.rewards.budgets.errors import BudgetExhausted
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import ItemStatus, StockChange, Window, reserving
from services.rewards.catalogue.errors import ItemNotFound, SaleClosed, SoldOut
from services.rewards.catalogue.service import Item
from services.rewards.orders import repository
from services.rewards.orders.errors import ClientRequestIdUsed, LimitReached
from services.rewards.orders.models import orders
from services.rewards.orders.repository import Take, WindowTake
from services.rewards.orders.service import Wanted
from services.rewards.settlement import service as settlements
from services.rewards.settlement.service import Asked, Placement
from shared import clock
from shared.db import Session
from shared.errors import AppError, IdempotencyKeyInProgress, IdempotencyKeyReused
from shared.ids import new_id

Placed = Placement | AppError


@dataclass(slots=True)
class _Candidate:
    """A request that may succeed."""

    place: int
    asked: Asked
    item: Item
    windows: tuple[Window, ...]

    @property
    def wanted(self) -> Wanted:
        wanted: Wanted = self.asked.wanted
        return wanted

    @property
    def cost_fen(self) -> int:
        return self.item.price_fen * self.wanted.quantity

    @property
    def taker(self) -> tuple[Any, str]:
        return self.asked.origin.user_id, self.wanted.item_id

    @property
    def counters(self) -> list[tuple[Any, str, int]]:
        return [(self.asked.origin.user_id, window.key, self.wanted.quantity) for window in self.windows]

    def first_full(self, counted: Collection[tuple[Any, str]]) -> Window | None:
        """Return the first window that is not among the (user, key) counted."""
        user_id = self.asked.origin.user_id
        return next((window for window in self.windows if (user_id, window.key) not in counted), None)


async def place_orders(session: Session, *, asked: Sequence[Asked], day: date) -> list[Placed]:
    """Open the settlements of orders. Reserve pieces, budget and each user's part of the limits.

    `day`: the local day whose limits count. Errors: ItemNotFound, SaleClosed, LimitReached, SoldOut, BudgetExhausted,
    ClientRequestIdUsed, IdempotencyKeyReused.
    """
    items = await catalogue.get_items(session, item_ids={one.wanted.item_id for one in asked})
    takers = [(one.origin.user_id, one.wanted.item_id) for one in asked]
    taken = await repository.taken_of(session, takers)
    ids = [(one.origin.user_id, one.wanted.client_request_id) for one in asked]
    existing = await repository.by_client_requests(session, ids)
    found: dict[int, Placed] = {}
    candidates = []
    for place, one in enumerate(asked):
        item, row = items.get(one.wanted.item_id), existing.get(ids[place])
        if item is None or item.status is ItemStatus.DRAFT:
            found[place] = ItemNotFound()
        elif row is not None:
            found[place] = await _existing(session, one, row)
        elif refusal := _screened(one, item, taken.get(takers[place], 0)):
            found[place] = refusal
        else:
            candidates.append(_Candidate(place, one, item, item.limits.windows_on(item.item_id, day)))
    candidates = await _within_windows(session, candidates, found)
    if candidates:
        found |= await _reserve(session, candidates)
    return [found[place] for place in range(len(asked))]


async def _existing(session: Session, asked: Asked, row: Any) -> Placed:
    """Answer a repeated request whose idempotency key is deleted or was never finished."""
    if row.idempotency_key != asked.origin.idempotency_key:
        return ClientRequestIdUsed(extensions={"order_id": str(row.order_id)})
    asked_for = (asked.wanted.item_id, asked.wanted.quantity, asked.origin.account_id)
    if (row.item_id, row.quantity, row.account_id) != asked_for:
        return IdempotencyKeyReused()
    return Placement(await settlements.get(session, orders, settlement_id=row.order_id), repeated=True)


def _screened(asked: Asked, item: Item, taken: int) -> AppError | None:
    """Refuse what the state of a moment ago excludes."""
    wanted: Wanted = asked.wanted
    if not item.offer.open_at(clock.now()):
        return SaleClosed()
    if item.per_user_limit is not None and taken + wanted.quantity > item.per_user_limit:
        return LimitReached(limit=item.per_user_limit)
    if item.stock < wanted.quantity:
        return SoldOut()
    return None


async def _within_windows(
    session: Session, candidates: Sequence[_Candidate], found: dict[int, Placed]
) -> list[_Candidate]:
    """Leave out the candidates that the windows of a moment ago exclude, with their refusals in `found`."""
    pairs = [(user_id, key) for one in candidates for user_id, key, _ in one.counters]
    taken = await repository.taken_in_windows(session, pairs) if pairs else {}
    kept = []
    for one in candidates:
        user_id, quantity = one.asked.origin.user_id, one.wanted.quantity
        full = next((w for w in one.windows if taken.get((user_id, w.key), 0) + quantity > w.limit), None)
        if full is None:
            kept.append(one)
        else:
            found[one.place] = LimitReached(limit=full.limit, span=full.span)
    return kept


async def _reserve(session: Session, candidates: Sequence[_Candidate]) -> dict[int, Placed]:
    """Decide under the locks of stock and budget, count towards the limits, insert the orders."""
    left = await catalogue.lock_available(session, item_ids={one.item.item_id for one in candidates})
    funds = await budgets.lock_left(session, budget_ids={one.item.budget_id for one in candidates})
    found: dict[int, Placed] = {}
    accepted = []
    for one in candidates:
        if left[one.item.item_id] < one.wanted.quantity:
            found[one.place] = SoldOut()
        elif funds[one.item.budget_id] < one.cost_fen:
            found[one.place] = BudgetExhausted()
        else:
            left[one.item.item_id] -= one.wanted.quantity
            funds[one.item.budget_id] -= one.cost_fen
            accepted.append(one)
    if not accepted:
        return found
    counted = await _count(session, accepted, found)
    placed = await _insert(session, counted)
    await _reserve_pieces(session, [one for one in counted if isinstance(placed.get(one.place), Placement)])
    return found | placed


async def _count(session: Session, accepted: Sequence[_Candidate], found: dict[int, Placed]) -> list[_Candidate]:
    """Count towards the limits per person. Return the candidates within all of theirs; refusals go to `found`."""
    counted = await repository.take_within_limits(
        session, [Take(*one.taker, one.wanted.quantity, one.item.per_user_limit) for one in accepted]
    )
    for one in accepted:
        if one.taker not in counted:
            assert one.item.per_user_limit is not None
            found[one.place] = LimitReached(limit=one.item.per_user_limit)
    within = [one for one in accepted if one.taker in counted]
    takes = [
        WindowTake(one.asked.origin.user_id, window.key, one.wanted.quantity, window.limit)
        for one in within
        for window in one.windows
    ]
    if not takes:
        return within
    in_windows = await repository.take_in_windows(session, takes)
    refused = []
    for one in within:
        if full := one.first_full(in_windows):
            found[one.place] = LimitReached(limit=full.limit, span=full.span)
            refused.append(one)
    await _give_back(session, refused, in_windows)
    return [one for one in within if one not in refused]


async def _give_back(
    session: Session, candidates: Sequence[_Candidate], in_windows: Collection[tuple[Any, str]] | None = None
) -> None:
    """Take the pieces of candidates from the counters of their limits. `in_windows`: only from these windows."""
    await repository.give_back_taken(session, [(*one.taker, one.wanted.quantity) for one in candidates])
    counters = [counter for one in candidates for counter in one.counters]
    if in_windows is not None:
        counters = [counter for counter in counters if counter[:2] in in_windows]
    await repository.give_back_in_windows(session, counters)


async def _insert(session: Session, accepted: Sequence[_Candidate]) -> dict[int, Placed]:
    if not accepted:
        return {}
    rows = {one.place: _row(one) for one in accepted}
    opened = await settlements.open_many(session, orders, [(one.asked.origin, rows[one.place]) for one in accepted])
    placed: dict[int, Placed] = {}
    overtaken = []
    for one in accepted:
        settlement = opened.get(rows[one.place]["order_id"])
        if settlement is not None:
            placed[one.place] = Placement(settlement)
        else:  # another process has placed an order with this client_request_id a moment ago
            overtaken.append(one)
    if overtaken:
        await _give_back(session, overtaken)
        ids = [(one.asked.origin.user_id, one.wanted.client_request_id) for one in overtaken]
        existing = await repository.by_client_requests(session, ids)
        for one, pair in zip(overtaken, ids, strict=True):
            row = existing.get(pair)
            placed[one.place] = IdempotencyKeyInProgress() if row is None else await _existing(session, one.asked, row)
    return placed


def _row(candidate: _Candidate) -> Mapping[str, Any]:
    item, wanted = candidate.item, candidate.wanted
    return {
        "order_id": new_id(),
        "amount_mg": item.price_mg * wanted.quantity,
        "capture_to": f"redeemed:{item.sponsor.sponsor_id}",
        "title_zh": item.texts.title.zh,
        "title_en": item.texts.title.en,
        "client_request_id": wanted.client_request_id,
        "item_id": item.item_id,
        "quantity": wanted.quantity,
        "price_mg": item.price_mg,
        "budget_id": item.budget_id,
        "cost_fen": candidate.cost_fen,
        "windows": " ".join(window.key for window in candidate.windows),
    }


async def _reserve_pieces(session: Session, placed: Sequence[_Candidate]) -> None:
    pieces: dict[str, StockChange] = {}
    amounts_fen: dict[str, tuple[int, int]] = {}
    for one in placed:
        pieces[one.item.item_id] = pieces.get(one.item.item_id, StockChange()).plus(reserving(one.wanted.quantity))
        amounts_fen[one.item.budget_id] = (amounts_fen.get(one.item.budget_id, (0, 0))[0] + one.cost_fen, 0)
    await catalogue.change_stock(session, changes=pieces)
    await budgets.change(session, changes=amounts_fen)

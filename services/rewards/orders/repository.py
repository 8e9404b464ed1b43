"""SQL of orders and of the limit per person."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Date, TableValuedAlias, Text, Uuid, any_, cast, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.database import REFUSED
from services.rewards.orders.models import item_taken, orders, window_taken
from services.rewards.settlement.domain import Status

# Pieces of an order that is being returned are sold until its grams are refunded.
_RESERVED = (Status.PENDING, Status.CANCELLING)
_SOLD = (Status.CONFIRMED, Status.RETURNING)


_REAL = text(f"NOT ({REFUSED})")


async def by_client_requests(
    session: AsyncSession, pairs: Sequence[tuple[uuid.UUID, str]]
) -> dict[tuple[uuid.UUID, str], Any]:
    """Return the orders of (user, client request id), without refused ones."""
    given = _pairs(pairs)
    same = (orders.c.user_id == given.c.user_id) & (orders.c.client_request_id == given.c.value)
    rows = await session.execute(select(orders).join(given, same).where(_REAL))
    return {(row.user_id, row.client_request_id): row for row in rows}


def _pairs(pairs: Sequence[tuple[uuid.UUID, str]]) -> TableValuedAlias:
    users, values = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    arrays = literal(users, ARRAY(Uuid)), literal(values, ARRAY(Text))
    return func.unnest(*arrays).table_valued("user_id", "value").render_derived(name="given")


async def by_ids(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    query = select(orders).where(orders.c.order_id == any_(literal(list(order_ids), ARRAY(Uuid))))
    return {row.order_id: row for row in await session.execute(query)}


async def keep_cost(session: AsyncSession, order_id: uuid.UUID, *, pieces: int) -> None:
    """Note that so many pieces of an order that is being refunded were used."""
    kept_fen = orders.c.cost_fen / orders.c.quantity * pieces
    await session.execute(update(orders).where(orders.c.order_id == order_id).values(kept_fen=kept_fen))


async def owned(session: AsyncSession, order_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(orders).where(orders.c.order_id == order_id, orders.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(
    session: AsyncSession,
    *,
    user_id: uuid.UUID,
    statuses: Collection[Status],
    client_request_id: str | None,
    before: uuid.UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Return orders without refused ones. `statuses`: empty for all."""
    query = select(orders).where(orders.c.user_id == user_id, _REAL).order_by(orders.c.order_id.desc()).limit(limit)
    if statuses:
        query = query.where(orders.c.status.in_(sorted(statuses)))
    if client_request_id is not None:
        query = query.where(orders.c.client_request_id == client_request_id)
    if before is not None:
        query = query.where(orders.c.order_id < before)
    return (await session.execute(query)).all()


async def taken_of(session: AsyncSession, pairs: Sequence[tuple[uuid.UUID, str]]) -> dict[tuple[uuid.UUID, str], int]:
    """Return the pieces that count towards the limits of (user, item)."""
    given = _pairs(pairs)
    same = (item_taken.c.user_id == given.c.user_id) & (item_taken.c.item_id == given.c.value)
    rows = await session.execute(select(item_taken).join(given, same))
    return {(row.user_id, row.item_id): row.taken for row in rows}


@dataclass(frozen=True, slots=True)
class Take:
    """Pieces of an item for a user, and the limit per person of the item."""

    user_id: uuid.UUID
    item_id: str
    quantity: int
    limit: int | None


_TAKE = text("""
    INSERT INTO rewards.item_taken AS t (user_id, item_id, taken, limit_quantity)
    SELECT * FROM unnest(CAST(:users AS uuid[]), CAST(:items AS text[]), CAST(:quantities AS int[]),
        CAST(:limits AS int[])) AS v(user_id, item_id, taken, limit_quantity) ORDER BY user_id, item_id
    ON CONFLICT (user_id, item_id) DO UPDATE
        SET taken = t.taken + excluded.taken, limit_quantity = excluded.limit_quantity
        WHERE excluded.limit_quantity IS NULL OR t.taken + excluded.taken <= excluded.limit_quantity
    RETURNING user_id, item_id""")


async def take_within_limits(session: AsyncSession, takes: Sequence[Take]) -> set[tuple[uuid.UUID, str]]:
    """Count pieces towards the limits per person. Return the (user, item) that stay within them.

    The pairs differ, and no quantity alone is above its limit.
    """
    counted = await session.execute(
        _TAKE,
        {
            "users": [take.user_id for take in takes],
            "items": [take.item_id for take in takes],
            "quantities": [take.quantity for take in takes],
            "limits": [take.limit for take in takes],
        },
    )
    return {(row.user_id, row.item_id) for row in counted}


_GIVE_BACK = text("""
    WITH given AS (
        SELECT user_id, item_id, sum(quantity) AS quantity FROM unnest(CAST(:users AS uuid[]),
            CAST(:items AS text[]), CAST(:quantities AS int[])) AS u(user_id, item_id, quantity) GROUP BY 1, 2),
    locked AS MATERIALIZED (
        SELECT t.user_id, t.item_id FROM rewards.item_taken t JOIN given USING (user_id, item_id)
        ORDER BY t.user_id, t.item_id FOR UPDATE OF t)
    UPDATE rewards.item_taken t SET taken = t.taken - given.quantity FROM given JOIN locked USING (user_id, item_id)
    WHERE t.user_id = given.user_id AND t.item_id = given.item_id""")


async def give_back_taken(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, int]]) -> None:
    """Take (user, item, quantity) from the counters, locked in the order of `take_within_limits`."""
    if not rows:
        return
    values = {"users": [row[0] for row in rows], "items": [row[1] for row in rows]}
    await session.execute(_GIVE_BACK, {**values, "quantities": [row[2] for row in rows]})


@dataclass(frozen=True, slots=True)
class WindowTake:
    """Pieces for a user in a day, a month or a promotion, and the limit there."""

    user_id: uuid.UUID
    key: str
    quantity: int
    limit: int


async def taken_in_windows(
    session: AsyncSession, pairs: Sequence[tuple[uuid.UUID, str]]
) -> dict[tuple[uuid.UUID, str], int]:
    """Return the pieces that count in the windows of (user, key)."""
    given = _pairs(pairs)
    same = (window_taken.c.user_id == given.c.user_id) & (window_taken.c.window_key == given.c.value)
    rows = await session.execute(select(window_taken).join(given, same))
    return {(row.user_id, row.window_key): row.taken for row in rows}


_TAKE_IN_WINDOWS = text("""
    INSERT INTO rewards.window_taken AS t (user_id, window_key, taken, limit_quantity)
    SELECT * FROM unnest(CAST(:users AS uuid[]), CAST(:keys AS text[]), CAST(:quantities AS int[]),
        CAST(:limits AS int[])) AS v(user_id, window_key, taken, limit_quantity) ORDER BY user_id, window_key
    ON CONFLICT (user_id, window_key) DO UPDATE
        SET taken = t.taken + excluded.taken, limit_quantity = excluded.limit_quantity
        WHERE t.taken + excluded.taken <= excluded.limit_quantity
    RETURNING user_id, window_key""")


async def take_in_windows(session: AsyncSession, takes: Sequence[WindowTake]) -> set[tuple[uuid.UUID, str]]:
    """Count pieces in windows. Return the (user, key) that stay within their limits.

    The pairs differ, and no quantity alone is above its limit.
    """
    counted = await session.execute(
        _TAKE_IN_WINDOWS,
        {
            "users": [take.user_id for take in takes],
            "keys": [take.key for take in takes],
            "quantities": [take.quantity for take in takes],
            "limits": [take.limit for take in takes],
        },
    )
    return {(row.user_id, row.window_key) for row in counted}


_GIVE_BACK_IN_WINDOWS = text("""
    WITH given AS (
        SELECT user_id, window_key, sum(quantity) AS quantity FROM unnest(CAST(:users AS uuid[]),
            CAST(:keys AS text[]), CAST(:quantities AS int[])) AS u(user_id, window_key, quantity) GROUP BY 1, 2),
    locked AS MATERIALIZED (
        SELECT t.user_id, t.window_key FROM rewards.window_taken t JOIN given USING (user_id, window_key)
        ORDER BY t.user_id, t.window_key FOR UPDATE OF t)
    UPDATE rewards.window_taken t SET taken = t.taken - given.quantity
    FROM given JOIN locked USING (user_id, window_key)
    WHERE t.user_id = given.user_id AND t.window_key = given.window_key""")


async def give_back_in_windows(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, int]]) -> None:
    """Take (user, key, quantity) from the counters, locked in the order of `take_in_windows`."""
    if not rows:
        return
    values = {"users": [row[0] for row in rows], "keys": [row[1] for row in rows]}
    await session.execute(_GIVE_BACK_IN_WINDOWS, {**values, "quantities": [row[2] for row in rows]})


_WRONG_WINDOWS = text("""
    WITH live AS (
        SELECT user_id, window_key, sum(quantity) AS quantity
        FROM rewards.orders, unnest(string_to_array(windows, ' ')) AS window_key
        WHERE status <> 'cancelled' GROUP BY 1, 2)
    SELECT count(*) FROM rewards.window_taken FULL JOIN live USING (user_id, window_key)
    WHERE coalesce(quantity, 0) <> coalesce(taken, 0)""")


async def count_wrong_windows(session: AsyncSession) -> int:
    """Count counters of a user in a window that differ from the sum of the orders not cancelled."""
    return int(await session.scalar(_WRONG_WINDOWS) or 0)


async def quantities_by_item(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (item_id, open, confirmed): pieces in open and in confirmed orders."""
    quantity = func.sum(orders.c.quantity)
    return (
        await session.execute(
            select(
                orders.c.item_id,
                func.coalesce(quantity.filter(orders.c.status.in_(_RESERVED)), 0).label("open"),
                func.coalesce(quantity.filter(orders.c.status.in_(_SOLD)), 0).label("confirmed"),
            ).group_by(orders.c.item_id)
        )
    ).all()


async def costs_by_budget(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (budget_id, open, confirmed), in fen. Of refunded orders the pieces that were used."""
    cost = func.sum(orders.c.cost_fen)
    kept = func.sum(orders.c.kept_fen).filter(orders.c.status == Status.CANCELLED)
    return (
        await session.execute(
            select(
                orders.c.budget_id,
                func.coalesce(cost.filter(orders.c.status.in_(_RESERVED)), 0).label("open"),
                (func.coalesce(cost.filter(orders.c.status.in_(_SOLD)), 0) + func.coalesce(kept, 0)).label("confirmed"),
            ).group_by(orders.c.budget_id)
        )
    ).all()


async def spending_by_day(session: AsyncSession, *, since: datetime, zone: str) -> Sequence[Any]:
    """Return the sums of confirmed orders by budget and local day. Ids begin with their time."""
    day = cast(func.timezone(zone, orders.c.created_at), Date).label("day")
    query = (
        select(
            orders.c.budget_id,
            day,
            func.sum(orders.c.amount_mg).label("amount_mg"),
            func.sum(orders.c.cost_fen).label("cost_fen"),
        )
        .where(orders.c.order_id >= _first_id(since), orders.c.status.in_(_SOLD))
        .group_by(orders.c.budget_id, day)
    )
    return (await session.execute(query)).all()


def _first_id(instant: datetime) -> uuid.UUID:
    """Return the smallest id of version 7 that can be made at an instant."""
    return uuid.UUID(int=int(instant.timestamp() * 1000) << 80)


async def total_spent_mg(session: AsyncSession) -> int:
    query = select(func.coalesce(func.sum(orders.c.amount_mg), 0)).where(orders.c.status.in_(_SOLD))
    return int(await session.scalar(query) or 0)


async def count_wrong_limits(session: AsyncSession) -> int:
    """Count counters of a user and item that differ from the sum of the orders not cancelled."""
    live = (
        select(orders.c.user_id, orders.c.item_id, func.sum(orders.c.quantity).label("quantity"))
        .where(orders.c.status != Status.CANCELLED)
        .group_by(orders.c.user_id, orders.c.item_id)
        .subquery()
    )
    same_person = (live.c.user_id == item_taken.c.user_id) & (live.c.item_id == item_taken.c.item_id)
    query = (
        select(func.count())
        .select_from(item_taken.outerjoin(live, same_person, full=True))
        .where(func.coalesce(live.c.quantity, literal(0)) != func.coalesce(item_taken.c.taken, literal(0)))
    )
    return int(await session.scalar(query) or 0)

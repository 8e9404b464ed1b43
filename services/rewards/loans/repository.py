"""SQL of offsets and of the fen of a person in a month."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Date, Text, Uuid, any_, cast, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.loans.domain import BankStatus
from services.rewards.loans.models import OFFSET_REFUSED, loan_month, loan_offset
from services.rewards.settlement.domain import Status

_REAL = text(f"NOT ({OFFSET_REFUSED})")
_RESERVED = (Status.PENDING, Status.CANCELLING)
_SPENT = (Status.CONFIRMED, Status.RETURNING)
_PAID = loan_offset.c.answer_by.is_not(None)


def _among(column: Any, values: Sequence[Any], kind: Any) -> Any:
    return column == any_(literal(list(values), ARRAY(kind)))


async def by_keys(session: AsyncSession, keys: Sequence[tuple[uuid.UUID, str]]) -> dict[tuple[uuid.UUID, str], Any]:
    """Return the offsets of (user, idempotency key)."""
    arrays = literal([key[0] for key in keys], ARRAY(Uuid)), literal([key[1] for key in keys], ARRAY(Text))
    given = func.unnest(*arrays).table_valued("user_id", "value").render_derived(name="given")
    same = (loan_offset.c.user_id == given.c.user_id) & (loan_offset.c.idempotency_key == given.c.value)
    rows = await session.execute(select(loan_offset).join(given, same))
    return {(row.user_id, row.idempotency_key): row for row in rows}


async def used_quotes(session: AsyncSession, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the (bank, quote) that an offset uses."""
    arrays = literal([one[0] for one in pairs], ARRAY(Text)), literal([one[1] for one in pairs], ARRAY(Text))
    given = func.unnest(*arrays).table_valued("bank_id", "quote_id").render_derived(name="given")
    same = (loan_offset.c.bank_id == given.c.bank_id) & (loan_offset.c.quote_id == given.c.quote_id)
    rows = await session.execute(select(loan_offset.c.bank_id, loan_offset.c.quote_id).join(given, same).where(_REAL))
    return {(row.bank_id, row.quote_id) for row in rows}


async def by_ids(session: AsyncSession, offset_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    query = select(loan_offset).where(_among(loan_offset.c.offset_id, offset_ids, Uuid))
    return {row.offset_id: row for row in await session.execute(query)}


async def owned(session: AsyncSession, offset_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(loan_offset).where(loan_offset.c.offset_id == offset_id, loan_offset.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(loan_offset).where(loan_offset.c.user_id == user_id, _REAL)
    if before is not None:
        query = query.where(loan_offset.c.offset_id < before)
    return (await session.execute(query.order_by(loan_offset.c.offset_id.desc()).limit(limit))).all()


async def paid_page(
    session: AsyncSession,
    *,
    bank_id: str | None,
    bank_status: BankStatus | None,
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Return offsets whose grams were spent, by id."""
    query = select(loan_offset).where(_PAID)
    if bank_id is not None:
        query = query.where(loan_offset.c.bank_id == bank_id)
    if bank_status is not None:
        query = query.where(loan_offset.c.bank_status == bank_status)
    if after is not None:
        query = query.where(loan_offset.c.offset_id > after)
    return (await session.execute(query.order_by(loan_offset.c.offset_id).limit(limit))).all()


async def paid_of_bank(session: AsyncSession, offset_id: uuid.UUID, bank_id: str) -> Any | None:
    query = select(loan_offset).where(loan_offset.c.offset_id == offset_id, loan_offset.c.bank_id == bank_id, _PAID)
    return (await session.execute(query)).one_or_none()


async def begin_waiting(session: AsyncSession, offset_ids: Sequence[uuid.UUID]) -> None:
    """The bank's time runs from now on."""
    hours = loan_offset.c.answer_hours * timedelta(hours=1)
    await session.execute(
        update(loan_offset)
        .where(_among(loan_offset.c.offset_id, offset_ids, Uuid))
        .values(answer_by=func.clock_timestamp() + hours)
    )


async def decide(session: AsyncSession, offset_id: uuid.UUID, bank_status: BankStatus) -> bool:
    """Note the end of the bank's part. Only the first one has an effect: return whether this is it."""
    decided = await session.execute(
        update(loan_offset)
        .where(
            loan_offset.c.offset_id == offset_id,
            loan_offset.c.status == Status.CONFIRMED,
            loan_offset.c.bank_status == BankStatus.WAITING,
        )
        .values(bank_status=bank_status, bank_at=func.clock_timestamp())
        .returning(loan_offset.c.offset_id)
    )
    return decided.first() is not None


async def overdue(session: AsyncSession, limit: int) -> Sequence[uuid.UUID]:
    """Return offsets whose banks have not answered in time, locked. Those that another worker has are skipped."""
    query = (
        select(loan_offset.c.offset_id)
        .where(
            loan_offset.c.status == Status.CONFIRMED,
            loan_offset.c.bank_status == BankStatus.WAITING,
            loan_offset.c.answer_by <= func.clock_timestamp(),
        )
        .order_by(loan_offset.c.answer_by)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(query)).all()


# --- the fen of a person in a month -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MonthTake:
    user_id: uuid.UUID
    bank_id: str
    month: str
    fen: int
    limit_fen: int


async def taken_fen(session: AsyncSession, user_id: uuid.UUID, month: str) -> Mapping[str, int]:
    """Return what a person has taken in a month, by bank."""
    query = select(loan_month).where(loan_month.c.user_id == user_id, loan_month.c.month == month)
    return {row.bank_id: row.taken_fen for row in await session.execute(query)}


_TAKE = text("""
    INSERT INTO rewards.loan_month AS t (user_id, bank_id, month, taken_fen, limit_fen)
    SELECT :user_id, :bank_id, :month, :fen, :limit_fen WHERE CAST(:fen AS bigint) <= :limit_fen
    ON CONFLICT (user_id, bank_id, month) DO UPDATE
        SET taken_fen = t.taken_fen + excluded.taken_fen, limit_fen = excluded.limit_fen
        WHERE t.taken_fen + excluded.taken_fen <= excluded.limit_fen
    RETURNING taken_fen""")


async def take(session: AsyncSession, one: MonthTake) -> bool:
    """Count fen towards a month. Return False if they are above its limit."""
    values = {name: getattr(one, name) for name in ("user_id", "bank_id", "month", "fen", "limit_fen")}
    return (await session.execute(_TAKE, values)).first() is not None


async def give_back(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, str, int]]) -> None:
    """Take (user, bank, month, fen) from the counters, in the order of their keys."""
    for user_id, bank_id, month, fen in sorted(rows):
        await session.execute(
            update(loan_month)
            .where(
                loan_month.c.user_id == user_id,
                loan_month.c.bank_id == bank_id,
                loan_month.c.month == month,
            )
            .values(taken_fen=loan_month.c.taken_fen - fen)
        )


# --- sums -------------------------------------------------------------------------------------------------------------


async def settled_by_day(
    session: AsyncSession, *, bank_id: str | None, begin: datetime, end: datetime, zone: str
) -> Sequence[Any]:
    """Return the sums of offsets that banks confirmed in [begin, end), by bank, budget and local day."""
    day = cast(func.timezone(zone, loan_offset.c.bank_at), Date).label("day")
    query = (
        select(
            loan_offset.c.bank_id,
            loan_offset.c.budget_id,
            day,
            func.count().label("offsets"),
            func.sum(loan_offset.c.amount_mg).label("amount_mg"),
            func.sum(loan_offset.c.cost_fen).label("interest_fen"),
        )
        .where(
            loan_offset.c.bank_status == BankStatus.CONFIRMED,
            loan_offset.c.bank_at >= begin,
            loan_offset.c.bank_at < end,
        )
        .group_by(loan_offset.c.bank_id, loan_offset.c.budget_id, day)
        .order_by(loan_offset.c.bank_id, day, loan_offset.c.budget_id)
    )
    if bank_id is not None:
        query = query.where(loan_offset.c.bank_id == bank_id)
    return (await session.execute(query)).all()


async def costs_by_budget(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (budget_id, open, confirmed), in fen."""
    cost = func.sum(loan_offset.c.cost_fen)
    query = select(
        loan_offset.c.budget_id,
        func.coalesce(cost.filter(loan_offset.c.status.in_(_RESERVED)), 0).label("open"),
        func.coalesce(cost.filter(loan_offset.c.status.in_(_SPENT)), 0).label("confirmed"),
    ).group_by(loan_offset.c.budget_id)
    return (await session.execute(query)).all()


async def total_spent_mg(session: AsyncSession) -> int:
    query = select(func.coalesce(func.sum(loan_offset.c.amount_mg), 0)).where(loan_offset.c.status.in_(_SPENT))
    return int(await session.scalar(query) or 0)


async def count_wrong_months(session: AsyncSession) -> int:
    """Count counters of a person and month that differ from the offsets not cancelled."""
    return int(await session.scalar(_WRONG_MONTHS) or 0)


_WRONG_MONTHS = text("""
    WITH live AS (
        SELECT user_id, bank_id, month, sum(cost_fen) AS fen FROM rewards.loan_offset
        WHERE status <> 'cancelled' GROUP BY 1, 2, 3)
    SELECT count(*) FROM rewards.loan_month FULL JOIN live USING (user_id, bank_id, month)
    WHERE coalesce(fen, 0) <> coalesce(taken_fen, 0)""")

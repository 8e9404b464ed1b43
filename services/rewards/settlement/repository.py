"""SQL of settlements, for every table with the columns of a settlement."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, TextClause, and_, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.database import OPEN, SettledTable
from services.rewards.settlement.domain import ENDS, GIVE_UP_AFTER, OPEN_STATES, STUCK_AFTER, Settlement, Status
from shared.language import Text

# Longer than the slowest attempt (a hold and a capture that time out): no other driver claims the row before its end.
CLAIM: Final = timedelta(seconds=15)
_BACKOFF_MAX_S: Final = 20
_BACKOFF_DOUBLINGS_MAX: Final = 5
_STUCK_RETURN_ATTEMPTS: Final = 8  # about two minutes of failures
_OPEN: Final = tuple(sorted(OPEN_STATES))


def _id(table: Table) -> ColumnElement[uuid.UUID]:
    return table.primary_key.columns[0]


def _subject(table: Table) -> ColumnElement[str]:
    """The column that names what the grams are spent on."""
    return next(table.c[name] for name in ("item_id", "campaign_id", "bank_id") if name in table.c)


def _columns(table: Table) -> list[ColumnElement[Any]]:
    return [
        _id(table).label("settlement_id"),
        table.c.user_id,
        table.c.account_id,
        table.c.spender_id,
        table.c.agreement_id,
        _subject(table).label("subject"),
        table.c.amount_mg,
        table.c.capture_to,
        table.c.status,
        table.c.reason_code,
        table.c.title_zh,
        table.c.title_en,
        table.c.idempotency_key,
        table.c.request_id,
        table.c.language,
        table.c.created_at,
        table.c.settled_at,
        (func.clock_timestamp() >= table.c.created_at + GIVE_UP_AFTER).label("overdue"),
    ]


def _settlement(row: Any) -> Settlement:
    values = dict(row._mapping)
    title_zh, title_en = values.pop("title_zh"), values.pop("title_en")
    title = None if title_zh is None else Text(title_zh, title_en)
    return Settlement(**{**values, "status": Status(values["status"]), "title": title})


def _among(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """One parameter for the whole list, so that every length uses the same prepared statement."""
    return column == any_(literal(list(values), ARRAY(column.type)))


async def insert_many(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]
) -> dict[uuid.UUID, Settlement]:
    """Insert rows of the same columns. Return the new settlements by id; a row whose unique key exists is left out.

    Waits for a transaction that is inserting the same key.
    """
    names = list(rows[0])
    arrays = [literal([row[name] for row in rows], ARRAY(table.c[name].type)) for name in names]
    given = func.unnest(*arrays).table_valued(*names).render_derived(name="v")
    new = insert(table).from_select(
        [*names, "next_attempt_at"],
        select(*(given.c[name] for name in names), func.clock_timestamp() + CLAIM),
    )
    inserted = await session.execute(new.on_conflict_do_nothing().returning(*_columns(table)))
    return {row.settlement_id: _settlement(row) for row in inserted}


async def load(session: AsyncSession, table: Table, settlement_id: uuid.UUID) -> Settlement:
    row = (await session.execute(select(*_columns(table)).where(_id(table) == settlement_id))).one()
    return _settlement(row)


async def load_many(session: AsyncSession, table: Table, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Settlement]:
    rows = await session.execute(select(*_columns(table)).where(_among(_id(table), ids)))
    return {row.settlement_id: _settlement(row) for row in rows}


async def open_of_key(
    session: AsyncSession, table: Table, user_id: uuid.UUID, idempotency_key: str
) -> uuid.UUID | None:
    """Return the newest settlement of a key that has not ended."""
    query = (
        select(_id(table))
        .where(table.c.user_id == user_id, table.c.idempotency_key == idempotency_key, table.c.status.in_(_OPEN))
        .order_by(_id(table).desc())
        .limit(1)
    )
    return await session.scalar(query)


async def list_between(
    session: AsyncSession, table: Table, *, after: uuid.UUID, upto: uuid.UUID, limit: int
) -> list[Settlement]:
    """Return settlements with after < id <= upto, in the order of their ids."""
    query = select(*_columns(table)).where(_id(table) > after, _id(table) <= upto).order_by(_id(table)).limit(limit)
    return [_settlement(row) for row in (await session.execute(query)).all()]


async def move(
    session: AsyncSession,
    table: Table,
    ids: Sequence[uuid.UUID],
    *,
    expected: Status,
    to: Status,
    reason_code: str | None = None,
) -> list[Settlement]:
    """Change states. Return those that had the expected one, by id. No other function changes a state."""
    if not ids:
        return []
    moved = await session.execute(
        update(table)
        .where(_among(_id(table), ids), table.c.status == expected)
        .values(
            status=to,
            reason_code=reason_code,
            settled_at=func.clock_timestamp() if to in ENDS else None,
            next_attempt_at=func.clock_timestamp() + (CLAIM if to is Status.RETURNING else timedelta(0)),
            attempts=0 if to is Status.RETURNING else table.c.attempts,
            last_error=None,
        )
        .returning(*_columns(table))
    )
    return sorted((_settlement(row) for row in moved), key=lambda one: one.settlement_id)


async def postpone(session: AsyncSession, table: Table, ids: Sequence[uuid.UUID], *, error: str) -> None:
    """Set the next attempt after 1, 2, 4 … seconds."""
    doublings = func.least(table.c.attempts, _BACKOFF_DOUBLINGS_MAX)
    pause_s = func.least(func.power(2, doublings), _BACKOFF_MAX_S)
    await session.execute(
        update(table)
        .where(_among(_id(table), ids), table.c.status.in_(_OPEN))
        .values(
            attempts=table.c.attempts + 1,
            next_attempt_at=func.clock_timestamp() + pause_s * timedelta(seconds=1),
            last_error=error,
        )
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    settlement_id: uuid.UUID
    request_id: str


def any_due(tables: Iterable[SettledTable]) -> TextClause:
    """Return the statement that asks whether `claim_due` would find a row in one of the tables."""
    found = (
        f"EXISTS (SELECT FROM {table.fullname} WHERE {OPEN} AND next_attempt_at <= clock_timestamp())"
        for table in tables
    )
    return text(f"SELECT {' OR '.join(found)}")


async def claim_due(session: AsyncSession, table: Table, limit: int) -> list[Claimed]:
    """Claim settlements that no driver works on. Several workers may call it at once."""
    due = (
        select(_id(table).label("id"))
        .where(table.c.status.in_(_OPEN), table.c.next_attempt_at <= func.clock_timestamp())
        .order_by(table.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = await session.execute(
        update(table)
        .where(_id(table) == due.c.id)
        .values(next_attempt_at=func.clock_timestamp() + CLAIM)
        .returning(_id(table), table.c.request_id)
    )
    return [Claimed(*row) for row in claimed.all()]


def _is_stuck(table: Table) -> ColumnElement[bool]:
    """An order that is given back may be old. It hangs when several attempts have failed."""
    is_old = table.c.created_at < func.clock_timestamp() - STUCK_AFTER
    return and_(is_old, or_(table.c.status != Status.RETURNING, table.c.attempts >= _STUCK_RETURN_ATTEMPTS))


async def list_stuck(session: AsyncSession, table: Table, limit: int) -> Sequence[Any]:
    """Return settlements that are open for longer than STUCK_AFTER, oldest first."""
    query = (
        select(
            _id(table).label("settlement_id"),
            table.c.status,
            table.c.reason_code,
            table.c.amount_mg,
            table.c.request_id,
            table.c.created_at,
            table.c.attempts,
            table.c.next_attempt_at,
            table.c.last_error,
        )
        .where(table.c.status.in_(_OPEN), _is_stuck(table))
        .order_by(table.c.created_at)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def count_stuck(session: AsyncSession, table: Table) -> int:
    query = select(func.count()).select_from(table).where(table.c.status.in_(_OPEN), _is_stuck(table))
    return int(await session.scalar(query) or 0)

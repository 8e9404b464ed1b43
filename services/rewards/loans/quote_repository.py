"""SQL of quotes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, any_, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.loans.models import OFFSET_REFUSED, loan_offset, loan_quote

_USED = (
    select(loan_offset.c.offset_id)
    .where(
        loan_offset.c.bank_id == loan_quote.c.bank_id,
        loan_offset.c.quote_id == loan_quote.c.quote_id,
        text(f"NOT ({OFFSET_REFUSED})"),
    )
    .exists()
)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Return False if the bank has sent a quote of this id before."""
    added = await session.execute(
        insert(loan_quote).values(**values).on_conflict_do_nothing().returning(loan_quote.c.quote_id)
    )
    return added.first() is not None


async def find(session: AsyncSession, bank_id: str, quote_id: str) -> Any | None:
    query = select(loan_quote).where(loan_quote.c.bank_id == bank_id, loan_quote.c.quote_id == quote_id)
    return (await session.execute(query)).one_or_none()


async def count_open(session: AsyncSession, bank_id: str) -> int:
    open_ = (loan_quote.c.bank_id == bank_id) & (loan_quote.c.expires_at > func.clock_timestamp())
    return int(await session.scalar(select(func.count()).select_from(loan_quote).where(open_)) or 0)


async def lock(session: AsyncSession, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Lock the quotes of (bank, quote) until the transaction ends: each is used by one request at a time."""
    given = (
        func.unnest(literal([one[0] for one in pairs], ARRAY(Text)), literal([one[1] for one in pairs], ARRAY(Text)))
        .table_valued("bank_id", "quote_id")
        .render_derived(name="given")
    )
    same = (loan_quote.c.bank_id == given.c.bank_id) & (loan_quote.c.quote_id == given.c.quote_id)
    query = (
        select(loan_quote)
        .join(given, same)
        .order_by(loan_quote.c.bank_id, loan_quote.c.quote_id)
        .with_for_update(of=loan_quote)
    )
    return {(row.bank_id, row.quote_id): row for row in await session.execute(query)}


async def open_of(session: AsyncSession, refs: Sequence[str], limit: int) -> Sequence[Any]:
    """Return quotes of a citizen's references that can still be used, the first to end first."""
    query = (
        select(loan_quote)
        .where(
            loan_quote.c.customer_ref == any_(literal(list(refs), ARRAY(Text))),
            loan_quote.c.expires_at > func.clock_timestamp(),
            ~_USED,
        )
        .order_by(loan_quote.c.expires_at, loan_quote.c.bank_id, loan_quote.c.quote_id)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def delete_old(session: AsyncSession, kept: timedelta) -> None:
    await session.execute(delete(loan_quote).where(loan_quote.c.expires_at < func.clock_timestamp() - kept))

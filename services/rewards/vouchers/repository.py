"""SQL of the voucher pools."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Uuid, and_, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.vouchers.domain import Want
from services.rewards.vouchers.models import voucher


async def insert_new(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the codes that the pool does not have yet. Return their number."""
    inserted = await session.execute(
        insert(voucher).values(list(rows)).on_conflict_do_nothing().returning(voucher.c.voucher_id)
    )
    return len(inserted.all())


async def known_hashes(session: AsyncSession, *, item_id: str, hashes: Sequence[bytes]) -> set[bytes]:
    """Return those of `hashes` that codes of the item have."""
    wanted = any_(literal(list(hashes), ARRAY(LargeBinary)))
    query = select(voucher.c.code_hash).where(voucher.c.item_id == item_id, voucher.c.code_hash == wanted)
    return set((await session.scalars(query)).all())


async def lock_sealed_otherwise(
    session: AsyncSession, *, version: int, after: uuid.UUID | None, at_most: int
) -> tuple[Sequence[uuid.UUID], Sequence[Any]]:
    """Return the next ids of codes of another key, and of their rows those that nobody else holds."""
    ids = select(voucher.c.voucher_id).where(_sealed_otherwise(version)).order_by(voucher.c.voucher_id).limit(at_most)
    if after is not None:
        ids = ids.where(voucher.c.voucher_id > after)
    wanted = (await session.scalars(ids)).all()
    query = select(voucher.c.voucher_id, voucher.c.code_sealed, voucher.c.secret_sealed).where(
        voucher.c.voucher_id == any_(literal(list(wanted), ARRAY(Uuid))), _sealed_otherwise(version)
    )
    rows = await session.execute(query.order_by(voucher.c.voucher_id).with_for_update(skip_locked=True))
    return wanted, rows.all()


async def reseal(session: AsyncSession, voucher_id: uuid.UUID, code: Mapping[str, bytes]) -> None:
    await session.execute(update(voucher).where(voucher.c.voucher_id == voucher_id).values(**code))


async def count_sealed_otherwise(session: AsyncSession, *, version: int) -> int:
    query = select(func.count()).select_from(voucher).where(_sealed_otherwise(version))
    return (await session.execute(query)).scalar_one()


def _sealed_otherwise(version: int) -> ColumnElement[bool]:
    """Sealed bytes begin with their version. An erased code is empty, and a voucher that nobody saw has no secret."""
    fine = [bytes([version]), b""]
    return or_(*(func.substr(one, 1, 1).not_in(fine) for one in (voucher.c.code_sealed, voucher.c.secret_sealed)))


_ASSIGN = text("""
    WITH free AS MATERIALIZED (
        SELECT voucher_id FROM rewards.voucher WHERE item_id = :item_id AND order_id IS NULL
        ORDER BY voucher_id LIMIT :count FOR UPDATE SKIP LOCKED),
    numbered AS (SELECT voucher_id, row_number() OVER (ORDER BY voucher_id) AS place FROM free),
    wanted AS (
        SELECT * FROM unnest(CAST(:orders AS uuid[]), CAST(:users AS uuid[]), CAST(:lines AS smallint[]))
            WITH ORDINALITY AS w(order_id, user_id, line, place))
    UPDATE rewards.voucher v SET order_id = w.order_id, order_line = w.line, user_id = w.user_id,
        assigned_at = clock_timestamp(), valid_from = t.valid_from,
        valid_until = least(t.valid_until, (date_trunc('day', greatest(clock_timestamp(), t.valid_from)
            AT TIME ZONE 'Asia/Shanghai') + make_interval(days => t.valid_days + 1)) AT TIME ZONE 'Asia/Shanghai')
    FROM numbered JOIN wanted w USING (place) LEFT JOIN rewards.voucher_terms t ON t.item_id = :item_id
    WHERE v.voucher_id = numbered.voucher_id
    RETURNING v.voucher_id""")


async def assign(session: AsyncSession, *, item_id: str, wants: Sequence[Want]) -> int:
    """Assign free codes of an item that no other transaction has locked. Return their number."""
    slots = [(want.order_id, want.user_id, line) for want in wants for line in range(1, want.quantity + 1)]
    taken = await session.execute(
        _ASSIGN,
        {
            "item_id": item_id,
            "count": len(slots),
            "orders": [slot[0] for slot in slots],
            "users": [slot[1] for slot in slots],
            "lines": [slot[2] for slot in slots],
        },
    )
    return len(taken.all())


async def withdraw(session: AsyncSession, order_id: uuid.UUID) -> Sequence[Any]:
    """Withdraw the codes of an order: nobody can read or use them from now on."""
    rows = await session.execute(
        update(voucher)
        .where(voucher.c.order_id == order_id)
        # A used or expired one stays what it is: the caller refuses, and nothing of this remains.
        .values(withdrawn=and_(voucher.c.used_at.is_(None), voucher.c.expired_at.is_(None)))
        .returning(
            voucher.c.voucher_id, voucher.c.opened_at, voucher.c.imported, voucher.c.used_at, voucher.c.expired_at
        )
    )
    return rows.all()


async def withdrawn_of(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    query = (
        select(voucher.c.voucher_id, voucher.c.opened_at)
        .where(voucher.c.order_id == any_(literal(list(order_ids), ARRAY(Uuid))), ~voucher.c.retired)
        .order_by(voucher.c.voucher_id)
    )
    return (await session.execute(query.with_for_update())).all()


async def put_back(session: AsyncSession, voucher_id: uuid.UUID, code: Mapping[str, bytes]) -> None:
    """Put a code back into the pool. `code` are the columns of a new code in its place, or empty."""
    await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == voucher_id)
        .values(
            order_id=None,
            order_line=None,
            user_id=None,
            assigned_at=None,
            opened_at=None,
            withdrawn=False,
            secret_sealed=None,
            valid_from=None,
            valid_until=None,
            reminded_at=None,
            **code,
        )
    )


async def note_opened(session: AsyncSession, voucher_id: uuid.UUID, *, secret_sealed: bytes) -> bytes | None:
    """Note that the owner sees the code. Return the sealed secret, None if it was withdrawn in the meantime.

    `secret_sealed` is kept if the voucher has none.
    """
    noted = await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == voucher_id, voucher.c.withdrawn.is_(False))
        .values(
            opened_at=func.coalesce(voucher.c.opened_at, func.clock_timestamp()),
            secret_sealed=func.coalesce(voucher.c.secret_sealed, secret_sealed),
        )
        .returning(voucher.c.secret_sealed)
    )
    row = noted.one_or_none()
    return None if row is None else bytes(row.secret_sealed)


async def of_orders(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    return (
        await session.execute(
            select(voucher.c.voucher_id, voucher.c.order_id)
            .where(voucher.c.order_id == any_(literal(list(order_ids), ARRAY(Uuid))))
            .order_by(voucher.c.order_id, voucher.c.order_line)
        )
    ).all()


async def owned(session: AsyncSession, *, voucher_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    return (
        await session.execute(
            select(voucher).where(
                voucher.c.voucher_id == voucher_id, voucher.c.user_id == user_id, voucher.c.withdrawn.is_(False)
            )
        )
    ).one_or_none()


async def counts(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (item_id, free, assigned). Retired codes are no pieces."""
    return (
        await session.execute(
            select(
                voucher.c.item_id,
                func.count().filter(voucher.c.order_id.is_(None)).label("free"),
                func.count().filter(voucher.c.order_id.is_not(None), ~voucher.c.retired).label("assigned"),
            ).group_by(voucher.c.item_id)
        )
    ).all()

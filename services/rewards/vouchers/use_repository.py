"""SQL of the ends of vouchers: used, taken back by a till, expired; and of the lists of their owners."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, Row, Uuid, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.vouchers.models import UNUSED, voucher, voucher_returned, voucher_terms
from services.rewards.vouchers.qr import STEP_S

_UNUSED = text(UNUSED)
_NOW = func.clock_timestamp()
_SAME_CODE_MAX = 200


async def by_id(session: AsyncSession, voucher_id: uuid.UUID, *, lock: bool = False) -> Any | None:
    query = select(voucher).where(voucher.c.voucher_id == voucher_id)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def lock_many(session: AsyncSession, voucher_ids: Collection[uuid.UUID]) -> None:
    wanted = any_(literal(sorted(voucher_ids), ARRAY(Uuid)))
    query = select(voucher.c.voucher_id).where(voucher.c.voucher_id == wanted).order_by(voucher.c.voucher_id)
    await session.execute(query.with_for_update())


async def returned(session: AsyncSession, voucher_id: uuid.UUID, *, shown_at: datetime) -> Any | None:
    """Return the order that had the voucher at this time and gave it back later."""
    query = select(voucher_returned).where(
        voucher_returned.c.voucher_id == voucher_id,
        voucher_returned.c.assigned_at <= shown_at + timedelta(seconds=STEP_S),
        voucher_returned.c.returned_at >= shown_at,
    )
    return (await session.execute(query.order_by(voucher_returned.c.returned_at).limit(1))).one_or_none()


async def by_codes(session: AsyncSession, hashes: Sequence[bytes]) -> Sequence[Any]:
    """Return assigned vouchers whose code has one of these fingerprints, the newest orders first.

    Items of many merchants may share a short code. The digits tell their vouchers apart. The limit bounds the work of a
    till that tries codes.
    """
    query = select(voucher).where(
        voucher.c.code_hash == any_(literal(list(hashes), ARRAY(LargeBinary))), voucher.c.order_id.is_not(None)
    )
    return (await session.execute(query.order_by(voucher.c.assigned_at.desc()).limit(_SAME_CODE_MAX))).all()


async def use(session: AsyncSession, voucher_id: uuid.UUID, *, use_id: uuid.UUID, shop_id: str) -> datetime | None:
    """Use an unused voucher that is valid now. Return the time, None if it is not unused or not valid.

    One statement decides between tills, a give-back and the expiry: whoever comes second waits for the row and finds
    the condition false.
    """
    used = await session.execute(
        update(voucher)
        .where(
            voucher.c.voucher_id == voucher_id,
            _UNUSED,
            or_(voucher.c.valid_from.is_(None), voucher.c.valid_from <= _NOW),
            or_(voucher.c.valid_until.is_(None), voucher.c.valid_until > _NOW),
        )
        .values(used_at=_NOW, use_id=use_id, used_shop_id=shop_id)
        .returning(voucher.c.used_at)
    )
    row = used.one_or_none()
    return None if row is None else row.used_at


async def use_late(
    session: AsyncSession, voucher_id: uuid.UUID, *, use_id: uuid.UUID, shop_id: str, at: datetime
) -> bool:
    """Use a voucher that a till accepted earlier, while it was valid. It may have expired since then."""
    used = await session.execute(
        update(voucher)
        .where(
            voucher.c.voucher_id == voucher_id,
            voucher.c.order_id.is_not(None),
            voucher.c.used_at.is_(None),
            voucher.c.withdrawn.is_(False),
            voucher.c.retired.is_(False),
            or_(voucher.c.valid_from.is_(None), voucher.c.valid_from <= at),
            or_(voucher.c.valid_until.is_(None), voucher.c.valid_until > at),
        )
        .values(used_at=at, use_id=use_id, used_shop_id=shop_id, expired_at=None)
        .returning(voucher.c.voucher_id)
    )
    return used.first() is not None


async def undo(session: AsyncSession, voucher_id: uuid.UUID, *, use_id: uuid.UUID) -> bool:
    undone = await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == voucher_id, voucher.c.use_id == use_id, ~voucher.c.retired)
        .values(used_at=None, use_id=None, used_shop_id=None)
        .returning(voucher.c.voucher_id)
    )
    return undone.first() is not None


async def expire(session: AsyncSession, limit: int) -> int:
    """Expire vouchers whose time is over. One that a till is using at this moment is left out."""
    due = (
        select(voucher.c.voucher_id)
        .where(_UNUSED, voucher.c.valid_until <= _NOW)
        .order_by(voucher.c.valid_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    expired = await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == due.c.voucher_id, _UNUSED)
        .values(expired_at=_NOW)
        .returning(voucher.c.voucher_id)
    )
    return len(expired.all())


async def remind(session: AsyncSession, *, within: timedelta, limit: int) -> Sequence[Any]:
    """Mark unused vouchers that end soon. Return them; each is returned once."""
    due = (
        select(voucher.c.voucher_id)
        .where(_UNUSED, voucher.c.valid_until > _NOW, voucher.c.valid_until <= _NOW + within)
        .where(voucher.c.reminded_at.is_(None))
        .order_by(voucher.c.valid_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    marked = await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == due.c.voucher_id)
        .values(reminded_at=_NOW)
        .returning(voucher.c.order_id, voucher.c.user_id, voucher.c.item_id, voucher.c.valid_until)
    )
    return marked.all()


_LISTED = text("""
    SELECT voucher_id, order_id, order_line, item_id, assigned_at, valid_from, valid_until, used_at, used_shop_id,
        CAST(NULL AS timestamptz) AS returned_at,
        CASE WHEN withdrawn THEN 'given_back' WHEN used_at IS NOT NULL THEN 'used'
            WHEN expired_at IS NOT NULL OR valid_until <= clock_timestamp() THEN 'expired' ELSE 'unused' END AS status
    FROM rewards.voucher WHERE user_id = :user_id AND (order_id, order_line) NOT IN (
        SELECT order_id, order_line FROM rewards.voucher_returned WHERE user_id = :user_id)
    UNION ALL
    SELECT voucher_id, order_id, order_line, item_id, assigned_at, NULL, NULL, NULL, NULL, returned_at, 'given_back'
    FROM rewards.voucher_returned WHERE user_id = :user_id""")
_PAGE = text(f"""
    SELECT * FROM ({_LISTED.text}) AS own
    WHERE (CAST(:status AS text) IS NULL OR status = :status)
        AND (CAST(:order_id AS uuid) IS NULL OR (order_id, order_line) < (CAST(:order_id AS uuid), CAST(:line AS int)))
    ORDER BY order_id DESC, order_line DESC LIMIT :limit""")


async def owned_page(
    session: AsyncSession,
    *,
    user_id: uuid.UUID,
    status: str | None,
    before: tuple[uuid.UUID, int] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return vouchers of a user, the newest order first, with those given back."""
    order_id, line = before or (None, None)
    values = {"user_id": user_id, "status": status, "order_id": order_id, "line": line, "limit": limit}
    return (await session.execute(_PAGE, values)).all()


async def keep_returned(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> None:
    """Keep for their owners which vouchers they gave back, before the codes return to the pool."""
    names = ("order_id", "order_line", "voucher_id", "user_id", "item_id", "assigned_at")
    given_back = select(*(voucher.c[name] for name in names)).where(
        voucher.c.order_id.in_(order_ids), voucher.c.withdrawn
    )
    await session.execute(insert(voucher_returned).from_select(names, given_back).on_conflict_do_nothing())


async def terms_of(session: AsyncSession, item_id: str) -> Any | None:
    return (await session.execute(select(voucher_terms).where(voucher_terms.c.item_id == item_id))).one_or_none()


async def set_terms(session: AsyncSession, item_id: str, values: Mapping[str, Any]) -> None:
    statement = insert(voucher_terms).values(item_id=item_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=[voucher_terms.c.item_id], set_=dict(values)))

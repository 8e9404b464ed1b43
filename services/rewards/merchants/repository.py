"""SQL of merchants, shops, keys and tills."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.merchants.models import (
    merchant,
    merchant_key,
    merchant_nonce,
    shop,
    till,
    till_enrolment,
)

_NOW = func.clock_timestamp()


async def get_merchant(session: AsyncSession, merchant_id: str, *, lock: bool = False) -> Any | None:
    query = select(merchant).where(merchant.c.merchant_id == merchant_id)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def add_merchant(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(insert(merchant).values(**values))


async def set_status(session: AsyncSession, merchant_id: str, status: str) -> None:
    await session.execute(update(merchant).where(merchant.c.merchant_id == merchant_id).values(status=status))


async def list_merchants(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Any]:
    query = select(merchant).where(merchant.c.merchant_id > (after or "")).order_by(merchant.c.merchant_id)
    return (await session.execute(query.limit(limit))).all()


async def add_shop(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """False if the id is taken."""
    statement = insert(shop).values(**values).on_conflict_do_nothing().returning(shop.c.shop_id)
    return (await session.execute(statement)).first() is not None


async def get_shop(session: AsyncSession, shop_id: str) -> Any | None:
    return (await session.execute(select(shop).where(shop.c.shop_id == shop_id))).one_or_none()


async def close_shop(session: AsyncSession, shop_id: str) -> None:
    await session.execute(
        update(shop).where(shop.c.shop_id == shop_id).values(closed_at=func.coalesce(shop.c.closed_at, _NOW))
    )


async def shops_of(session: AsyncSession, merchant_id: str, limit: int) -> Sequence[Any]:
    query = select(shop).where(shop.c.merchant_id == merchant_id).order_by(shop.c.shop_id).limit(limit)
    return (await session.execute(query)).all()


async def open_shops(
    session: AsyncSession, *, shop_ids: Collection[str], after: str | None, limit: int
) -> Sequence[Any]:
    """Return open shops of active merchants, by id. `shop_ids`: only these; empty for all."""
    query = (
        select(shop)
        .join(merchant, merchant.c.merchant_id == shop.c.merchant_id)
        .where(shop.c.closed_at.is_(None), merchant.c.status == "active", shop.c.shop_id > (after or ""))
        .order_by(shop.c.shop_id)
        .limit(limit)
    )
    if shop_ids:
        query = query.where(shop.c.shop_id == any_(literal(sorted(shop_ids), ARRAY(Text))))
    return (await session.execute(query)).all()


async def shops_by_ids(session: AsyncSession, shop_ids: Collection[str]) -> Sequence[Any]:
    wanted = any_(literal(sorted(shop_ids), ARRAY(Text)))
    return (await session.execute(select(shop).where(shop.c.shop_id == wanted))).all()


async def keys_of(session: AsyncSession, merchant_id: str) -> Sequence[Any]:
    """Return keys that are live or proposed, and revoked ones, the newest first."""
    query = select(merchant_key).where(merchant_key.c.merchant_id == merchant_id)
    return (await session.execute(query.order_by(merchant_key.c.created_at.desc()).limit(100))).all()


async def get_key(session: AsyncSession, app_key: str) -> Any | None:
    """Return a key with the state of its merchant."""
    query = select(merchant_key, merchant.c.status).join(merchant, merchant.c.merchant_id == merchant_key.c.merchant_id)
    return (await session.execute(query.where(merchant_key.c.app_key == app_key))).one_or_none()


async def add_key(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(insert(merchant_key).values(**values))


async def make_key_live(session: AsyncSession, app_key: str) -> None:
    await session.execute(update(merchant_key).where(merchant_key.c.app_key == app_key).values(live_at=_NOW))


async def revoke_key(session: AsyncSession, app_key: str) -> None:
    revoked_at = func.coalesce(merchant_key.c.revoked_at, _NOW)
    await session.execute(update(merchant_key).where(merchant_key.c.app_key == app_key).values(revoked_at=revoked_at))


async def sealed_keys(session: AsyncSession, *, version: int, after: str, limit: int) -> Sequence[Any]:
    """Return keys whose secret another version has sealed, locked, by app key."""
    query = (
        select(merchant_key.c.app_key, merchant_key.c.secret_sealed)
        .where(func.substr(merchant_key.c.secret_sealed, 1, 1) != bytes([version]), merchant_key.c.app_key > after)
        .order_by(merchant_key.c.app_key)
        .limit(limit)
    )
    return (await session.execute(query.with_for_update())).all()


async def count_sealed_otherwise(session: AsyncSession, *, version: int) -> int:
    query = (
        select(func.count())
        .select_from(merchant_key)
        .where(func.substr(merchant_key.c.secret_sealed, 1, 1) != bytes([version]))
    )
    return (await session.execute(query)).scalar_one()


async def reseal_key(session: AsyncSession, app_key: str, sealed: bytes) -> None:
    await session.execute(update(merchant_key).where(merchant_key.c.app_key == app_key).values(secret_sealed=sealed))


async def claim_nonce(session: AsyncSession, app_key: str, nonce: str) -> bool:
    """False if the key used the nonce before."""
    statement = insert(merchant_nonce).values(app_key=app_key, nonce=nonce).on_conflict_do_nothing()
    return (await session.execute(statement.returning(merchant_nonce.c.nonce))).first() is not None


async def delete_old(session: AsyncSession, *, nonces: timedelta) -> None:
    await session.execute(delete(merchant_nonce).where(merchant_nonce.c.at < _NOW - nonces))
    await session.execute(delete(till_enrolment).where(till_enrolment.c.expires_at < _NOW))


async def add_enrolment(session: AsyncSession, values: Mapping[str, Any], life: timedelta) -> Any:
    statement = insert(till_enrolment).values(**values, expires_at=_NOW + life).returning(till_enrolment.c.expires_at)
    return await session.scalar(statement)


async def take_enrolment(session: AsyncSession, code_hash: bytes) -> Any | None:
    """Remove an enrolment that is not over, and return it. Of two tills with one code only one gets it."""
    statement = (
        delete(till_enrolment)
        .where(till_enrolment.c.code_hash == code_hash, till_enrolment.c.expires_at > _NOW)
        .returning(till_enrolment)
    )
    return (await session.execute(statement)).one_or_none()


async def add_till(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(insert(till).values(**values))


async def get_till(session: AsyncSession, till_id: uuid.UUID) -> Any | None:
    """Return a till with its shop and the state of its merchant."""
    query = (
        select(till, shop.c.merchant_id, shop.c.closed_at, merchant.c.status)
        .join(shop, shop.c.shop_id == till.c.shop_id)
        .join(merchant, merchant.c.merchant_id == shop.c.merchant_id)
        .where(till.c.till_id == till_id)
    )
    return (await session.execute(query)).one_or_none()


async def tills_of(session: AsyncSession, shop_ids: Collection[str], limit: int) -> Sequence[Any]:
    wanted = any_(literal(sorted(shop_ids), ARRAY(Text)))
    query = select(till).where(till.c.shop_id == wanted).order_by(till.c.till_id.desc()).limit(limit)
    return (await session.execute(query)).all()


async def count_live_tills(session: AsyncSession, shop_id: str) -> int:
    query = select(func.count()).select_from(till).where(till.c.shop_id == shop_id, till.c.revoked_at.is_(None))
    return int(await session.scalar(query) or 0)


async def revoke_till(session: AsyncSession, till_id: uuid.UUID) -> None:
    revoked_at = func.coalesce(till.c.revoked_at, _NOW)
    await session.execute(update(till).where(till.c.till_id == till_id).values(revoked_at=revoked_at))

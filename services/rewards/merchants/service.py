"""Use cases of merchants: register, suspend, resume, open shops, show where an item is taken."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.audit.service import log
from services.rewards.catalogue import service as catalogue
from services.rewards.merchants import repository
from services.rewards.merchants.domain import ISSUE_KEY, REGISTER, RESUME, SHOPS_MAX
from services.rewards.merchants.errors import (
    KeyNotFound,
    MerchantExists,
    MerchantNotFound,
    MerchantSuspended,
    NotSuspended,
    ShopExists,
    ShopNotFound,
    TooManyOfThem,
)
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth.tokens import Operator
from shared.db import Session
from shared.language import Text

SCOPE = "ops:rewards"


@dataclass(frozen=True, slots=True)
class Merchant:
    merchant_id: str
    name: Text
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shop:
    shop_id: str
    merchant_id: str
    name: Text
    address: str
    created_at: datetime
    closed_at: datetime | None


def _merchant(row: Any) -> Merchant:
    return Merchant(row.merchant_id, Text(row.name_zh, row.name_en), row.status, row.created_at)


def _shop(row: Any) -> Shop:
    return Shop(
        row.shop_id, row.merchant_id, Text(row.name_zh, row.name_en), row.address, row.created_at, row.closed_at
    )


async def list_merchants(session: Session, *, after: str | None, limit: int) -> list[Merchant]:
    return [_merchant(row) for row in await repository.list_merchants(session, after=after, limit=limit)]


async def get_merchant(session: Session, *, merchant_id: str) -> Merchant:
    """Raises MerchantNotFound."""
    row = await repository.get_merchant(session, merchant_id)
    if row is None:
        raise MerchantNotFound
    return _merchant(row)


async def propose_merchant(
    session: Session, approvals: Approvals, *, merchant_id: str, name: Text, operator: Operator, reason: str
) -> Proposal:
    """Propose to register a merchant. A second person approves. Raises MerchantExists, ProposalOpen."""
    return await approvals.propose(
        session,
        kind=REGISTER,
        subject=merchant_id,
        content={"name_zh": name.zh, "name_en": name.en},
        reason=reason,
        operator=operator,
    )


async def suspend(session: Session, *, merchant_id: str, operator: str, reason: str) -> Merchant:
    """Stop a merchant at once: its tills and keys are refused. Raises MerchantNotFound."""
    row = await repository.get_merchant(session, merchant_id, lock=True)
    if row is None:
        raise MerchantNotFound
    await repository.set_status(session, merchant_id, "suspended")
    await _note(
        session,
        "merchant.suspend",
        f"merchant:{merchant_id}",
        operator,
        reason,
        {"status": row.status},
        {"status": "suspended"},
    )
    return await get_merchant(session, merchant_id=merchant_id)


async def propose_resumption(
    session: Session, approvals: Approvals, *, merchant_id: str, operator: Operator, reason: str
) -> Proposal:
    """Raises MerchantNotFound, NotSuspended, ProposalOpen."""
    return await approvals.propose(session, kind=RESUME, subject=merchant_id, reason=reason, operator=operator)


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(name=REGISTER, scope=SCOPE, preview=_preview_registration, act=_register),
        Kind(name=RESUME, scope=SCOPE, preview=_preview_resumption, act=_resume),
        Kind(name=ISSUE_KEY, scope=SCOPE, preview=_preview_key, act=_issue_key),
    )


async def _preview_registration(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    if await repository.get_merchant(session, subject) is not None:
        raise MerchantExists
    return Change({}, {**content, "status": "active"})


async def _register(session: Session, proposal: Proposal) -> None:
    await repository.add_merchant(session, {"merchant_id": proposal.subject, **proposal.content})


async def _preview_resumption(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    row = await repository.get_merchant(session, subject, lock=True)
    if row is None:
        raise MerchantNotFound
    if row.status != "suspended":
        raise NotSuspended
    return Change({"status": "suspended"}, {"status": "active"})


async def _resume(session: Session, proposal: Proposal) -> None:
    await repository.set_status(session, proposal.subject, "active")


async def _preview_key(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    row = await repository.get_key(session, subject)
    if row is None or row.revoked_at is not None:
        raise KeyNotFound
    if row.status != "active":
        raise MerchantSuspended
    return Change({"live": row.live_at is not None}, {"live": True, "merchant_id": row.merchant_id})


async def _issue_key(session: Session, proposal: Proposal) -> None:
    await repository.make_key_live(session, proposal.subject)


async def open_shop(
    session: Session, *, merchant_id: str, shop_id: str, name: Text, address: str, operator: str, reason: str
) -> Shop:
    """Raises MerchantNotFound, ShopExists, TooManyOfThem."""
    if await repository.get_merchant(session, merchant_id, lock=True) is None:
        raise MerchantNotFound
    if len(await repository.shops_of(session, merchant_id, SHOPS_MAX)) >= SHOPS_MAX:
        raise TooManyOfThem(limit=SHOPS_MAX)
    values = {"merchant_id": merchant_id, "name_zh": name.zh, "name_en": name.en, "address": address}
    if not await repository.add_shop(session, {"shop_id": shop_id, **values}):
        raise ShopExists
    await _note(session, "shop.open", f"shop:{shop_id}", operator, reason, {}, values)
    return await get_shop(session, shop_id=shop_id)


async def close_shop(session: Session, *, shop_id: str, operator: str, reason: str) -> Shop:
    """Close a shop for good: it takes no vouchers, its tills are refused. Raises ShopNotFound."""
    before = await get_shop(session, shop_id=shop_id)
    await repository.close_shop(session, shop_id)
    await _note(
        session,
        "shop.close",
        f"shop:{shop_id}",
        operator,
        reason,
        {"closed": before.closed_at is not None},
        {"closed": True},
    )
    return await get_shop(session, shop_id=shop_id)


async def get_shop(session: Session, *, shop_id: str) -> Shop:
    """Raises ShopNotFound."""
    row = await repository.get_shop(session, shop_id)
    if row is None:
        raise ShopNotFound
    return _shop(row)


async def list_shops(session: Session, *, merchant_id: str) -> list[Shop]:
    return [_shop(row) for row in await repository.shops_of(session, merchant_id, SHOPS_MAX)]


async def merchant_name(session: Session, *, merchant_id: str) -> Text | None:
    """None for a merchant that does not exist."""
    row = await repository.get_merchant(session, merchant_id)
    return None if row is None else Text(row.name_zh, row.name_en)


async def shop_names(session: Session, *, shop_ids: Collection[str]) -> dict[str, Text]:
    return {row.shop_id: Text(row.name_zh, row.name_en) for row in await repository.shops_by_ids(session, shop_ids)}


async def list_item_shops(session: Session, *, item_id: str, after: str | None, limit: int) -> list[Shop]:
    """Return the open shops that take an item, by id. An item that names none is taken in all. Raises ItemNotFound."""
    item = await catalogue.get_item(session, item_id=item_id)
    return [_shop(row) for row in await repository.open_shops(session, shop_ids=item.shops, after=after, limit=limit)]


async def require_shops(session: Session, *, shop_ids: Collection[str]) -> None:
    """Raises ShopNotFound if one of them does not exist."""
    if shop_ids and len(await repository.shops_by_ids(session, shop_ids)) < len(set(shop_ids)):
        raise ShopNotFound


async def _note(
    session: Session,
    action: str,
    about: str,
    operator: str,
    reason: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    await log.record(session, subject=operator, action=action, about=about, reason=reason, before=before, after=after)

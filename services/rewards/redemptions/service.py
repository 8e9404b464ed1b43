"""Use cases of a till: check a voucher, redeem it once, undo within ten minutes.

Locks: the voucher first, then its redemption. No two transactions wait for each other.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.merchants import service as merchants
from services.rewards.merchants.domain import MerchantCaller
from services.rewards.merchants.errors import ShopNotFound
from services.rewards.orders import service as orders
from services.rewards.redemptions import repository
from services.rewards.redemptions.domain import UNDO_WITHIN, Place, actor_of
from services.rewards.redemptions.errors import (
    CodeStale,
    RedemptionNotFound,
    UndoOtherTill,
    UndoTooLate,
    VoucherExpired,
    VoucherGivenBack,
    VoucherNotTakenHere,
    VoucherNotYetValid,
    VoucherRefunded,
    VoucherUsed,
)
from services.rewards.vouchers import using
from services.rewards.vouchers.domain import VoucherStatus
from services.rewards.vouchers.sealing import CodeSealer
from services.rewards.vouchers.using import Presented
from shared import clock
from shared.db import Session
from shared.errors import Conflict
from shared.ids import new_id
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Shown:
    """What a till has read: a QR code, or a typed code with its digits."""

    qr: str | None = None
    code: str | None = None
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A voucher at a till. `refusal` says why it would not be redeemed now."""

    voucher: Presented
    texts: ItemTexts
    refusal: Conflict | None
    used_shop: Text | None


@dataclass(frozen=True, slots=True)
class Redemption:
    redemption_id: uuid.UUID
    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    texts: ItemTexts
    merchant_id: str
    shop_id: str
    sponsor_id: str
    fen: int
    redeemed_at: datetime
    recorded_at: datetime
    offline: bool
    undone_at: datetime | None
    cleared_day: date | None

    @property
    def undo_until(self) -> datetime:
        return self.recorded_at + UNDO_WITHIN


async def place_of(session: Session, *, caller: MerchantCaller, shop_id: str | None, till_ref: str | None) -> Place:
    """Return where the caller is: a till in its own shop, a merchant's system in the shop that it names.

    Raises ShopNotFound, also for a shop of another merchant.
    """
    actor = actor_of(merchant_id=caller.merchant_id, till_id=caller.till_id, till_ref=till_ref)
    if caller.shop_id is not None:
        if shop_id not in {None, caller.shop_id}:
            raise ShopNotFound
        return Place(caller.merchant_id, caller.shop_id, actor, caller.till_id, caller.subject)
    if shop_id is None:
        raise ShopNotFound
    shop = await merchants.get_shop(session, shop_id=shop_id)
    if shop.merchant_id != caller.merchant_id or shop.closed_at is not None:
        raise ShopNotFound
    return Place(caller.merchant_id, shop_id, actor, None, caller.subject)


async def _find(session: Session, sealer: CodeSealer, shown: Shown) -> Presented:
    """Raises VoucherNotFound."""
    if shown.qr is not None:
        return await using.find_by_qr(session, sealer=sealer, text=shown.qr)
    return await using.find_by_code(session, sealer=sealer, code=shown.code or "", pin=shown.pin or "")


async def _refusal(session: Session, voucher: Presented, place: Place) -> Conflict | None:
    """Return why a voucher is not redeemed here now, None if it is."""
    if voucher.status is VoucherStatus.USED:
        return await _used(session, voucher, place)
    if voucher.status is VoucherStatus.GIVEN_BACK:
        return VoucherGivenBack()
    if not await catalogue.takes_in_shop(session, item_id=voucher.item_id, shop_id=place.shop_id):
        return VoucherNotTakenHere()
    if voucher.status is VoucherStatus.EXPIRED:
        return VoucherExpired(until=voucher.validity.ends_at)
    starts_at = voucher.validity.starts_at
    if starts_at is not None and starts_at > clock.now():
        return VoucherNotYetValid(since=starts_at)
    return None if voucher.is_fresh else CodeStale()


async def _used(session: Session, voucher: Presented, place: Place) -> VoucherUsed:
    """When and where. The till learns whether it was itself, since its answer may have been lost."""
    assert voucher.used_at is not None
    assert voucher.used_shop_id is not None
    name = (await merchants.shop_names(session, shop_ids=[voucher.used_shop_id]))[voucher.used_shop_id]
    row = await repository.get(session, voucher.use_id) if voucher.use_id is not None else None
    return VoucherUsed(
        extensions={
            "used_at": voucher.used_at.isoformat(),
            "shop_id": voucher.used_shop_id,
            "shop_name": name.zh,
            "same_till": row is not None and row.actor == place.actor,
        },
        used_at=voucher.used_at,
        shop_name=name,
    )


async def check(session: Session, *, sealer: CodeSealer, shown: Shown, place: Place) -> Checked:
    """Look at a voucher without changing it. Raises VoucherNotFound."""
    voucher = await _find(session, sealer, shown)
    names: dict[str, Text] = {}
    if voucher.used_shop_id is not None:
        names = await merchants.shop_names(session, shop_ids=[voucher.used_shop_id])
    texts = await catalogue.texts_of(session, item_ids=[voucher.item_id])
    return Checked(
        voucher,
        texts[voucher.item_id],
        await _refusal(session, voucher, place),
        names.get(voucher.used_shop_id or ""),
    )


async def redeem(session: Session, *, sealer: CodeSealer, shown: Shown, place: Place) -> Redemption:
    """Redeem a voucher once.

    Raises VoucherNotFound, CodeStale, VoucherNotTakenHere, VoucherUsed, VoucherGivenBack, VoucherExpired,
    VoucherNotYetValid.
    """
    voucher = await _find(session, sealer, shown)
    if (refusal := await _refusal(session, voucher, place)) is not None:
        raise refusal
    redemption_id = new_id()
    redeemed_at = await using.use(session, voucher_id=voucher.voucher_id, use_id=redemption_id, shop_id=place.shop_id)
    if redeemed_at is None:  # somebody was faster: another till, its owner, or the end of its time
        now = await using.lock(session, voucher_id=voucher.voucher_id)
        # Unused again by now, or over by the database's clock only: the guest shows it once more.
        raise await _refusal(session, now, place) or CodeStale()
    return await record(
        session, voucher=voucher, place=place, redemption_id=redemption_id, redeemed_at=redeemed_at, offline=False
    )


async def record(
    session: Session,
    *,
    voucher: Presented,
    place: Place,
    redemption_id: uuid.UUID,
    redeemed_at: datetime,
    offline: bool,
) -> Redemption:
    """Record the redemption of a voucher that this transaction has used."""
    piece = await orders.get_piece(session, order_id=voucher.order_id)
    row = await repository.add(
        session,
        {
            "redemption_id": redemption_id,
            "voucher_id": voucher.voucher_id,
            "order_id": voucher.order_id,
            "item_id": voucher.item_id,
            "merchant_id": place.merchant_id,
            "shop_id": place.shop_id,
            "actor": place.actor,
            "till_id": place.till_id,
            "sponsor_id": piece.sponsor_id,
            "fen": piece.fen,
            "redeemed_at": redeemed_at,
            "offline": offline,
        },
    )
    return (await _with_texts(session, [row]))[0]


async def undo(session: Session, *, redemption_id: uuid.UUID, place_actor: str, merchant_id: str) -> Redemption:
    """Undo a redemption: the voucher is unused again. A repeat gets the same answer.

    Raises RedemptionNotFound, UndoOtherTill, UndoTooLate, VoucherRefunded.
    """
    row = await repository.get(session, redemption_id)
    if row is None or row.merchant_id != merchant_id:
        raise RedemptionNotFound
    if row.actor != place_actor:
        raise UndoOtherTill
    if row.undone_at is not None:  # the voucher may be in the pool again by now
        return (await _with_texts(session, [row]))[0]
    await using.lock(session, voucher_id=row.voucher_id)
    undone = await repository.undo(session, redemption_id, within=UNDO_WITHIN)
    if undone is None:
        row = await repository.get(session, redemption_id)
        if row is None or row.undone_at is None:
            raise UndoTooLate
        return (await _with_texts(session, [row]))[0]
    if not await using.undo_use(session, voucher_id=row.voucher_id, use_id=redemption_id):
        raise VoucherRefunded
    return (await _with_texts(session, [undone]))[0]


async def get(session: Session, *, redemption_id: uuid.UUID) -> Redemption:
    """Raises RedemptionNotFound."""
    row = await repository.get(session, redemption_id)
    if row is None:
        raise RedemptionNotFound
    return (await _with_texts(session, [row]))[0]


async def get_actor(session: Session, *, redemption_id: uuid.UUID) -> str:
    """Return the till that made a redemption. Raises RedemptionNotFound."""
    row = await repository.get(session, redemption_id)
    if row is None:
        raise RedemptionNotFound
    return str(row.actor)


async def list_redemptions(
    session: Session,
    *,
    shop_id: str | None,
    merchant_id: str | None = None,
    day: date | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Redemption]:
    """Newest first, with those undone."""
    rows = await repository.page(session, shop_id=shop_id, merchant_id=merchant_id, day=day, before=before, limit=limit)
    return await _with_texts(session, rows)


async def _with_texts(session: Session, rows: Sequence[Any]) -> list[Redemption]:
    texts = await catalogue.texts_of(session, item_ids=[row.item_id for row in rows])
    return [
        Redemption(
            redemption_id=row.redemption_id,
            voucher_id=row.voucher_id,
            order_id=row.order_id,
            item_id=row.item_id,
            texts=texts[row.item_id],
            merchant_id=row.merchant_id,
            shop_id=row.shop_id,
            sponsor_id=row.sponsor_id,
            fen=row.fen,
            redeemed_at=row.redeemed_at,
            recorded_at=row.recorded_at,
            offline=row.offline,
            undone_at=row.undone_at,
            cleared_day=row.cleared_day,
        )
        for row in rows
    ]


async def sums_of_day(session: Session, *, day: date) -> Sequence[Any]:
    """Return rows (merchant_id, shop_id, sponsor_id, item_id, pieces, fen) of a day that is not closed."""
    return await repository.sums_of_day(session, day)


async def oldest_open_day(session: Session) -> date | None:
    """Return the day of the oldest redemption that no settlement has yet."""
    return await repository.oldest_open_day(session)


async def clear(session: Session, *, day: date) -> Sequence[Any]:
    """Put the redemptions until this day into its settlement, and return the sums as `sums_of_day`."""
    return await repository.clear(session, day)

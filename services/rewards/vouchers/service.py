"""Use cases of the voucher pools: load codes, assign them to confirmed orders, show one to its owner."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.vouchers import repository
from services.rewards.vouchers.errors import PoolShort, VoucherNotFound
from services.rewards.vouchers.sealing import CodeSealer
from shared.db import Session
from shared.ids import new_id

# An INSERT has four parameters per code; PostgreSQL accepts 32,767.
_CODES_PER_INSERT = 5000


@dataclass(frozen=True, slots=True)
class Voucher:
    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    texts: ItemTexts
    code: str
    assigned_at: datetime


async def load_codes(session: Session, *, sealer: CodeSealer, item_id: str, codes: Sequence[str]) -> int:
    """Add codes to the pool and as many pieces to the stock. Codes that the pool has are skipped.

    Return the number of new codes. Raises ItemNotFound.
    """
    await catalogue.lock_stock(session, item_id=item_id)
    added = 0
    for start in range(0, len(codes), _CODES_PER_INSERT):
        rows = [_sealed(sealer, item_id, code) for code in codes[start : start + _CODES_PER_INSERT]]
        added += await repository.insert_new(session, rows)
    await catalogue.add_stock(session, item_id=item_id, quantity=added)
    return added


def _sealed(sealer: CodeSealer, item_id: str, code: str) -> dict[str, Any]:
    voucher_id = new_id()
    return {
        "voucher_id": voucher_id,
        "item_id": item_id,
        "code_hash": sealer.fingerprint(code),
        "code_sealed": sealer.seal(code, voucher_id=voucher_id),
    }


async def assign(session: Session, *, item_id: str, order_id: uuid.UUID, user_id: uuid.UUID, quantity: int) -> None:
    """Assign codes to an order. Raises PoolShort if someone changed the pool without the stock."""
    if (
        await repository.assign(session, item_id=item_id, order_id=order_id, user_id=user_id, quantity=quantity)
        < quantity
    ):
        raise PoolShort


async def ids_by_order(session: Session, *, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Return the voucher ids of each order, in the sequence of the order."""
    found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in await repository.of_orders(session, order_ids):
        found[row.order_id].append(row.voucher_id)
    return found


async def get_own_voucher(
    session: Session, *, sealer: CodeSealer, voucher_id: uuid.UUID, user_id: uuid.UUID
) -> Voucher:
    """Return a voucher of the user with its code. Raises VoucherNotFound, also for a voucher of another person."""
    row = await repository.owned(session, voucher_id=voucher_id, user_id=user_id)
    if row is None:
        raise VoucherNotFound
    texts = await catalogue.texts_of(session, item_ids=[row.item_id])
    return Voucher(
        voucher_id=row.voucher_id,
        order_id=row.order_id,
        item_id=row.item_id,
        texts=texts[row.item_id],
        code=sealer.open(row.code_sealed, voucher_id=row.voucher_id),
        assigned_at=row.assigned_at,
    )


async def pool_counts(session: Session) -> dict[str, tuple[int, int]]:
    """Return the numbers of free and of assigned codes per item."""
    return {row.item_id: (row.free, row.assigned) for row in await repository.counts(session)}

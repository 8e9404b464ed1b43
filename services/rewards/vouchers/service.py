"""Use cases of the voucher pools: load codes, give them to confirmed orders, show one to its owner."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import Texts
from services.rewards.vouchers import repository
from services.rewards.vouchers.errors import PoolShort, VoucherNotFound
from services.rewards.vouchers.sealing import CodeSealer
from shared.db import Session
from shared.ids import new_id

# One INSERT carries four parameters a code; PostgreSQL takes 32,767.
_CODES_PER_INSERT = 5000


@dataclass(frozen=True, slots=True)
class Voucher:
    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    texts: Texts
    code: str
    assigned_at: datetime


async def load_codes(session: Session, *, sealer: CodeSealer, item_id: str, codes: Sequence[str]) -> int:
    """Adds codes and the stock they make; returns how many were new. Loading the same codes again adds nothing.

    Raises ItemNotFound.
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
    """Gives an order its codes. Raises PoolShort: only possible when pool and stock were changed apart."""
    if (
        await repository.assign(session, item_id=item_id, order_id=order_id, user_id=user_id, quantity=quantity)
        < quantity
    ):
        raise PoolShort


async def of_orders(session: Session, *, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Voucher ids per order, in the order's own sequence."""
    found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in await repository.of_orders(session, order_ids):
        found[row.order_id].append(row.voucher_id)
    return found


async def owned(session: Session, *, sealer: CodeSealer, voucher_id: uuid.UUID, user_id: uuid.UUID) -> Voucher:
    """With its code in the clear, for its owner only. Raises VoucherNotFound, also for what belongs to someone else."""
    row = await repository.owned(session, voucher_id=voucher_id, user_id=user_id)
    if row is None:
        raise VoucherNotFound
    texts = await catalogue.texts(session, item_ids=[row.item_id])
    return Voucher(
        voucher_id=row.voucher_id,
        order_id=row.order_id,
        item_id=row.item_id,
        texts=texts[row.item_id],
        code=sealer.open(row.code_sealed, voucher_id=row.voucher_id),
        assigned_at=row.assigned_at,
    )


async def pool_counts(session: Session) -> dict[str, tuple[int, int]]:
    """Free and assigned codes per item."""
    return {row.item_id: (row.free, row.assigned) for row in await repository.counts(session)}

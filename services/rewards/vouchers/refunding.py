"""Use cases of the codes of a refunded order.

A code of our own that was used up is replaced by a new one: the piece is back. A partner's own code cannot be replaced:
it leaves the stock. Both stay with their order, so that the record of their use stays.
"""

import uuid
from collections.abc import Sequence

from services.rewards.vouchers import refund_repository, repository
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared.db import Session
from shared.ids import new_id


async def withdraw(session: Session, *, order_id: uuid.UUID) -> None:
    """Withdraw the codes of an order that an operator refunds. Retire those that nobody else can get."""
    await refund_repository.withdraw(session, order_id)


async def replace_retired(session: Session, *, sealer: CodeSealer, order_ids: Sequence[uuid.UUID]) -> None:
    """Put a new code into the pool for each retired code of our own."""
    rows = []
    for row in await refund_repository.retired_of(session, order_ids):
        for _ in range(0 if row.imported else row.pieces):
            voucher_id, code = new_id(), new_code()
            rows.append(
                {
                    "voucher_id": voucher_id,
                    "item_id": row.item_id,
                    "code_hash": sealer.fingerprint(code),
                    "code_sealed": sealer.seal(code, voucher_id=voucher_id),
                }
            )
    if rows:
        await repository.insert_new(session, rows)


async def count_lost(session: Session, *, order_ids: Sequence[uuid.UUID]) -> dict[str, int]:
    """Return the retired pieces of each item that no new code replaces."""
    rows = await refund_repository.retired_of(session, order_ids)
    return {row.item_id: row.pieces for row in rows if row.imported}

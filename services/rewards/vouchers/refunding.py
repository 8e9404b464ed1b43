"""Use cases of the codes of a refunded order.

An expired code of our own is replaced by a new one: the piece is back. A used one leaves the stock, because its piece
was handed out, and so does a partner's own code, because it cannot be replaced. They stay with their order as a record.
"""

import uuid
from collections.abc import Sequence

from services.rewards.vouchers import refund_repository, repository
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared.db import Session
from shared.ids import new_id


async def withdraw(session: Session, *, order_id: uuid.UUID) -> int:
    """Withdraw the codes of an order that an operator refunds. Return the number of those that were used.

    Codes that nobody else can get are retired. A till cannot undo the use of a retired one.
    """
    return await refund_repository.withdraw(session, order_id)


async def count_used(session: Session, *, order_id: uuid.UUID) -> int:
    return await refund_repository.count_used(session, order_id)


async def replace_retired(session: Session, *, sealer: CodeSealer, order_ids: Sequence[uuid.UUID]) -> None:
    """Put a new code into the pool for each expired code of our own."""
    rows = []
    for row in await refund_repository.retired_of(session, order_ids):
        for _ in range(row.pieces if row.replaceable else 0):
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
    return {row.item_id: row.pieces for row in rows if not row.replaceable}

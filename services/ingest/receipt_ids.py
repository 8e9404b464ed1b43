"""Receipt ids: UUIDv7 whose last bits say that this platform issued them, and to which partner.

The intake writes no receipt anywhere, so a receipt that is not archived yet cannot be looked up. The mark tells it from
an id that was never issued.
"""

from typing import Final
from uuid import UUID

from shared.contracts.identity import keyed
from shared.ids import new_id

# The rest has 50 random bits for each millisecond. The mark protects nothing: a guess that fits reads "under way".
_MARK_BITS: Final = 24
_MARK: Final = (1 << _MARK_BITS) - 1


def new_receipt_id(pepper: str, partner_id: str) -> UUID:
    return _marked(new_id().int, pepper, partner_id)


def is_issued(receipt_id: UUID, pepper: str, partner_id: str) -> bool:
    """Whether the intake issued this id to this partner. Receipts of imported blocks have no mark."""
    return receipt_id == _marked(receipt_id.int, pepper, partner_id)


def _marked(value: int, pepper: str, partner_id: str) -> UUID:
    head = value >> _MARK_BITS
    mark = int(keyed(pepper, f"receipt\x00{partner_id}\x00{head:x}")[:6], 16)
    return UUID(int=head << _MARK_BITS | mark)

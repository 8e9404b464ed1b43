"""Use cases of operators who raise and lower the stock of items with codes of our own."""

from services.rewards.catalogue import service as catalogue
from services.rewards.vouchers import refund_repository, service
from services.rewards.vouchers.errors import CodesOfPartner, StockTooLow
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared.db import Session


async def raise_stock(session: Session, *, sealer: CodeSealer, item_id: str, quantity: int) -> None:
    """Make codes and as many pieces. Raises ItemNotFound, and CodesOfPartner where a partner makes the codes."""
    await catalogue.lock_stock(session, item_id=item_id)
    if await refund_repository.has_imported(session, item_id):
        raise CodesOfPartner
    codes = [new_code() for _ in range(quantity)]
    await service.load_codes(session, sealer=sealer, item_id=item_id, codes=codes)


async def lower_stock(session: Session, *, item_id: str, quantity: int) -> None:
    """Remove pieces that nobody has ordered, with their codes. Raises ItemNotFound, StockTooLow.

    Codes that another transaction holds at this moment are left alone, so that nobody waits in a circle.
    """
    await catalogue.lock_stock(session, item_id=item_id)
    available = await catalogue.lock_available(session, item_ids=[item_id])
    if available[item_id] < quantity:
        raise StockTooLow
    if await refund_repository.delete_free(session, item_id, quantity) < quantity:
        raise StockTooLow
    await catalogue.add_stock(session, item_id=item_id, quantity=-quantity)

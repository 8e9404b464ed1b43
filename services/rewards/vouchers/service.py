"""Use cases of the voucher pools: load codes, assign them to confirmed orders, take them back."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from services.rewards.catalogue import service as catalogue
from services.rewards.vouchers import repository, use_repository
from services.rewards.vouchers.domain import Want
from services.rewards.vouchers.errors import OrderExpired, OrderUsed, PoolShort, VoucherOpened
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared.db import Session
from shared.ids import new_id
from shared.rotation import Step

# An INSERT has five parameters per code; PostgreSQL accepts 32,767.
_CODES_PER_INSERT = 5000


async def load_codes(
    session: Session, *, sealer: CodeSealer, item_id: str, codes: Sequence[str], imported: bool = False
) -> int:
    """Add codes to the pool and as many pieces to the stock. Codes that the pool has are skipped.

    `imported`: codes of a partner's own system. Others are ours, and can be replaced.

    Return the number of new codes. Raises ItemNotFound.
    """
    await catalogue.lock_stock(session, item_id=item_id)
    added = 0
    for start in range(0, len(codes), _CODES_PER_INSERT):
        fresh = await _not_loaded_before(session, sealer, item_id, codes[start : start + _CODES_PER_INSERT])
        rows = [_sealed(sealer, item_id, code, imported) for code in fresh]
        added += await repository.insert_new(session, rows) if rows else 0
    await catalogue.add_stock(session, item_id=item_id, quantity=added)
    return added


async def known_codes(session: Session, *, sealer: CodeSealer, item_id: str, codes: Sequence[str]) -> set[str]:
    """Lock the stock of an item, and return which of the codes its pool has. Raises ItemNotFound."""
    await catalogue.lock_stock(session, item_id=item_id)
    found: set[str] = set()
    for start in range(0, len(codes), _CODES_PER_INSERT):
        owners = {
            one: code
            for code in codes[start : start + _CODES_PER_INSERT]
            for one in (sealer.fingerprint(code), *sealer.former_fingerprints(code))
        }
        hashes = await repository.known_hashes(session, item_id=item_id, hashes=list(owners))
        found.update(owners[bytes(one)] for one in hashes)
    return found


async def _not_loaded_before(session: Session, sealer: CodeSealer, item_id: str, codes: Sequence[str]) -> Sequence[str]:
    """Leave out the codes that the pool has under a former key. The unique index finds those of the current one."""
    former = {code: sealer.former_fingerprints(code) for code in codes}
    wanted = [one for hashes in former.values() for one in hashes]
    if not wanted:
        return codes
    known = await repository.known_hashes(session, item_id=item_id, hashes=wanted)
    return [code for code in codes if not known.intersection(former[code])]


async def reseal_some(session: Session, sealer: CodeSealer, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the next codes with the current key and note their new fingerprints. Raises SealBroken.

    It stops before a code whose row somebody holds.
    """
    wanted, rows = await repository.lock_sealed_otherwise(session, version=sealer.version, after=after, at_most=at_most)
    done: list[uuid.UUID] = []
    for voucher_id, row in zip(wanted, rows, strict=False):
        if row.voucher_id != voucher_id:
            break
        await repository.reseal(session, voucher_id, _resealed(sealer, row))
        done.append(voucher_id)
    return Step(done[-1] if done else None, len(done), is_last=not wanted)


def _resealed(sealer: CodeSealer, row: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    if row.code_sealed:
        found = _sealed_code(sealer, sealer.open(row.code_sealed, voucher_id=row.voucher_id), row.voucher_id)
    if row.secret_sealed and (secret := sealer.reseal_secret(row.secret_sealed, voucher_id=row.voucher_id)):
        found["secret_sealed"] = secret
    return found


async def count_sealed_otherwise(session: Session, sealer: CodeSealer) -> int:
    """Count the codes that another key than the current one has sealed."""
    return await repository.count_sealed_otherwise(session, version=sealer.version)


def _sealed(sealer: CodeSealer, item_id: str, code: str, imported: bool) -> dict[str, Any]:
    voucher_id = new_id()
    return {
        "voucher_id": voucher_id,
        "item_id": item_id,
        "imported": imported,
        **_sealed_code(sealer, code, voucher_id),
    }


def _sealed_code(sealer: CodeSealer, code: str, voucher_id: uuid.UUID) -> dict[str, bytes]:
    return {"code_hash": sealer.fingerprint(code), "code_sealed": sealer.seal(code, voucher_id=voucher_id)}


async def assign(session: Session, *, item_id: str, wants: Sequence[Want]) -> None:
    """Assign codes of an item to orders. Raises PoolShort if someone changed the pool without the stock."""
    if await repository.assign(session, item_id=item_id, wants=wants) < sum(want.quantity for want in wants):
        raise PoolShort


async def withdraw(session: Session, *, order_id: uuid.UUID) -> None:
    """Withdraw the codes of an order that is being returned.

    Raises OrderUsed, OrderExpired if one of them has ended, and VoucherOpened for a code of a partner's own system
    that its owner has seen: nobody else can get that code.
    """
    for row in await repository.withdraw(session, order_id):
        if row.used_at is not None:
            raise OrderUsed
        if row.expired_at is not None:
            raise OrderExpired
        if row.imported and row.opened_at is not None:
            raise VoucherOpened


async def put_back(session: Session, *, sealer: CodeSealer, order_ids: Sequence[uuid.UUID]) -> None:
    """Put the codes of returned orders back into their pools. A new code replaces one that its owner has seen."""
    await use_repository.keep_returned(session, order_ids)
    for row in await repository.withdrawn_of(session, order_ids):
        code = {} if row.opened_at is None else _sealed_code(sealer, new_code(), row.voucher_id)
        await repository.put_back(session, row.voucher_id, code)


async def ids_by_order(session: Session, *, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Return the voucher ids of each order, in the sequence of the order."""
    found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in await repository.of_orders(session, order_ids):
        found[row.order_id].append(row.voucher_id)
    return found


async def pool_counts(session: Session) -> dict[str, tuple[int, int]]:
    """Return the numbers of free and of assigned codes per item."""
    return {row.item_id: (row.free, row.assigned) for row in await repository.counts(session)}

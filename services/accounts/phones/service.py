"""One verified phone number per person.

Only the people room stores numbers, because bindings by phone number follow them.
"""

import uuid
from dataclasses import dataclass

from services.accounts.phones import domain, repository
from services.accounts.phones.errors import PhoneTaken
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.users import service as users
from services.accounts.vault import IndexKey, Vault
from shared import clock
from shared.db import Session
from shared.rotation import Step

# WeChat charges for every number it releases. A person changes the number once in years.
VERIFICATIONS_QUOTA = Quota("phone_verification", at_most=5, window_s=86_400)


@dataclass(frozen=True, slots=True)
class StoredPhone:
    """`changed`: the person had another number before, or none."""

    phone_masked: str
    changed: bool


async def count_verification(session: Session, *, user_id: uuid.UUID) -> None:
    """Count an attempt. The caller commits before it asks WeChat, so failures count as well. Raises QuotaExceeded."""
    await quotas.count_use(session, user_id=user_id, quota=VERIFICATIONS_QUOTA)


async def store_number(session: Session, *, vault: Vault, user_id: uuid.UUID, e164: str) -> StoredPhone:
    """Store a number that WeChat has just confirmed. The caller holds the user's lock.

    Raises PhoneTaken, LookUpKeyUnknown.
    """
    hashes = vault.hashes("phone", e164)
    current = await repository.find_phone(session, user_id=user_id)
    if current is not None and current.phone_hash in hashes:
        return StoredPhone(domain.mask_number(e164), changed=False)
    key = await users.enter_fence(session, vault)
    # Behind the fence all write under one key, so that the unique index decides between two persons.
    if await repository.is_taken(session, hashes=hashes, user_id=user_id):
        raise PhoneTaken
    await repository.delete_phone(session, user_id=user_id)
    sealed = vault.seal("phone", user_id, e164)
    if not await repository.try_insert(
        session, user_id=user_id, phone_hash=key.hash("phone", e164), phone_sealed=sealed, at=clock.now()
    ):
        raise PhoneTaken
    return StoredPhone(domain.mask_number(e164), changed=True)


async def has_number(session: Session, *, user_id: uuid.UUID) -> bool:
    return await repository.find_phone(session, user_id=user_id) is not None


async def read_number(session: Session, *, vault: Vault, user_id: uuid.UUID) -> str | None:
    """Return the plain E.164 number. Use it only to derive a partner's hash, never in an answer or a log."""
    row = await repository.find_phone(session, user_id=user_id)
    return vault.unseal("phone", user_id, row.phone_sealed) if row else None


async def read_masked(session: Session, *, vault: Vault, user_id: uuid.UUID) -> str | None:
    number = await read_number(session, vault=vault, user_id=user_id)
    return domain.mask_number(number) if number else None


async def rehash_some(session: Session, vault: Vault, key: IndexKey, *, after: uuid.UUID | None, at_most: int) -> Step:
    """Hash the next numbers under `key`, up to the first whose row somebody holds. Raises SealBroken."""
    wanted, rows = await repository.lock_some_after(session, after=after, at_most=at_most)
    done: uuid.UUID | None = None
    count = 0
    for user_id, row in zip(wanted, rows, strict=False):
        if row.user_id != user_id:
            break
        row.phone_hash = key.hash("phone", vault.unseal("phone", user_id, row.phone_sealed))
        done, count = user_id, count + 1
    await repository.flush_changes(session)
    return Step(done, count, is_last=not wanted)


async def reseal_some(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the next numbers with the current key. Raises SealBroken."""
    wanted, rows = await repository.lock_some_after(
        session, after=after, at_most=at_most, not_sealed_by=vault.seal_version
    )
    done: uuid.UUID | None = None
    count = 0
    for user_id, row in zip(wanted, rows, strict=False):
        if row.user_id != user_id:
            break
        row.phone_sealed = vault.reseal("phone", user_id, row.phone_sealed) or row.phone_sealed
        done, count = user_id, count + 1
    await repository.flush_changes(session)
    return Step(done, count, is_last=not wanted)


async def count_numbers(session: Session) -> int:
    return await repository.count(session)


async def count_sealed_otherwise(session: Session, vault: Vault) -> int:
    """Count the rows that another key than the current one has sealed."""
    return await repository.count(session, not_sealed_by=vault.seal_version)

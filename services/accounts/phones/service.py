"""One verified phone number per person.

Only the people room stores numbers, because bindings by phone number follow them.
"""

import uuid
from dataclasses import dataclass

from services.accounts.phones import domain, repository
from services.accounts.phones.errors import PhoneTaken
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session

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
    """Store a number that WeChat has just confirmed. The caller holds the user's lock. Raises PhoneTaken."""
    phone_hash = vault.lookup_hash("phone", e164)
    current = await repository.find_phone(session, user_id=user_id)
    if current is not None and current.phone_hash == phone_hash:
        return StoredPhone(domain.mask_number(e164), changed=False)
    await repository.delete_phone(session, user_id=user_id)
    sealed = vault.seal("phone", user_id, e164)
    if not await repository.try_insert(
        session, user_id=user_id, phone_hash=phone_hash, phone_sealed=sealed, at=clock.now()
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

"""Users by open id, and the row lock under which the data of one user changes."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.users import repository
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session
from shared.errors import Unauthenticated
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class UserSummary:
    user_id: uuid.UUID
    created_at: datetime


async def find_or_create(session: Session, *, vault: Vault, openid: str) -> uuid.UUID:
    """Return the user of an open id, created on the first visit. Holds the user's lock until the transaction ends."""
    user_id = new_id()
    return await repository.upsert(
        session,
        user_id=user_id,
        openid_hash=vault.lookup_hash("openid", openid),
        openid_sealed=vault.seal("openid", user_id, openid),
        at=clock.now(),
    )


async def find_user(session: Session, *, vault: Vault, openid: str) -> uuid.UUID | None:
    """Return the user of an open id. Creates nobody."""
    return await repository.find_by_hash(session, openid_hash=vault.lookup_hash("openid", openid))


async def lock_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Lock the user's row. Every change of the user's accounts, consents, phone, bindings or household does this first.

    Raises Unauthenticated (the token is valid, but the user is gone).
    """
    if await repository.lock_user(session, user_id=user_id) is None:
        raise Unauthenticated


async def read_user(session: Session, *, user_id: uuid.UUID) -> UserSummary:
    """Raises Unauthenticated (the user is gone)."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    return UserSummary(user.user_id, user.created_at)


async def read_openid(session: Session, *, vault: Vault, user_id: uuid.UUID) -> str | None:
    """Return the open id of a user for a call to WeChat, or None if the user is gone. It is never logged or stored."""
    user = await repository.find_user(session, user_id=user_id)
    return None if user is None else vault.unseal("openid", user_id, user.openid_sealed)


async def is_openid(session: Session, *, vault: Vault, user_id: uuid.UUID, openid: str) -> bool:
    """Whether an open id is this user's. Raises Unauthenticated (the user is gone)."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    return hmac.compare_digest(user.openid_hash, vault.lookup_hash("openid", openid))

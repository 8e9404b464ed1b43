"""Users by open id, and the row lock under which the data of one user changes."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.users import repository
from services.accounts.users.models import User
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


async def create_without_identity(session: Session) -> uuid.UUID:
    """Create a user whom nobody can log in as, for a person without WeChat. Holds the user's lock."""
    now = clock.now()
    user = User(user_id=new_id(), created_at=now, last_login_at=now)
    await repository.add_user(session, user)
    return user.user_id


async def move_identity(session: Session, *, vault: Vault, from_user_id: uuid.UUID, to_user_id: uuid.UUID) -> None:
    """Let the next log-in of a person find another user, who had no identity before.

    The caller holds the lock of `from_user_id`. Raises Unauthenticated (one of them is gone).
    """
    giver = await repository.lock_user(session, user_id=from_user_id)
    taker = await repository.lock_user(session, user_id=to_user_id)
    if giver is None or taker is None or giver.openid_sealed is None or taker.openid_hash is not None:
        raise Unauthenticated
    openid = vault.unseal("openid", from_user_id, giver.openid_sealed)
    giver.openid_hash, giver.openid_sealed = None, None
    await repository.flush_changes(session)  # the hash is unique: first one gives it, then the other takes it
    taker.openid_hash = vault.lookup_hash("openid", openid)
    taker.openid_sealed = vault.seal("openid", to_user_id, openid)
    await repository.flush_changes(session)


async def read_user(session: Session, *, user_id: uuid.UUID) -> UserSummary:
    """Raises Unauthenticated (the user is gone)."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    return UserSummary(user.user_id, user.created_at)

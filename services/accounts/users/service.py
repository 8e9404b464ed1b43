"""Users by open id, and the lock under which everything of one user changes."""

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
    """The user behind an open id, made on the first visit; holds the user's lock until the transaction ends."""
    user_id = new_id()
    return await repository.upsert(
        session,
        user_id=user_id,
        openid_hash=vault.index("openid", openid),
        openid_sealed=vault.seal("openid", user_id, openid),
        at=clock.now(),
    )


async def lock_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Everything that changes one user's accounts, consents, phone or bindings takes this first, so none of it races.

    Raises Unauthenticated when the user of a still valid token is gone.
    """
    if await repository.lock_user(session, user_id=user_id) is None:
        raise Unauthenticated


async def read_user(session: Session, *, user_id: uuid.UUID) -> UserSummary:
    """Raises Unauthenticated when there is no such user any more."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    return UserSummary(user.user_id, user.created_at)

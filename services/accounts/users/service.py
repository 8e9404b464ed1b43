"""Users by open id, and the row lock under which the data of one user changes."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.users import repository
from services.accounts.users.models import User
from services.accounts.vault import IndexKey, Vault
from shared import clock
from shared.db import Session
from shared.errors import Unauthenticated
from shared.ids import new_id
from shared.rotation import Step


@dataclass(frozen=True, slots=True)
class UserSummary:
    user_id: uuid.UUID
    created_at: datetime


async def find_or_create(session: Session, *, vault: Vault, openid: str) -> uuid.UUID:
    """Return the user of an open id, created on the first visit. Holds the user's lock until the transaction ends.

    Raises LookUpKeyUnknown.
    """
    at, hashes = clock.now(), vault.hashes("openid", openid)
    found = await repository.record_log_in(session, hashes=hashes, at=at)
    if found is not None:
        return found
    key = await enter_fence(session, vault)
    # Again: behind the fence nobody else can write under another key, so that the unique index decides.
    found = await repository.record_log_in(session, hashes=hashes, at=at)
    if found is not None:
        return found
    user_id = new_id()
    return await repository.upsert(
        session,
        user_id=user_id,
        openid_hash=key.hash("openid", openid),
        openid_sealed=vault.seal("openid", user_id, openid),
        at=at,
    )


async def enter_fence(session: Session, vault: Vault) -> IndexKey:
    """Return the key of new look-up hashes. It stays the current one until the transaction ends.

    Raises LookUpKeyUnknown: the settings lack a pepper that rows have.
    """

    async def matches_the_newest_user(key: IndexKey) -> bool:
        user = await repository.newest(session)
        if user is None or user.openid_sealed is None:
            return True
        return key.hash("openid", vault.unseal("openid", user.user_id, user.openid_sealed)) == user.openid_hash

    return await lookup_keys.enter_fence(session, vault, sample_matches=matches_the_newest_user)


async def find_user(session: Session, *, vault: Vault, openid: str) -> uuid.UUID | None:
    """Return the user of an open id. Creates nobody."""
    return await repository.find_by_hash(session, hashes=vault.hashes("openid", openid))


async def rehash_some(session: Session, vault: Vault, key: IndexKey, *, after: uuid.UUID | None, at_most: int) -> Step:
    """Hash the open ids of the next users under `key`, up to the first whose row somebody holds. Raises SealBroken."""
    wanted, users = await repository.lock_some_after(session, after=after, at_most=at_most)
    done: uuid.UUID | None = None
    count = 0
    for user_id, user in zip(wanted, users, strict=False):
        if user.user_id != user_id:
            break
        if user.openid_sealed is not None:
            user.openid_hash = key.hash("openid", vault.unseal("openid", user_id, user.openid_sealed))
        done, count = user_id, count + 1
    await repository.flush_changes(session)
    return Step(done, count, is_last=not wanted)


async def reseal_some(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the open ids of the next users with the current key. Raises SealBroken."""
    wanted, users = await repository.lock_some_after(
        session, after=after, at_most=at_most, not_sealed_by=vault.seal_version
    )
    done: uuid.UUID | None = None
    count = 0
    for user_id, user in zip(wanted, users, strict=False):
        if user.user_id != user_id:
            break
        if user.openid_sealed is not None:
            user.openid_sealed = vault.reseal("openid", user_id, user.openid_sealed) or user.openid_sealed
        done, count = user_id, count + 1
    await repository.flush_changes(session)
    return Step(done, count, is_last=not wanted)


async def count_users(session: Session) -> int:
    return await repository.count(session)


async def count_sealed_otherwise(session: Session, vault: Vault) -> int:
    """Count the rows that another key than the current one has sealed."""
    return await repository.count(session, not_sealed_by=vault.seal_version)


async def lock_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Lock the user's row. Every change of the user's accounts, consents, phone, bindings or household does this first.

    Raises Unauthenticated (the token is valid, but the user is gone).
    """
    if await repository.lock_user(session, user_id=user_id) is None:
        raise Unauthenticated


async def try_lock_user(session: Session, *, user_id: uuid.UUID) -> bool:
    """Lock the user's row unless another transaction holds it, for jobs that lock many people. They never wait."""
    return await repository.try_lock_user(session, user_id=user_id) is not None


async def create_without_identity(session: Session) -> uuid.UUID:
    """Create a user whom nobody can log in as, for a person without WeChat. Holds the user's lock."""
    now = clock.now()
    user = User(user_id=new_id(), created_at=now, last_login_at=now)
    await repository.add_user(session, user)
    return user.user_id


async def move_identity(session: Session, *, vault: Vault, from_user_id: uuid.UUID, to_user_id: uuid.UUID) -> None:
    """Let the next log-in of a person find another user, who had no identity before.

    The caller holds the lock of `from_user_id`. Raises LookUpKeyUnknown, Unauthenticated (one of them is gone).
    """
    giver = await repository.lock_user(session, user_id=from_user_id)
    taker = await repository.lock_user(session, user_id=to_user_id)
    if giver is None or taker is None or giver.openid_sealed is None or taker.openid_hash is not None:
        raise Unauthenticated
    key = await enter_fence(session, vault)
    openid = vault.unseal("openid", from_user_id, giver.openid_sealed)
    giver.openid_hash, giver.openid_sealed = None, None
    await repository.flush_changes(session)  # the hash is unique: first one gives it, then the other takes it
    taker.openid_hash = key.hash("openid", openid)
    taker.openid_sealed = vault.seal("openid", to_user_id, openid)
    await repository.flush_changes(session)


async def read_user(session: Session, *, user_id: uuid.UUID) -> UserSummary:
    """Raises Unauthenticated (the user is gone)."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    return UserSummary(user.user_id, user.created_at)


async def read_openid(session: Session, *, vault: Vault, user_id: uuid.UUID) -> str | None:
    """Return the open id of a user for a call to WeChat. It is never logged or stored.

    None if the user is gone, or is a person without WeChat (`create_without_identity`).
    """
    user = await repository.find_user(session, user_id=user_id)
    if user is None or user.openid_sealed is None:
        return None
    return vault.unseal("openid", user_id, user.openid_sealed)


async def is_openid(session: Session, *, vault: Vault, user_id: uuid.UUID, openid: str) -> bool:
    """Whether an open id is this user's. Raises Unauthenticated (the user is gone)."""
    user = await repository.find_user(session, user_id=user_id)
    if user is None:
        raise Unauthenticated
    openid_hash = user.openid_hash
    if openid_hash is None:
        return False
    return any(hmac.compare_digest(openid_hash, one) for one in vault.hashes("openid", openid))

"""The schedule of signing keys, kept in the database, and its copy in each process.

A new key is published PUBLISHED_S before it signs, so that the gateway and every service have fetched it. The former
key is published until its last token has ended. No process restarts.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.accounts.signing import ACCESS_LIFE_S, ScheduledKey, TokenSigner, new_private_key
from services.accounts.signing_keys import repository
from services.accounts.vault import Vault
from shared.db import DATABASE_ERRORS, Database, Session
from shared.rotation import Step, take_turn
from shared.sealing import SealBroken

# The gateway keeps published keys for 60 s, services for 300 s. The rest is for clocks and slow answers.
PUBLISHED_S = 420
# The last token of the former key, and as much again as clocks may differ.
OVERLAP_S = ACCESS_LIFE_S + 120
LEARN_EVERY_S = 5.0
_LEARN_TIMEOUT_S = 1.0
# Private keys of no use are destroyed after so long.
_KEPT = timedelta(days=1)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """A rotation of the signer. All times are of the database's clock."""

    key_id: str
    now: datetime
    created_at: datetime
    signs_from: datetime
    former_ends_at: datetime
    is_new: bool


class SigningKeys:
    """Keeps the signer of this process up to date. Any request may ask; at most one in LEARN_EVERY_S reads."""

    def __init__(self, database: Database, vault: Vault, signer: TokenSigner) -> None:
        self._database, self._vault, self._signer = database, vault, signer
        self._learned_at = float("-inf")
        self._lock = asyncio.Lock()

    async def learn(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the schedule if it was read long ago. While the database is away the last one holds."""
        if clock() - self._learned_at < LEARN_EVERY_S or self._lock.locked():
            return
        async with self._lock:
            self._learned_at = clock()
            try:
                async with asyncio.timeout(_LEARN_TIMEOUT_S), self._database.transaction() as session:
                    self._signer.learn(await read_schedule(session, self._vault))
            except (*DATABASE_ERRORS, SealBroken, OSError, TimeoutError) as exc:
                _log.warning("signing_keys_not_read", error=type(exc).__name__)


async def read_schedule(session: Session, vault: Vault) -> list[ScheduledKey]:
    """Raises SealBroken: the settings lack the key that sealed a signing key."""
    return [
        ScheduledKey(
            key_id=row.key_id,
            pem=vault.unseal_signing_key(row.key_id, row.private_sealed) if row.private_sealed is not None else None,
            signs_from=row.signs_from,
            ends_at=row.ends_at,
        )
        for row in await repository.list_keys(session)
    ]


async def begin_change(
    session: Session, vault: Vault, signer: TokenSigner, *, published_s: int = PUBLISHED_S, overlap_s: int = OVERLAP_S
) -> Change:
    """Plan a new key, or return the change that is under way: a second run changes nothing."""
    await take_turn(session, "accounts.signing_key")
    now = await repository.database_time(session)
    rows = await repository.list_keys(session)
    under_way = [row.ends_at for row in rows if row.ends_at is not None and row.ends_at > now]
    if rows and under_way:
        newest = rows[0]
        return Change(newest.key_id, now, newest.created_at, newest.signs_from, max(under_way), is_new=False)
    await repository.delete_ended(session, for_at_least=_KEPT)
    key_id, pem = new_private_key()
    signs_from = now + timedelta(seconds=published_s)
    ends_at = signs_from + timedelta(seconds=overlap_s)
    for former in signer.settings_key_ids():
        await repository.add(session, key_id=former, private_sealed=None, created_at=now, signs_from=now)
    sealed = vault.seal_signing_key(key_id, pem)
    await repository.add(session, key_id=key_id, private_sealed=sealed, created_at=now, signs_from=signs_from)
    await repository.end_others(session, key_id=key_id, ends_at=ends_at)
    return Change(key_id, now, now, signs_from, ends_at, is_new=True)


async def database_time(session: Session) -> datetime:
    return await repository.database_time(session)


async def count_sealed_otherwise(session: Session, vault: Vault) -> int:
    rows = await repository.list_keys(session)
    return sum(row.private_sealed is not None and row.private_sealed[0] != vault.seal_version for row in rows)


async def reseal_some(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal all signing keys with the current key: there are a handful. Raises SealBroken."""
    del after, at_most
    count = 0
    for row in await repository.list_keys(session):
        if row.private_sealed is not None:
            again = vault.reseal_signing_key(row.key_id, row.private_sealed)
            if again is not None:
                row.private_sealed, count = again, count + 1
    await repository.flush_changes(session)
    return Step(None, count, is_last=True)

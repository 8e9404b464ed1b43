"""The schedule of signing keys, kept in the database. `key_learning.py` brings it to each process.

A new key is published PUBLISHED_S before it signs, so that the gateway and every service have fetched it. The former
key is published until its last token has ended. No process restarts.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.signing import ACCESS_LIFE_S, ScheduledKey, TokenSigner, new_private_key
from services.accounts.signing_keys import repository
from services.accounts.vault import Vault
from shared.db import Session
from shared.rotation import Step, take_turn

# The gateway keeps published keys for 60 s, services for 300 s. The rest is for clocks and slow answers.
PUBLISHED_S = 420
# The last token of the former key, and as much again as clocks may differ.
OVERLAP_S = ACCESS_LIFE_S + 120
# Private keys of no use are destroyed after so long.
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A rotation of the signer. All times are of the database's clock."""

    key_id: str
    now: datetime
    created_at: datetime
    signs_from: datetime
    former_ends_at: datetime
    is_new: bool


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

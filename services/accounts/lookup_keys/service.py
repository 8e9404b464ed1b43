"""Two peppers live while rows are hashed anew. New hashes have one key, which the database names.

Look-ups try the hash under every pepper of the settings. The writer of a new hash first enters the fence: the current
key cannot change until that transaction ends, so all writers use one key and the unique index on the hash decides.
A process that was not given a live pepper cannot see some rows. It refuses to write, else people would exist twice.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from services.accounts.lookup_keys import repository
from services.accounts.lookup_keys.errors import LookUpKeyUnknown
from services.accounts.vault import IndexKey, Vault
from shared.db import Session

Rows = Literal["users", "phones"]
SampleMatches = Callable[[IndexKey], Awaitable[bool]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far the rows have come. `through`: the last id of each kind, None before the first."""

    key_id: str
    users_through: uuid.UUID | None
    phones_through: uuid.UUID | None
    rehashed: int
    has_former: bool


async def current_key(session: Session, vault: Vault) -> IndexKey:
    """Return the key of new hashes, for what needs no fence. Raises LookUpKeyUnknown.

    Before the database names one it is the oldest of the settings, on which old and new processes agree.
    """
    for row in await repository.list_keys(session):
        if row.state == "current":
            return _known(vault, row.key_id)
    return vault.index_keys[-1]


async def enter_fence(session: Session, vault: Vault, *, sample_matches: SampleMatches) -> IndexKey:
    """Return the key of new hashes, which stays the current one until this transaction ends.

    The first writer records the key that fits the rows that are there. `sample_matches` says whether the hash of one
    of them is of a key, and is true without rows. Raises LookUpKeyUnknown, also if a former key is not known here.
    """
    await repository.enter_fence(session)
    rows = await repository.list_keys(session)
    if not rows:
        for key in reversed(vault.index_keys):
            if await sample_matches(key):
                await repository.try_add_current(session, key.key_id)
                break
        else:
            raise _unknown("of the rows")
        rows = await repository.list_keys(session)
    known = {row.state: _known(vault, row.key_id) for row in rows}
    return known["current"]


async def begin_rotation(session: Session, vault: Vault) -> IndexKey:
    """Make the newest pepper of the settings the current key and return it. The former ones stay until `finish`.

    Waits for transactions that are writing hashes. Does nothing if it is current already. Enter the fence once before
    in a transaction of its own, so that the database names a key.
    """
    await repository.close_fence(session)
    newest = vault.index_keys[0]
    rows = {row.key_id: row.state for row in await repository.list_keys(session)}
    for key_id in rows:
        _known(vault, key_id)
    if rows.get(newest.key_id) != "current":
        await repository.make_former(session)
        await repository.make_current(session, newest.key_id)
    return newest


async def read_rotation(session: Session) -> Rotation | None:
    """Return how far the hashing under the current key has come. None before a key is recorded."""
    rows = await repository.list_keys(session)
    current = next((row for row in rows if row.state == "current"), None)
    if current is None:
        return None
    has_former = any(row.state == "former" for row in rows)
    return Rotation(current.key_id, current.users_through, current.phones_through, current.rehashed, has_former)


async def record_progress(session: Session, key: IndexKey, *, rows: Rows, through: uuid.UUID, count: int) -> None:
    await repository.record_progress(session, key.key_id, column=f"{rows}_through", through=through, count=count)


async def finish_rotation(session: Session, key: IndexKey) -> None:
    """Forget the former keys, as no row has a hash of them any more. Does nothing if another key is current by now."""
    await repository.close_fence(session)
    rotation = await read_rotation(session)
    if rotation is not None and rotation.key_id == key.key_id:
        await repository.delete_former(session)


def _known(vault: Vault, key_id: str) -> IndexKey:
    for key in vault.index_keys:
        if key.key_id == key_id:
            return key
    raise _unknown(key_id)


def _unknown(key_id: str) -> LookUpKeyUnknown:
    _log.error("look_up_key_unknown", key_id=key_id)
    return LookUpKeyUnknown()

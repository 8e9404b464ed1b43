"""The data key of a person. Rows that may outlive the person are sealed with it, so that deleting one row ends them."""

import base64
import os
import uuid

from services.accounts.person_keys import repository
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session
from shared.sealing import SealBroken, Sealer

_KEY_BYTES = 32


async def open_key(session: Session, *, vault: Vault, user_id: uuid.UUID) -> Sealer:
    """Return the sealer with the person's key, made at the first call. The person must exist."""
    fresh = vault.seal("data_key", user_id, base64.b64encode(os.urandom(_KEY_BYTES)).decode())
    await repository.add_if_missing(session, user_id=user_id, key_sealed=fresh, at=clock.now())
    return await read_key(session, vault=vault, user_id=user_id)


async def read_key(session: Session, *, vault: Vault, user_id: uuid.UUID) -> Sealer:
    """Return the sealer with the person's key. Raises SealBroken if the key was destroyed."""
    sealed = await repository.find(session, user_id=user_id)
    if sealed is None:
        raise SealBroken(str(user_id))
    return Sealer(base64.b64decode(vault.unseal("data_key", user_id, sealed)))

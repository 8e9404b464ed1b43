"""What the database says about keys, brought to each process without a restart."""

import asyncio
import time

import structlog

from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.lookup_keys.errors import LookUpKeyUnknown
from services.accounts.signing import TokenSigner
from services.accounts.signing_keys import service as signing_keys
from services.accounts.vault import Vault
from shared.db import DATABASE_ERRORS, Database
from shared.sealing import SealBroken

LEARN_EVERY_S = 5.0
_TIMEOUT_S = 1.0

_log = structlog.get_logger(__name__)


class KeyLearner:
    """Keeps the signer and the deriving pepper of this process up to date. Any request may ask, and one of them reads.

    While the database is away, the keys that were learned last stay in force.
    """

    def __init__(self, database: Database, vault: Vault, signer: TokenSigner) -> None:
        self._database, self._vault, self._signer = database, vault, signer
        self._learned_at = float("-inf")
        self._lock = asyncio.Lock()

    async def learn(self) -> None:
        """Read again if it was read long ago. Only the first requests of a process wait for each other."""
        if self._is_fresh() or (self._lock.locked() and self._learned_at > float("-inf")):
            return
        async with self._lock:
            if not self._is_fresh():
                await self._read()
                self._learned_at = time.monotonic()

    def forget(self) -> None:
        """Let the next request read."""
        self._learned_at = float("-inf")

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._learned_at < LEARN_EVERY_S

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S), self._database.transaction() as session:
                self._signer.learn(await signing_keys.read_schedule(session, self._vault))
                self._vault.deriving_key = await lookup_keys.current_key(session, self._vault)
        except (*DATABASE_ERRORS, SealBroken, LookUpKeyUnknown, OSError, TimeoutError) as exc:
            _log.warning("keys_not_read", error=type(exc).__name__)

"""Signatures that take milliseconds to check: a thread beside the event loop, and a short queue in front of it."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from services.ingest.partners.errors import KeyChecksBusy, SignatureChecksBusy
from shared.auth.signers import Verifier

# Pure Python: a second thread would only take turns with the first, and both with the event loop.
THREADS = 1
# About a second of work; who stands further behind had better come again.
WAITING_MAX = 40
# One partner's retries must not keep the others out.
WAITING_PER_KEY_MAX = 10


class SlowLane:
    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="signatures")
        self._waiting: Counter[str] = Counter()

    def stop(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def verify(self, app_key: str, verifier: Verifier, message: bytes, signature: bytes) -> bool:
        """Raises SignatureChecksBusy, KeyChecksBusy."""
        if self._waiting.total() >= WAITING_MAX:
            raise SignatureChecksBusy(retry_after_s=1)
        if self._waiting[app_key] >= WAITING_PER_KEY_MAX:
            raise KeyChecksBusy(retry_after_s=1)
        loop = asyncio.get_running_loop()
        self._waiting[app_key] += 1
        # The place is free again when the thread is done, not when a caller has gone away.
        check = loop.run_in_executor(self._executor, verifier.verify, message, signature)
        check.add_done_callback(lambda _: self._leave(app_key))
        return await asyncio.shield(check)

    def _leave(self, app_key: str) -> None:
        self._waiting[app_key] -= 1
        if not self._waiting[app_key]:
            del self._waiting[app_key]

"""Signatures that take milliseconds to check: one thread beside the event loop, with a short queue."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from services.ingest.partners.errors import KeyChecksBusy, SignatureChecksBusy
from shared.auth.signers import Verifier

# The check is pure Python: a second thread would only compete with the first and with the event loop.
THREADS = 1
# About one second of work. A request further back in the queue should come again later.
WAITING_MAX = 40
# One partner's retries must not fill the queue for the others.
WAITING_PER_KEY_MAX = 10


class SlowCheckQueue:
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
        # The place stays taken until the thread is done, even if the caller has gone away.
        check = loop.run_in_executor(self._executor, verifier.verify, message, signature)
        check.add_done_callback(lambda _: self._release_place(app_key))
        return await asyncio.shield(check)

    def _release_place(self, app_key: str) -> None:
        self._waiting[app_key] -= 1
        if not self._waiting[app_key]:
            del self._waiting[app_key]

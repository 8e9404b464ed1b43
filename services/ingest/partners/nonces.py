"""Nonces seen by this process: a request replayed on the wire is told apart from one signed anew.

Best effort on purpose, because the accept path has no database: another process, a restart or a flood forgets. What
protects the ledger is the identity of the event; a replayed batch has no second effect.
"""

from collections import OrderedDict

from shared.auth.cp1 import WINDOW_S

# A timestamp may lie WINDOW_S ahead, so its signature stays valid for twice the window.
KEPT_S = 2 * WINDOW_S
# About 5 MB per key at most; 33 requests per second for the whole time, which batches make a lot.
PER_KEY_MAX = 20_000


class SeenNonces:
    """Per key, oldest first. Only verified requests get in, so the number of keys is that of the registry."""

    def __init__(self) -> None:
        self._seen: dict[str, OrderedDict[str, float]] = {}

    def claim(self, app_key: str, nonce: str, *, at_s: float) -> bool:
        """False when this key used the nonce before. `at_s` from any clock that only moves forward."""
        seen = self._seen.setdefault(app_key, OrderedDict())
        while seen:
            oldest = next(iter(seen))
            if at_s - seen[oldest] <= KEPT_S and len(seen) < PER_KEY_MAX:
                break
            del seen[oldest]
        if nonce in seen:
            return False
        seen[nonce] = at_s
        return True

    def release(self, app_key: str, nonce: str) -> None:
        """Nothing came of the request (503): the very same bytes may be sent again."""
        self._seen.get(app_key, OrderedDict[str, float]()).pop(nonce, None)

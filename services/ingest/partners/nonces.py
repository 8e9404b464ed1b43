"""Nonces used in this process, so that a replayed request is refused.

Best effort, because the accept path has no database: another process does not know them, and a restart or a flood
forgets them. The identity of the event protects the ledger, so a replayed batch has no second effect.
"""

from collections import OrderedDict

from shared.auth.cp1 import WINDOW_S

# A timestamp may lie WINDOW_S in the future, so a signature stays valid for twice the window.
KEPT_S = 2 * WINDOW_S
# At most about 5 MB per key. This is 33 requests per second for the whole time, each with up to 500 events.
PER_KEY_MAX = 20_000


class SeenNonces:
    """Nonces per key, oldest first. Only verified requests are kept, so the registry bounds the number of keys."""

    def __init__(self) -> None:
        self._seen: dict[str, OrderedDict[str, float]] = {}

    def claim(self, app_key: str, nonce: str, *, at_s: float) -> bool:
        """False if this key used the nonce before. `at_s` comes from a monotonic clock."""
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
        """Forget a nonce whose request had no effect (429, 503), so that the same bytes may be sent again."""
        self._seen.get(app_key, OrderedDict[str, float]()).pop(nonce, None)

"""Nonces used in this process, so that a replayed request is refused.

Best effort, because the accept path has no database: another process does not know them, and a restart or a flood
forgets them. The identity of the event protects the ledger, so a replayed batch has no second effect.
"""

from collections import OrderedDict
from uuid import UUID

from shared.auth.cp1 import WINDOW_S

# A timestamp may lie WINDOW_S in the future, so a signature stays valid for twice the window.
KEPT_S = 2 * WINDOW_S
# At most about 8 MB per key. This is 33 requests per second for the whole time, each with up to 500 events.
PER_KEY_MAX = 20_000


class SeenRequest:
    """One request that used a nonce. `signature` stands for its bytes, `receipt_id` for what became of it."""

    __slots__ = ("at_s", "receipt_id", "signature")

    def __init__(self, at_s: float, signature: int) -> None:
        self.at_s, self.signature = at_s, signature
        self.receipt_id: UUID | None = None


class SeenNonces:
    """Nonces per key, oldest first. Only verified requests are kept, so the registry bounds the number of keys."""

    def __init__(self) -> None:
        self._seen: dict[str, OrderedDict[str, SeenRequest]] = {}

    def claim(self, app_key: str, nonce: str, *, signature: bytes = b"", at_s: float) -> SeenRequest | None:
        """The request that used the nonce before, or None if it is new. `at_s` comes from a monotonic clock."""
        seen = self._seen.setdefault(app_key, OrderedDict())
        while seen:
            oldest = next(iter(seen))
            if at_s - seen[oldest].at_s <= KEPT_S and len(seen) < PER_KEY_MAX:
                break
            del seen[oldest]
        known = seen.get(nonce)
        if known is None:
            seen[nonce] = SeenRequest(at_s, hash(signature))
        return known

    def note_receipt(self, app_key: str, nonce: str, receipt_id: UUID) -> None:
        """Remember the receipt of a request, for who sends the same bytes again."""
        known = self._seen.get(app_key, OrderedDict[str, SeenRequest]()).get(nonce)
        if known is not None:
            known.receipt_id = receipt_id

    def has(self, app_key: str, nonce: str) -> bool:
        """Whether this key used the nonce before."""
        return nonce in self._seen.get(app_key, ())

    def release(self, app_key: str, nonce: str) -> None:
        """Forget a nonce whose request had no effect (429, 503), so that the same bytes may be sent again."""
        self._seen.get(app_key, OrderedDict[str, SeenRequest]()).pop(nonce, None)

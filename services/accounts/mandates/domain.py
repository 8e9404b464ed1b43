"""The life of terms and mandates. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

TermsState = Literal["draft", "published", "ended"]
MandateState = Literal["active", "ended"]
EndReason = Literal["citizen", "platform", "expiry", "erasure"]
# A platform that stops tells people a month before.
NOTICE: Final = timedelta(days=30)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of the UTF-8 bytes of the terms, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def state_at(until: datetime | None, now: datetime) -> MandateState:
    return "active" if until is None or now < until else "ended"

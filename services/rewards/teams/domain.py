"""Rules of teams. Pure."""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

MEMBERS_MAX: Final = 50
# A citizen who opens and closes teams all day fills the table.
OPENED_MAX: Final = 10
CODE_LIFE: Final = timedelta(days=7)
CODE_CHARS: Final = 10
# Without characters that look alike, and without vowels, which form words.
_ALPHABET: Final = "23456789BCDFGHJKLMNPQRSTVWXZ"
CODE_PATTERN: Final = r"^[0-9A-Za-z -]{10,24}$"


def new_code() -> str:
    """Return a random code of 48 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS))


def code_hash(code: str) -> bytes:
    """Return the hash of a code, whatever its case, spaces and hyphens."""
    return hashlib.sha256(f"team\x00{code.upper().replace(' ', '').replace('-', '')}".encode()).digest()

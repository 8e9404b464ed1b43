"""Personal data at rest: a keyed hash to look it up, ciphertext to read it. No row holds the plain value."""

import hashlib
import hmac
import os
import uuid
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Kind = Literal["openid", "phone"]

# First byte of every ciphertext, so that a later key can be told from this one.
_VERSION = b"\x01"
_NONCE_BYTES = 12


class Vault:
    """Open ids and phone numbers. Kinds are separated in the index and in the associated data: neither the hash nor
    the ciphertext of one can stand in for the other, nor one person's for another's."""

    def __init__(self, *, pepper: str, key: bytes) -> None:
        self._pepper = pepper.encode()
        self._cipher = AESGCM(key)

    def index(self, kind: Kind, value: str) -> bytes:
        """HMAC-SHA256: unkeyed, the eleven digits of a phone number could be tried through in seconds."""
        return hmac.new(self._pepper, f"{kind}\x00{value}".encode(), hashlib.sha256).digest()

    def seal(self, kind: Kind, user_id: uuid.UUID, value: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, value.encode(), _associated(kind, user_id))

    def unseal(self, kind: Kind, user_id: uuid.UUID, sealed: bytes) -> str:
        """Raises cryptography's InvalidTag when the row was moved to another user or altered."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, ciphertext, _associated(kind, user_id)).decode()


def _associated(kind: Kind, user_id: uuid.UUID) -> bytes:
    return f"{kind}:{user_id}".encode()

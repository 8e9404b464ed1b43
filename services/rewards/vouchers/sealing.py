"""Voucher codes at rest: AES-256-GCM for the code, HMAC-SHA256 to recognise one loaded twice.

Both keys are derived from the one in the settings. The voucher's id is authenticated with the code, so that a sealed
code copied into another row does not open.
"""

import hashlib
import hmac
import os
import secrets
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32
# Without 0/O, 1/I/L and U: a cashier types what a screen shows. 16 of these 30 symbols carry 78 bits.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_SYMBOLS = 16
_GROUP = 4


def new_code() -> str:
    """A code nobody can guess, in groups of four."""
    symbols = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_SYMBOLS))
    return "-".join(symbols[i : i + _GROUP] for i in range(0, _CODE_SYMBOLS, _GROUP))


class Sealer:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(self._derive(key, b"voucher-code-sealing"))
        self._hash_key = self._derive(key, b"voucher-code-hash")

    @staticmethod
    def _derive(key: bytes, purpose: bytes) -> bytes:
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(key)

    def seal(self, code: str, *, voucher_id: uuid.UUID) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, code.encode(), _VERSION + voucher_id.bytes)

    def open(self, sealed: bytes, *, voucher_id: uuid.UUID) -> str:
        """Raises cryptography.exceptions.InvalidTag for another key, row or version."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, body, sealed[:1] + voucher_id.bytes).decode()

    def fingerprint(self, code: str) -> bytes:
        return hmac.new(self._hash_key, code.encode(), hashlib.sha256).digest()

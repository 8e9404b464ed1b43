"""Voucher codes: new ones, and their form at rest (AES-256-GCM, with an HMAC-SHA256 to recognise a code loaded twice).

Both keys are derived from the key in the settings. The id of the voucher is authenticated with the code, so a sealed
code copied to another row does not open.
"""

import hashlib
import hmac
import secrets
import uuid

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.sealing import Sealer
from shared.sealing_keys import FIRST_VERSION, SealingKey, SealingKeys

# Stands before the id in what is authenticated. It does not change with the key.
_FORM = b"\x01"
_SEALING, _HASHING = b"voucher-code-sealing", b"voucher-code-hash"
_KEY_BYTES = 32
# Without 0/O, 1/I/L and U: a cashier types the code from a screen. 16 of these 30 symbols have 78 bits.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_SYMBOLS = 16
_GROUP = 4


def new_code() -> str:
    """Return a random code in groups of four symbols."""
    symbols = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_SYMBOLS))
    return "-".join(symbols[i : i + _GROUP] for i in range(0, _CODE_SYMBOLS, _GROUP))


class CodeSealer:
    """Seals voucher codes under one key derived from the current key, fingerprints them under another.

    Codes of a former key still open, and are still recognised, until all are sealed anew.
    """

    def __init__(self, keys: bytes | SealingKeys) -> None:
        given = SealingKeys(SealingKey(FIRST_VERSION, keys)) if isinstance(keys, bytes) else keys
        self.version = given.current.version
        self._sealer = Sealer(
            _derived(given.current.key, _SEALING),
            version=bytes([given.current.version]),
            former=[(bytes([one.version]), _derived(one.key, _SEALING)) for one in given.former],
        )
        self._hash_key = _derived(given.current.key, _HASHING)
        self._former_hash_keys = [_derived(one.key, _HASHING) for one in given.former]

    def seal(self, code: str, *, voucher_id: uuid.UUID) -> bytes:
        return self._sealer.seal(code, _FORM + voucher_id.bytes)

    def open(self, sealed: bytes, *, voucher_id: uuid.UUID) -> str:
        """Raises SealBroken for another key, row or version."""
        return self._sealer.open(sealed, _FORM + voucher_id.bytes)

    def fingerprint(self, code: str) -> bytes:
        """HMAC-SHA256: recognises a code loaded twice without opening the others."""
        return hmac.new(self._hash_key, code.encode(), hashlib.sha256).digest()

    def former_fingerprints(self, code: str) -> list[bytes]:
        """The fingerprints that the code may have if it was loaded before the key changed."""
        return [hmac.new(key, code.encode(), hashlib.sha256).digest() for key in self._former_hash_keys]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(key)

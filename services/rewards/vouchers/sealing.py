"""Voucher codes: new ones, and their form at rest (AES-256-GCM, with an HMAC-SHA256 to recognise a code loaded twice).

Both keys are derived from the key in the settings. The id of the voucher is authenticated with the code, so a sealed
code copied to another row does not open.
"""

import hashlib
import hmac
import secrets
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.rewards.derivation import derived, sealer_for
from shared.sealing_keys import FIRST_VERSION, SealingKey, SealingKeys

# Stands before the id in what is authenticated. It does not change with the key.
_FORM = b"\x01"
_SEALING, _HASHING = b"voucher-code-sealing", b"voucher-code-hash"
_SECRETS, _SIGNING = b"voucher-qr-secret", b"voucher-qr-signature"
_SECRET_BYTES = 20
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
        self._sealer = sealer_for(given, _SEALING)
        self._secrets = sealer_for(given, _SECRETS)
        self._hash_key = derived(given.current.key, _HASHING)
        self._former_hash_keys = [derived(one.key, _HASHING) for one in given.former]
        self._signers = [
            (one.version, Ed25519PrivateKey.from_private_bytes(derived(one.key, _SIGNING)))
            for one in (given.current, *given.former)
        ]

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

    def new_secret(self, *, voucher_id: uuid.UUID) -> bytes:
        """Return a new secret for the changing QR code of a voucher, sealed."""
        return self._secrets.seal_bytes(secrets.token_bytes(_SECRET_BYTES), _FORM + voucher_id.bytes)

    def open_secret(self, sealed: bytes, *, voucher_id: uuid.UUID) -> bytes:
        """Raises SealBroken."""
        return self._secrets.open_bytes(sealed, _FORM + voucher_id.bytes)

    def reseal_secret(self, sealed: bytes, *, voucher_id: uuid.UUID) -> bytes | None:
        """Return the secret sealed with the current key, None if it is already. Raises SealBroken."""
        return self._secrets.reseal(sealed, _FORM + voucher_id.bytes)

    def sign(self, shown: bytes) -> tuple[int, bytes]:
        """Sign what a QR code says, for tills without a line. Return the version of the key and the signature."""
        version, signer = self._signers[0]
        return version, signer.sign(shown)

    def is_signed(self, shown: bytes, version: int, signature: bytes) -> bool:
        """Whether this service has signed a QR code, with the current or a former key."""
        signer = dict(self._signers).get(version)
        if signer is None:
            return False
        try:
            signer.public_key().verify(signature, shown)
        except InvalidSignature:
            return False
        return True

    def public_keys(self) -> dict[int, bytes]:
        """The public keys (Ed25519, raw) of the signatures of QR codes, by version."""
        return {version: signer.public_key().public_bytes_raw() for version, signer in self._signers}

"""Secrets at rest: AES-256-GCM under a key from the settings. A copy of the database alone reveals nothing."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class SealBroken(Exception):
    """The bytes were sealed with another key, version or place, or were changed."""


class Sealer:
    """Seals texts as `version`, 12 bytes of nonce, ciphertext with its tag.

    `place` names the row or the purpose and is authenticated: a secret moved to another place does not open.
    `version` is a prefix that tells later keys or forms apart; without it the bytes begin with the nonce.
    """

    def __init__(self, key: bytes, *, version: bytes = b"") -> None:
        self._cipher = AESGCM(key)
        self._version = version

    def seal(self, secret: str, place: str | bytes) -> bytes:
        return self.seal_bytes(secret.encode(), place)

    def seal_bytes(self, secret: bytes, place: str | bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self._version + nonce + self._cipher.encrypt(nonce, secret, _as_bytes(place))

    def open(self, sealed: bytes, place: str | bytes) -> str:
        """Raises SealBroken."""
        try:
            return self.open_bytes(sealed, place).decode()
        except ValueError as exc:
            raise SealBroken(place) from exc

    def open_bytes(self, sealed: bytes, place: str | bytes) -> bytes:
        """Raises SealBroken."""
        if not sealed.startswith(self._version):
            raise SealBroken(place)
        body = sealed[len(self._version) :]
        try:
            return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _as_bytes(place))
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(place) from exc


def _as_bytes(place: str | bytes) -> bytes:
    return place.encode() if isinstance(place, str) else place

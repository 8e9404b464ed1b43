"""Secrets at rest: AES-256-GCM under a key from the settings. A copy of the database alone reveals nothing."""

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class SealBroken(Exception):
    """The bytes were sealed with another key, version or place, or were changed."""


class Sealer:
    """Seals texts as `version`, 12 bytes of nonce, ciphertext with its tag.

    `place` names the row or the purpose and is authenticated: a secret moved to another place does not open.
    `version` is a prefix that tells later keys or forms apart; without it the bytes begin with the nonce.
    `former` are further keys that open, as (version, key): those that a rotation leaves or prepares.
    """

    def __init__(self, key: bytes, *, version: bytes = b"", former: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._cipher = AESGCM(key)
        self._version = version
        self._opening = [(version, self._cipher), *((mark, AESGCM(other)) for mark, other in former)]

    def reseal(self, sealed: bytes, place: str | bytes) -> bytes | None:
        """Return the secret sealed with the current key, None if it is already. Raises SealBroken."""
        if self._opened_by(self._version, self._cipher, sealed, _as_bytes(place)) is not None:
            return None
        return self.seal(self.open(sealed, place), place)

    def seal(self, secret: str, place: str | bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self._version + nonce + self._cipher.encrypt(nonce, secret.encode(), _as_bytes(place))

    def open(self, sealed: bytes, place: str | bytes) -> str:
        """Raises SealBroken."""
        for version, cipher in self._opening:
            opened = self._opened_by(version, cipher, sealed, _as_bytes(place))
            if opened is not None:
                return opened
        raise SealBroken(place)

    @staticmethod
    def _opened_by(version: bytes, cipher: AESGCM, sealed: bytes, place: bytes) -> str | None:
        if not sealed.startswith(version):
            return None
        body = sealed[len(version) :]
        try:
            return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place).decode()
        except (InvalidTag, ValueError):
            return None


def _as_bytes(place: str | bytes) -> bytes:
    return place.encode() if isinstance(place, str) else place

"""Keys for single purposes, derived from the sealing keys in the settings (HKDF-SHA256)."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.sealing import Sealer
from shared.sealing_keys import SealingKeys

_KEY_BYTES = 32


def derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(key)


def sealer_for(keys: SealingKeys, purpose: bytes) -> Sealer:
    """Seals with the current key. Secrets of former keys open until all are sealed anew. The version stands first."""
    return Sealer(
        derived(keys.current.key, purpose),
        version=bytes([keys.current.version]),
        former=[(bytes([one.version]), derived(one.key, purpose)) for one in keys.former],
    )

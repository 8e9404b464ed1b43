"""SM2 signatures over SM3 (GB/T 32918, GM/T 0009): r and s of 32 bytes each, concatenated.

The curve arithmetic is gmalg's, in pure Python: to sign or to verify takes 20 to 30 ms of one core. The hash is
OpenSSL's, because gmalg's SM3 takes two seconds for a body of 1 MiB.
"""

import re
from typing import Final

from cryptography.hazmat.primitives import hashes
from gmalg.base import Hash
from gmalg.ellipticcurve import ECDLP
from gmalg.sm2 import SM2Core

# The default identity of a signer if none is agreed (GM/T 0009).
USER_ID: Final = b"1234567812345678"
SIGNATURE_BYTES: Final = 64
_P: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_A: Final = _P - 3
_B: Final = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_ORDER: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_BASE: Final = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
# SubjectPublicKeyInfo up to the point: id-ecPublicKey with the curve 1.2.156.10197.1.301.
_SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_HEX_POINT: Final = re.compile(r"(04)?[0-9A-Fa-f]{128}")

Point = tuple[int, int]


class _Sm3(Hash):
    """OpenSSL's SM3 with the interface that gmalg requires."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    @classmethod
    def max_msg_length(cls) -> int:
        return 1 << 61

    @classmethod
    def hash_length(cls) -> int:
        return 32

    def reset(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes) -> None:
        self._hash.update(bytes(data))

    def value(self) -> bytes:
        return self._hash.finalize()


def _core() -> SM2Core:
    """Make a new core for each use: it keeps the state of its hash, and checks run in threads."""
    return SM2Core(ECDLP(_P, _A, _B, _BASE, _ORDER), _Sm3())


def point_of(encoded: bytes) -> Point:
    """Decode an uncompressed point, with or without its leading 04. Raises ValueError unless it lies on the curve."""
    if len(encoded) == 65 and encoded[0] == 4:
        encoded = encoded[1:]
    if len(encoded) != 64:
        raise ValueError("an SM2 public key has 64 bytes, or 65 with the leading 04")
    x, y = int.from_bytes(encoded[:32], "big"), int.from_bytes(encoded[32:], "big")
    # The cofactor of the curve is 1: every point on it has the right order.
    if max(x, y) >= _P or (y * y - (x * x * x + _A * x + _B)) % _P != 0:
        raise ValueError("the point is not on the SM2 curve")
    return x, y


def encoded_point(point: Point) -> bytes:
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def point_of_spki(der: bytes) -> Point:
    """Raises ValueError."""
    if not der.startswith(_SPKI_PREFIX):
        raise ValueError("not an SM2 public key")
    return point_of(der[len(_SPKI_PREFIX) :])


def spki_of(point: Point) -> bytes:
    return _SPKI_PREFIX + encoded_point(point)


def point_of_hex(text: str) -> Point | None:
    """Decode 128 hex digits, or 130 with the leading 04. None for any other text. Raises ValueError off the curve."""
    return point_of(bytes.fromhex(text)) if _HEX_POINT.fullmatch(text) else None


def public_point(private: int) -> Point:
    x, y = _core().generate_pk(private)
    return x, y


def verify(point: Point, message: bytes, signature: bytes) -> bool:
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return bool(_core().verify(message, r, s, USER_ID, point))


def sign(private: int, message: bytes) -> bytes:
    r, s = _core().sign(message, private, USER_ID, public_point(private))
    return int(r).to_bytes(32, "big") + int(s).to_bytes(32, "big")


def private_of_hex(text: str) -> int:
    """Decode a private key in hex. Raises ValueError if the curve has no such key."""
    private = int(text, 16)
    if not 1 <= private <= _ORDER - 2:
        raise ValueError("not an SM2 private key")
    return private

"""Verifiers and signers for each CP1 algorithm. Services verify; clients and tests also sign.

For the asymmetric algorithms a verifier has only the public key.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from shared.auth import cp1, sm2

RSA_BITS_MIN = 2048
# Larger keys only make checks slow, and nobody in this market issues them.
RSA_BITS_MAX = 8192
_PEM_HEAD, _PEM_TAIL = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class KeyUnusable(ValueError):
    """The text is not a key of this algorithm. The message says why, in English, and quotes nothing of the key."""


class Verifier(Protocol):
    @property
    def is_slow(self) -> bool:
        """Whether one check takes milliseconds and should run in a thread."""

    def verify(self, message: bytes, signature: bytes) -> bool: ...


class HmacVerifier:
    is_slow = False

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def verify(self, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(cp1.hmac_sha256(self._secret, message), signature)


class Ed25519Verifier:
    is_slow = False

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class RsaVerifier:
    is_slow = False

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class Sm2Verifier:
    is_slow = True

    def __init__(self, point: sm2.Point) -> None:
        self._point = point

    def verify(self, message: bytes, signature: bytes) -> bool:
        return sm2.verify(self._point, message, signature)


def verifier_of(algorithm: str, key: str) -> Verifier:
    """Return a verifier. `key` is the secret or the public key (PEM; SM2 also as hex point). Raises KeyUnusable."""
    if algorithm == cp1.HMAC_SHA256:
        return HmacVerifier(key.encode())
    if algorithm == cp1.SM2_SM3:
        return Sm2Verifier(_sm2_point(key.strip()))
    try:
        public = load_pem_public_key(key.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyUnusable("not a public key in PEM (SubjectPublicKeyInfo)") from exc
    if algorithm == cp1.ED25519 and isinstance(public, Ed25519PublicKey):
        return Ed25519Verifier(public)
    if algorithm == cp1.RSA_SHA256 and isinstance(public, RSAPublicKey):
        if not RSA_BITS_MIN <= public.key_size <= RSA_BITS_MAX:
            raise KeyUnusable(f"an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, this one has {public.key_size}")
        return RsaVerifier(public)
    raise KeyUnusable(f"not a key for {algorithm}")


def _sm2_point(text: str) -> sm2.Point:
    try:
        point = sm2.point_of_hex(text)
        if point is not None:
            return point
        if not (text.startswith(_PEM_HEAD) and text.endswith(_PEM_TAIL)):
            raise KeyUnusable("an SM2 public key is PEM (SubjectPublicKeyInfo) or 130 hexadecimal digits")
        inner = "".join(text[len(_PEM_HEAD) : -len(_PEM_TAIL)].split())
        return sm2.point_of_spki(base64.b64decode(inner, validate=True))
    except (binascii.Error, ValueError) as exc:
        raise exc if isinstance(exc, KeyUnusable) else KeyUnusable(str(exc)) from exc


def signer_of(algorithm: str, key: str) -> Callable[[bytes], bytes]:
    """Return a signer for clients. `key`: the secret or private key (PEM; SM2 64 hex digits). Raises KeyUnusable."""
    if algorithm == cp1.HMAC_SHA256:
        return lambda message: cp1.hmac_sha256(key.encode(), message)
    try:
        if algorithm == cp1.SM2_SM3:
            number = sm2.private_of_hex(key.strip())
            return lambda message: sm2.sign(number, message)
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise KeyUnusable(f"not a private key for {algorithm}") from exc
    if algorithm == cp1.ED25519 and isinstance(private, Ed25519PrivateKey):
        return private.sign
    if algorithm == cp1.RSA_SHA256 and isinstance(private, RSAPrivateKey):
        return lambda message: private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    raise KeyUnusable(f"not a private key for {algorithm}")


def signed_header(
    sign: Callable[[bytes], bytes],
    *,
    algorithm: str,
    app_key: str,
    method: str,
    target: str,
    timestamp: int,
    nonce: str,
    body: bytes,
) -> str:
    """Return the Authorization header that a partner sends."""
    message = cp1.string_to_sign(method=method, target=target, timestamp=timestamp, nonce=nonce, body=body)
    return cp1.header_of(cp1.Credential(algorithm, app_key, timestamp, nonce, sign(message)))

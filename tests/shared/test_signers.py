"""The four signature algorithms: published examples, keys to refuse, and SM2 against a second library."""

import secrets

import gmssl.sm2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.auth import cp1, sm2
from shared.auth.signers import KeyUnusable, signer_of, verifier_of
from tests.sm2_keys import sm2_public_pem

MESSAGE = b"POST\n/api/v1/ingest/events\n1700000000\nnonce-of-16-chars\n" + "[武汉]".encode() + b"\n"
PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8


class SecondSm2:
    """gmssl. It signs digests, so Z and the hash are computed here with its SM3."""

    def __init__(self, private: int | None, point: sm2.Point) -> None:
        public = sm2.encoded_point(point).hex()[2:]
        self._of = gmssl.sm2.CryptSM2(private_key=f"{private or 0:064x}", public_key=public)

    def sign(self, message: bytes) -> bytes:
        return bytes.fromhex(self._of.sign_with_sm3(message))

    def verify(self, message: bytes, signature: bytes) -> bool:
        return bool(self._of.verify_with_sm3(signature.hex(), message))


@pytest.mark.parametrize("private", [PRIVATE, 1, secrets.randbits(255) + 1], ids=["fixed", "one", "random"])
def test_sm2_and_a_second_library_verify_each_others_signatures(private: int) -> None:
    point = sm2.public_point(private)
    other, ours = SecondSm2(private, point), verifier_of(cp1.SM2_SM3, sm2_public_pem(point))
    theirs, own = other.sign(MESSAGE), sm2.sign(private, MESSAGE)
    assert ours.verify(MESSAGE, theirs)
    assert other.verify(MESSAGE, own)
    assert not ours.verify(MESSAGE + b" ", theirs)
    assert not other.verify(MESSAGE + b" ", own)


def test_the_sm2_public_key_equals_that_of_the_standard() -> None:
    """GB/T 32918.5-2017, A.2."""
    assert sm2.encoded_point(sm2.public_point(PRIVATE)).hex() == (
        "04"
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )


def test_the_sm2_signature_equals_that_of_the_standard() -> None:
    """GB/T 32918.5-2017, A.2: message digest, k = 59276E27…"""
    point = sm2.public_point(PRIVATE)
    signature = bytes.fromhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )
    assert sm2.verify(point, b"message digest", signature)
    assert not sm2.verify(point, b"message digesu", signature)


def test_sm2_signatures_have_both_halves_in_full_length() -> None:
    """A small r or s keeps its leading zeros: without them the halves could not be separated."""
    point = sm2.public_point(PRIVATE)
    for signature in (b"", b"\x01" * 63, b"\x01" * 65, bytes(64), b"\xff" * 64):
        assert not sm2.verify(point, MESSAGE, signature)
    assert {len(sm2.sign(PRIVATE, MESSAGE)) for _ in range(3)} == {64}


def test_sm2_hashes_a_large_body_in_less_than_a_second() -> None:
    message = bytes(1024 * 1024)
    assert sm2.verify(sm2.public_point(PRIVATE), message, sm2.sign(PRIVATE, message))


@pytest.mark.parametrize(
    "key",
    ["", "04" + "11" * 64, "04" + "00" * 64, "ff" * 64, "02" + "11" * 32, "no key", "-----BEGIN PUBLIC KEY-----"],
)
def test_a_point_off_the_curve_is_not_a_key(key: str) -> None:
    with pytest.raises(KeyUnusable):
        verifier_of(cp1.SM2_SM3, key)


def test_an_sm2_public_key_may_be_a_point_in_hex() -> None:
    text = sm2.encoded_point(sm2.public_point(PRIVATE)).hex()
    for written in (text, text.upper(), text[2:]):
        assert verifier_of(cp1.SM2_SM3, written).verify(MESSAGE, sm2.sign(PRIVATE, MESSAGE))


def pem(key: ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_a_key_of_another_algorithm_or_too_weak_is_refused() -> None:
    ed = pem(ed25519.Ed25519PrivateKey.generate().public_key())
    weak = pem(rsa.generate_private_key(65537, 1024).public_key())
    p256 = pem(ec.generate_private_key(ec.SECP256R1()).public_key())
    for algorithm, key in (
        (cp1.RSA_SHA256, ed),
        (cp1.RSA_SHA256, weak),
        (cp1.ED25519, p256),
        (cp1.SM2_SM3, p256),
        (cp1.ED25519, "secret"),
    ):
        with pytest.raises(KeyUnusable):
            verifier_of(algorithm, key)
    with pytest.raises(KeyUnusable):
        signer_of(cp1.ED25519, "no key")


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    """Otherwise anyone could sign with an HMAC whose secret is the public key."""
    public = pem(rsa.generate_private_key(65537, 2048).public_key())
    forged = cp1.hmac_sha256(public.encode(), MESSAGE)
    assert not verifier_of(cp1.RSA_SHA256, public).verify(MESSAGE, forged)

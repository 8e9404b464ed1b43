"""The QR code that a till reads. It changes every 30 seconds. Pure.

    CIV1.<shown>.<signature>      both in base64url
    shown      voucher id (16 bytes), step (4), tag (10), end of validity in seconds (4, 0: none), id of the item
    tag        first bytes of HMAC-SHA256(secret of the voucher, "qr", step)
    signature  version of the key (1 byte), Ed25519 over `CIV1.<shown>`

The service checks the tag. A till without a line checks the signature with the public key that it got before.
A person types the printed code and the eight digits beside it, which change with the same step.
"""

import base64
import binascii
import hmac
import uuid
from dataclasses import dataclass
from typing import Final

STEP_S: Final = 30
# The present step and the one before: a code is worth something for 30 to 60 seconds.
STEPS_ACCEPTED: Final = 2
QR_CHARS_MAX: Final = 400
PIN_DIGITS: Final = 8
_PREFIX: Final = "CIV1"
_TAG_BYTES: Final = 10
_HEAD_BYTES: Final = 16 + 4 + _TAG_BYTES + 4
_SIGNATURE_BYTES: Final = 1 + 64


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What a QR code says. Nothing of it is verified."""

    voucher_id: uuid.UUID
    step: int
    tag: bytes
    valid_until_s: int
    item_id: str
    signed: bytes
    key_version: int
    signature: bytes


def step_at(second: int) -> int:
    return second // STEP_S


def is_fresh(step: int, *, at_second: int) -> bool:
    """Whether a code of this step is accepted at this time. A code of the future is not."""
    return 0 <= step_at(at_second) - step < STEPS_ACCEPTED


def tag_of(secret: bytes, step: int) -> bytes:
    return hmac.digest(secret, b"qr" + step.to_bytes(4), "sha256")[:_TAG_BYTES]


def pin_of(secret: bytes, step: int) -> str:
    """The digits that change with the QR code, for a cashier who types."""
    number = int.from_bytes(hmac.digest(secret, b"pin" + step.to_bytes(4), "sha256")[:8])
    return f"{number % 10**PIN_DIGITS:0{PIN_DIGITS}d}"


def shown_text(*, voucher_id: uuid.UUID, step: int, tag: bytes, valid_until_s: int, item_id: str) -> str:
    """The part of a QR code that is signed."""
    head = voucher_id.bytes + step.to_bytes(4) + tag + valid_until_s.to_bytes(4)
    return f"{_PREFIX}.{_encoded(head + item_id.encode())}"


def with_signature(shown: str, version: int, signature: bytes) -> str:
    return f"{shown}.{_encoded(bytes([version]) + signature)}"


def read_qr(text: str) -> ShownCode | None:
    """Return what a QR code says, None for any other text."""
    parts = text.split(".")
    if len(text) > QR_CHARS_MAX or len(parts) != 3 or parts[0] != _PREFIX:
        return None
    try:
        shown, signature = _decoded(parts[1]), _decoded(parts[2])
        item_id = shown[_HEAD_BYTES:].decode("ascii")
    except (binascii.Error, ValueError):
        return None
    if len(shown) <= _HEAD_BYTES or len(signature) != _SIGNATURE_BYTES:
        return None
    return ShownCode(
        voucher_id=uuid.UUID(bytes=shown[:16]),
        step=int.from_bytes(shown[16:20]),
        tag=shown[20 : 20 + _TAG_BYTES],
        valid_until_s=int.from_bytes(shown[20 + _TAG_BYTES : _HEAD_BYTES]),
        item_id=item_id,
        signed=f"{parts[0]}.{parts[1]}".encode(),
        key_version=signature[0],
        signature=signature[1:],
    )


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)

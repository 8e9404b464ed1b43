"""Data that WeChat encrypts for the mini-program: AES-128-CBC with PKCS#7 under the user's session key. Pure.

The cipher does not protect against changes. The owner of the phone can change its messages, so the limits of a
methodology apply to these values as to those of any phone.
"""

import base64
import binascii
import json
from typing import Any, Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import SecretStr

_KEY_BYTES: Final = 16
_BLOCK_BITS: Final = 128


class NotDecrypted(ValueError):
    """Another key, changed data, or data that is not WeChat's. It carries nothing of them."""


def decrypt(*, encrypted_data: str, iv: str, session_key: SecretStr, app_id: str) -> dict[str, Any]:
    """Return the document with its watermark, which is of this mini-program. Raises NotDecrypted."""
    try:
        key, start = _decoded(session_key.get_secret_value()), _decoded(iv)
        data = _decoded(encrypted_data)
        if len(key) != _KEY_BYTES:
            raise NotDecrypted
        cipher = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        plain = unpadder.update(cipher.update(data) + cipher.finalize()) + unpadder.finalize()
        document: Any = json.loads(plain)
    except (ValueError, RecursionError):
        raise NotDecrypted from None
    if not isinstance(document, dict):
        raise NotDecrypted
    watermark = document.get("watermark")
    if not isinstance(watermark, dict) or watermark.get("appid") != app_id:
        raise NotDecrypted
    return document


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise NotDecrypted from None

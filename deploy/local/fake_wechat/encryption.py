"""Data that WeChat encrypts for the mini-program: AES-128-CBC under the user's session key."""

import base64
import json
import os
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BITS = 128


def encrypted(document: dict[str, Any], session_key: str) -> dict[str, str]:
    """Return `encryptedData` and `iv` as `wx.getWeRunData` gives them."""
    iv = os.urandom(16)
    padder = padding.PKCS7(BLOCK_BITS).padder()
    plain = padder.update(json.dumps(document, separators=(",", ":")).encode()) + padder.finalize()
    cipher = Cipher(algorithms.AES(base64.b64decode(session_key)), modes.CBC(iv)).encryptor()
    data = cipher.update(plain) + cipher.finalize()
    return {"encrypted_data": base64.b64encode(data).decode(), "iv": base64.b64encode(iv).decode()}

"""The partner signature `CP1`, similar to WeChat Pay v3: method, target, time, nonce and raw body, one per line.

Authorization: CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…",signature="<base64>"
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HMAC_SHA256, ED25519, RSA_SHA256, SM2_SM3 = "CP1-HMAC-SHA256", "CP1-ED25519", "CP1-RSA-SHA256", "CP1-SM2-SM3"
ALGORITHMS = (HMAC_SHA256, ED25519, RSA_SHA256, SM2_SM3)
WINDOW_S = 300
_HEADER_CHARS_MAX = 2048
_PARAMETER = re.compile(r'([A-Za-z_]+)[ \t]*=[ \t]*"([^"]*)"')
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, slots=True)
class Credential:
    """The parsed header, not yet verified."""

    algorithm: str
    app_key: str
    timestamp: int
    nonce: str
    signature: bytes


def target_of(scope: Mapping[str, Any]) -> str:
    """Return path and query of an ASGI request exactly as sent, which is what the partner signed.

    Decoded as latin-1, which accepts every byte: an unexpected byte makes the signature fail, not the request crash.
    """
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (raw_path + b"?" + query if query else raw_path).decode("latin-1")


def string_to_sign(*, method: str, target: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    """Return the signed bytes. `target` is the path and, if there is one, `?query`, exactly as sent."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def parse_authorization(header: str) -> Credential | None:
    """Return the credential in an Authorization header, or None if it is not a well-formed CP1 header.

    The scheme and the names of its parameters may be written in any case (RFC 9110, 11.1 and 11.2).
    """
    if len(header) > _HEADER_CHARS_MAX or not is_cp1(header):
        return None
    scheme, _, rest = header.partition(" ")
    algorithm = scheme.upper()
    pairs = parameters_of(rest)
    values = dict(pairs)
    if len(pairs) != len(values) or set(values) != {"app_key", "timestamp", "nonce", "signature"}:
        return None
    if not (values["timestamp"].isdecimal() and values["timestamp"].isascii() and len(values["timestamp"]) <= 12):
        return None
    if not _NONCE.fullmatch(values["nonce"]):
        return None
    try:
        signature = base64.b64decode(values["signature"], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Credential(algorithm, values["app_key"], int(values["timestamp"]), values["nonce"], signature)


def is_cp1(header: str) -> bool:
    """Whether the scheme of an Authorization header is one of CP1, in any case."""
    return header[:4].upper() == "CP1-"


def parameters_of(text: str) -> list[tuple[str, str]]:
    """The parameters of a header after its scheme, with their names in lower case. Other text is skipped."""
    return [(name.lower(), value) for name, value in _PARAMETER.findall(text)]


def hmac_sha256(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, "sha256")


def authorization(
    *, app_key: str, secret: str, method: str, target: str, timestamp: int, nonce: str, body: bytes
) -> str:
    """Return the header of a partner with an HMAC key. For clients, tools and tests."""
    message = string_to_sign(method=method, target=target, timestamp=timestamp, nonce=nonce, body=body)
    return header_of(Credential(HMAC_SHA256, app_key, timestamp, nonce, hmac_sha256(secret.encode(), message)))


def header_of(credential: Credential) -> str:
    """Return the Authorization header, for any algorithm."""
    signature = base64.b64encode(credential.signature).decode()
    return (
        f'{credential.algorithm} app_key="{credential.app_key}",timestamp="{credential.timestamp}"'
        f',nonce="{credential.nonce}",signature="{signature}"'
    )

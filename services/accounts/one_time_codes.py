"""One-time codes that a citizen shows as a QR code: drawing, digest and picture.

A room stores only the SHA-256 of its codes. The room decides how long a code lives and when it is used up.
"""

import hashlib
import io
import secrets
from dataclasses import dataclass
from datetime import datetime

import segno

# 144 random bits in 24 characters. With a prefix of four the code fits a mini-program's scene (32 characters).
_RANDOM_BYTES = 18


@dataclass(frozen=True, slots=True)
class ShownCode:
    """A code as its owner sees it. `qr_svg` is a complete SVG document."""

    token: str
    expires_at: datetime
    qr_svg: str


def draw_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_token(token: str) -> bytes:
    """SHA-256. A slow hash is not needed: 144 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()


def show_code(token: str, expires_at: datetime) -> ShownCode:
    return ShownCode(token, expires_at, paint_code(token))


def paint_code(token: str) -> str:
    """Return the QR code of a token as a complete SVG document."""
    picture = io.BytesIO()
    segno.make(token, error="m", micro=False).save(picture, kind="svg", scale=8, border=4, xmldecl=False, svgns=True)
    return picture.getvalue().decode()

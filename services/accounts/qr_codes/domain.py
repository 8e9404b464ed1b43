"""What the code of a person carries. Pure."""

import base64
import hashlib
import re
import uuid
from typing import Final

# What WeChat takes: at most 32 of these.
SCENE: Final = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
# A path inside the mini-program: no leading slash, no query.
PAGE: Final = r"^[A-Za-z0-9_-]{1,40}(/[A-Za-z0-9_-]{1,40}){0,5}$"
PAGE_CHARS_MAX: Final = 128


def scene_of(user_id: uuid.UUID) -> str:
    """Return the scene of a person's code: `i=` and 22 characters that do not lead back to the person.

    Everybody who scans the code sees the scene. It is always the same, so the image can be cached.
    """
    digest = hashlib.sha256(b"qr\x00" + user_id.bytes).digest()[:16]
    return "i=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")

"""What a picture may be: its types by their first bytes, its size. Pure. Nothing is ever decoded."""

from typing import Final, Literal

MediaType = Literal["image/png", "image/jpeg", "image/webp"]
PICTURE_BYTES_MAX: Final = 1024 * 1024
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
PICTURES_PATH: Final = "/api/v1/rewards/pictures"


def media_type_of(content: bytes) -> MediaType | None:
    """Return the type by the first bytes, or None for anything else, such as SVG, which may hold scripts."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"RIFF") and content[8:15] == b"WEBPVP8":
        return "image/webp"
    return None


def path_of(sha256: str) -> str:
    """Return the path under which a picture is served."""
    return f"{PICTURES_PATH}/{sha256}"

"""What a document may be: its types by their first bytes, its size, its pieces. Pure. Nothing is ever opened."""

from collections.abc import Iterator
from typing import Final, Literal

DocumentKind = Literal["business_licence", "authorisation_letter", "other"]
MediaType = Literal["application/pdf", "image/jpeg", "image/png"]
KIB, MIB = 1024, 1024 * 1024
# Of all documents of an application together, and therefore of one.
DOCUMENTS_BYTES_MAX: Final = 5 * MIB
DOCUMENTS_MAX: Final = 10
PIECE_BYTES: Final = 256 * KIB
_MAGIC: Final[tuple[tuple[bytes, MediaType], ...]] = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)


def media_type_of(content: bytes) -> MediaType | None:
    """Return the type by the first bytes, or None for anything else, such as an archive or a page with scripts."""
    return next((media_type for magic, media_type in _MAGIC if content.startswith(magic)), None)


def pieces_of(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]

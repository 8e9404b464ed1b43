"""Rules on imported files: their bounds, how far one is, and the receipts its blocks get."""

import hashlib
import uuid
from typing import Final, Literal

Mode = Literal["import", "reconcile"]
FileFormat = Literal["csv", "ndjson"]
Compression = Literal["identity", "gzip"]
Status = Literal["uploading", "queued", "running", "done", "failed"]

# What is signed at once is held in memory whole, also by the partner; 4 MiB pass a poor line within a minute.
PART_BYTES: Final = 4 * 1024 * 1024
# Three million trips as plain CSV; a city's busiest partner has fewer in a day.
FILE_BYTES_MAX: Final = 512 * 1024 * 1024
PARTS_MAX: Final = FILE_BYTES_MAX // PART_BYTES
# A gzip bomb ends here; it costs time and never memory, because lines are read as they come out.
UNPACKED_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
LINES_MAX: Final = 10_000_000
LINE_BYTES_MAX: Final = 16 * 1024
# All partners' files that wait together: the disk of the smallest machine this runs on has room for it.
SPOOL_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
OPEN_PER_PARTNER_MAX: Final = 4
# The size of a request's batch, so that whatever follows meets nothing new.
BLOCK_LINES: Final = 500
# Beyond it a file is wrong altogether; the rest is only counted.
LINE_ERRORS_KEPT: Final = 10_000

_BLOCK_BITS: Final = 20
_HIGH_BITS: Final = 62 - _BLOCK_BITS


def parts_of(size_bytes: int, part_bytes: int) -> int:
    return -(-size_bytes // part_bytes)


def part_size(part_no: int, size_bytes: int, part_bytes: int) -> int:
    """The exact size of a part; 0 for a number beyond the last."""
    return max(min(part_bytes, size_bytes - part_no * part_bytes), 0)


def percent(done: int, total: int) -> int:
    """Whole percent, rounded down: 100 only when all is done."""
    return done * 100 // total if total else 100


def receipt_of_block(import_id: uuid.UUID, block: int) -> uuid.UUID:
    """The receipt of one block: a UUIDv7 of the import's own time, the same whoever reads the block and how often.

    All blocks of one import lie next to each other: its events are one range of the archive's key.
    """
    digest = int.from_bytes(hashlib.sha256(import_id.bytes).digest()[:8])
    middle, high = digest >> 52, digest & ((1 << _HIGH_BITS) - 1)
    low = high << _BLOCK_BITS | block
    return uuid.UUID(int=(import_id.int >> 80) << 80 | 7 << 76 | middle << 64 | 2 << 62 | low)


def receipts_of(import_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """The first and the last receipt an import can have."""
    return receipt_of_block(import_id, 0), receipt_of_block(import_id, (1 << _BLOCK_BITS) - 1)

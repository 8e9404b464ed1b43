"""Rules of imported files: their bounds, their progress, and the receipt ids of their blocks."""

import hashlib
import uuid
from typing import Final, Literal

Mode = Literal["import", "reconcile"]
FileFormat = Literal["csv", "ndjson"]
Compression = Literal["identity", "gzip"]
Status = Literal["uploading", "queued", "running", "done", "failed"]

# A signed part is held in memory as a whole, also by the partner. 4 MiB take less than a minute on a poor line.
PART_BYTES: Final = 4 * 1024 * 1024
# Three million trips as plain CSV; a city's busiest partner has fewer in a day.
FILE_BYTES_MAX: Final = 512 * 1024 * 1024
PARTS_MAX: Final = FILE_BYTES_MAX // PART_BYTES
# A gzip bomb ends here. It costs time and never memory, because lines are read while decompressing.
UNPACKED_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
LINES_MAX: Final = 10_000_000
LINE_BYTES_MAX: Final = 16 * 1024
# All waiting files of all partners together. The disk of the smallest supported machine has room for them.
SPOOL_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
OPEN_PER_PARTNER_MAX: Final = 4
# The size of a request's batch, so that consumers see nothing larger.
BLOCK_LINES: Final = 500
# A file with more errors is wrong as a whole. Further ones are only counted.
LINE_ERRORS_KEPT: Final = 10_000

_BLOCK_BITS: Final = 20
_HIGH_BITS: Final = 62 - _BLOCK_BITS


def parts_of(size_bytes: int, part_bytes: int) -> int:
    return -(-size_bytes // part_bytes)


def part_size(part_no: int, size_bytes: int, part_bytes: int) -> int:
    """The exact size of a part. 0 for a number after the last part."""
    return max(min(part_bytes, size_bytes - part_no * part_bytes), 0)


def percent(done: int, total: int) -> int:
    """Whole percent, rounded down, so that 100 means complete."""
    return done * 100 // total if total else 100


def receipt_of_block(import_id: uuid.UUID, block: int) -> uuid.UUID:
    """The receipt id of one block: a UUIDv7 with the time of the import. It depends only on its arguments.

    The ids of all blocks of an import are adjacent, so its events are one range of the archive's key.
    """
    digest = int.from_bytes(hashlib.sha256(import_id.bytes).digest()[:8])
    middle, high = digest >> 52, digest & ((1 << _HIGH_BITS) - 1)
    low = high << _BLOCK_BITS | block
    return uuid.UUID(int=(import_id.int >> 80) << 80 | 7 << 76 | middle << 64 | 2 << 62 | low)


def receipts_of(import_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """The first and the last receipt an import can have."""
    return receipt_of_block(import_id, 0), receipt_of_block(import_id, (1 << _BLOCK_BITS) - 1)

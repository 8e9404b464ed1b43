"""The copy of the digests in a file outside the database: one JSON object a line, only ever appended."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.contracts.digests_v1 import DaySealed

_decode = msgspec.json.Decoder(DaySealed).decode


def read_lines(path: Path) -> list[DaySealed]:
    """Return all digests of the file, in its order. Raises msgspec.DecodeError for a damaged line."""
    if not path.exists():
        return []
    return [_decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def append_missing(path: Path, digests: Sequence[DaySealed]) -> int:
    """Append the digests that the file does not have, and flush them to the disk. Return their number.

    A lock of the file admits one worker at a time. Lines that are there stay as they are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = {(line.chain, line.day) for line in read_lines(path)}
        missing = [digest for digest in digests if (digest.chain, digest.day) not in known]
        for digest in missing:
            file.write(msgspec.json.encode(digest) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return len(missing)

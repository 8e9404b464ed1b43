"""The copy of the digests in a file outside the database: one JSON object a line, only ever appended."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.contracts.digests_v1 import DaySealed

_decode = msgspec.json.Decoder(DaySealed).decode


def read_lines(path: Path) -> tuple[list[DaySealed], int]:
    """Return all digests of the file, in its order, and the number of damaged lines.

    A crash in an append leaves the beginning of a line. The next append writes the line whole, so this is no damage.
    """
    if not path.exists():
        return [], 0
    digests: list[DaySealed] = []
    whole: list[bytes] = []
    unreadable: list[bytes] = []
    for line in path.read_bytes().splitlines():
        if not line.strip():
            continue
        try:
            digests.append(_decode(line))
        except msgspec.MsgspecError:
            unreadable.append(line)
        else:
            whole.append(line)
    return digests, sum(not any(line.startswith(part) for line in whole) for part in unreadable)


def append_missing(path: Path, digests: Sequence[DaySealed]) -> int:
    """Append the digests that the file does not have, and flush them to the disk. Return their number.

    A lock of the file admits one worker at a time. Lines that are there stay as they are. A last line without its end
    gets one, so that the next line is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = {(line.chain, line.day) for line in read_lines(path)[0]}
        missing = [digest for digest in digests if (digest.chain, digest.day) not in known]
        content = path.read_bytes()
        if missing and content and not content.endswith(b"\n"):
            file.write(b"\n")
        for digest in missing:
            file.write(msgspec.json.encode(digest) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return len(missing)

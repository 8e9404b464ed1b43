"""Reading a file of codes. Pure."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FILE_BYTES_MAX: Final = 1024 * 1024
CODES_MAX: Final = 20_000
REPORTED_LINES_MAX: Final = 1_000
# Below a tenth of the loaded pieces an operator should ask for more codes: merchants need days to send them.
LOW_STOCK_DIVISOR: Final = 10
_HEADS: Final = frozenset({"code", "券码", "兑换码", "卡号"})
_CODE: Final = re.compile(r"[\x21-\x7e]{4,64}")
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


class LineState(StrEnum):
    ADDED = "added"
    KNOWN = "known"  # the pool has it: the file was imported before
    REPEATED = "repeated"  # stands in an earlier line of the file
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file. `code` is None for a refused one."""

    number: int
    code: str | None


def is_low(*, available: int, loaded: int) -> bool:
    return available * LOW_STOCK_DIVISOR < loaded


def decoded(content: bytes) -> str | None:
    """Return the text of a file in UTF-8 or GB18030, None for anything else."""
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def read_lines(text: str) -> list[Line] | None:
    """Return the lines of the first column that is headed as codes. None if there is no such column.

    Spaces around a code do not count, and full-width characters are taken for the plain ones. Empty lines are skipped.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    head = next(reader, [])
    names = [_plain(cell).lower() for cell in head]
    place = next((number for number, name in enumerate(names) if name in _HEADS), None)
    if place is None:
        return None
    lines = []
    for cells in reader:
        if not any(_plain(cell) for cell in cells):
            continue
        code = _plain(cells[place]) if place < len(cells) else ""
        lines.append(Line(reader.line_num, code if _CODE.fullmatch(code) else None))
    return lines


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()

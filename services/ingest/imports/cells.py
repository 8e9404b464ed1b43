"""Values as spreadsheets write them: times without an offset, and numbers that lost their digits."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONE_CHARS_MAX: Final = 64
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}")
# 2026/11/27 8:05, 2026-11-27 08:05:30, 2026年11月27日 8:05
_NAIVE: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?"
)
_EPOCH_MS: Final = re.compile(r"\d{13}")
# A spreadsheet leaves 1.23457E+17 of eighteen digits, a data frame 1001.0 of a number whose column has gaps. ="0012" is
# a formula for a text, #N/A a look-up that failed.
_MANGLED: Final = re.compile(
    r"[+-]?\d(?:[.,]\d+)?[eE][+-]?\d{2,3}|\d+\.0|=\".*\"?|#(?:N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!)|#{3,}",
)


def zone_of(name: str) -> ZoneInfo | None:
    """The zone with this name of the tz database."""
    if len(name) > ZONE_CHARS_MAX or not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_mangled(cell: str) -> bool:
    """Whether the program that exported the file rewrote a name, so that two of them may have become one."""
    return _MANGLED.fullmatch(cell) is not None


def time_of(cell: str, zone: ZoneInfo | None) -> str | int:
    """The time as an event has it. A cell that is none of the known forms is left for the decoder to reject."""
    if _EPOCH_MS.fullmatch(cell):
        return int(cell)
    found = _NAIVE.fullmatch(cell) if zone is not None else None
    if found is None:
        return cell
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return cell
    # A clock that is set forward skips such a time, and one that is set back shows it twice.
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return cell
    return local.isoformat()

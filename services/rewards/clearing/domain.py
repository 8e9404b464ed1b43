"""The days of the settlement, and how its texts are broken into lines. Pure."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Final

from shared.instants import CITY_ZONE

# A redemption can be undone for ten minutes, so a day may change until ten past midnight.
CLOSES_AFTER: Final = timedelta(minutes=15)
# A line of Chinese begins with no closing mark and ends with no opening one. A word of Latin letters stays whole.
_UNBROKEN: Final = re.compile(r"[（《“【]*(?:[!-~]+ *|.)[，。、；：！？）》”】]*", re.DOTALL)


def local_day(instant: datetime) -> date:
    return instant.astimezone(CITY_ZONE).date()


def last_closable_day(instant: datetime) -> date:
    """Return the newest day that is over for good."""
    return local_day(instant - CLOSES_AFTER) - timedelta(days=1)


def closes_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), CITY_ZONE) + CLOSES_AFTER


def broken_lines(text: str, *, fits: Callable[[str], bool]) -> list[str]:
    """Break a text where a typesetter would. A word that is wider than a line stays whole."""
    lines, line = [], ""
    for part in _UNBROKEN.findall(text):
        if line and not fits((line + part).rstrip()):
            lines.append(line.rstrip())
            line = ""
        line += part
    return [*lines, line.rstrip()]

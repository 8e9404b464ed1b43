"""Which days of `wx.getWeRunData` are reported. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

# WeChat gives the last thirty days and today.
LISTED_MAX: Final = 62
DAYS_MAX: Final = 31
# More than anybody walks. What is still implausible below it is judged by the methodology.
STEPS_MAX: Final = 1_000_000
# The phone sends what it has just read.
WATERMARK_AGE_MAX: Final = timedelta(minutes=10)
WATERMARK_AHEAD_MAX: Final = timedelta(minutes=5)


class StepsUnreadable(ValueError):
    """The decrypted document is not what WeChat documents, or it is old."""


def steps_by_day(document: Mapping[str, Any], *, now: datetime, time_zone: str) -> dict[date, int]:
    """Return the steps of each local day in a decrypted document, also of today. Raises StepsUnreadable.

    If a day is listed twice, the larger number counts.
    """
    made_at = _instant(document["watermark"].get("timestamp"))
    if not now - WATERMARK_AGE_MAX <= made_at <= now + WATERMARK_AHEAD_MAX:
        raise StepsUnreadable
    listed = document.get("stepInfoList")
    if not isinstance(listed, list) or len(listed) > LISTED_MAX:
        raise StepsUnreadable
    zone = ZoneInfo(time_zone)
    found: dict[date, int] = {}
    for one in listed:
        steps = one.get("step") if isinstance(one, dict) else None
        if type(steps) is not int or not 0 <= steps <= STEPS_MAX:
            raise StepsUnreadable
        day = _instant(one.get("timestamp")).astimezone(zone).date()
        found[day] = max(found.get(day, 0), steps)
    return found


def days_to_report(
    by_day: Mapping[date, int], *, now: datetime, since: datetime, reported_through: date | None, time_zone: str
) -> dict[date, int]:
    """Return the days that are over, began at or after `since`, and were not reported before. Idle days are left out.

    `since` is when the citizen allowed it: a day that had begun before is not read.
    """
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS_MAX - 1)
    return {
        day: steps
        for day, steps in sorted(by_day.items())
        if steps > 0
        and first <= day < today
        and (reported_through is None or day > reported_through)
        and datetime.combine(day, time.min, zone) >= since
    }


def _instant(seconds: object) -> datetime:
    if type(seconds) is not int or not 0 <= seconds < 2**32:
        raise StepsUnreadable
    return datetime.fromtimestamp(seconds, UTC)

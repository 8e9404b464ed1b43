"""Fills sentences with values, each as the reader's language writes it. Pure.

A time becomes 2026年12月27日 12:52 in the programme's time zone. A list is joined, and a `Text` is picked. Amounts
come as a `Text` of `shared.amounts`. A sentence never holds an ISO time or a unit of its own choice.
"""

from collections.abc import Mapping
from datetime import date, datetime

from shared.instants import CITY_ZONE
from shared.language import Language, Text

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def spoken(value: object, language: Language) -> str:
    """Return a value as it stands in a sentence.

    >>> spoken(date(2026, 12, 27), "zh"), spoken(date(2026, 12, 27), "en"), spoken(["a", "b"], "zh")
    ('2026年12月27日', '27 December 2026', 'a、b')
    """
    if isinstance(value, Text):
        return value.pick(language)
    if isinstance(value, datetime):
        local = value.astimezone(CITY_ZONE)
        clock = f"{local.hour:02d}:{local.minute:02d}"
        return _day(local, language) + (f" {clock}" if language == "zh" else f", {clock}")
    if isinstance(value, date):
        return _day(value, language)
    if isinstance(value, list | tuple):
        return ("、" if language == "zh" else ", ").join(spoken(one, language) for one in value)
    return str(value)


def _day(day: date, language: Language) -> str:
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def fill(text: Text, language: Language, values: Mapping[str, object]) -> str:
    """Return the text in one language. Raises KeyError if a name in it has no value."""
    template = text.pick(language)
    if "{" not in template:
        return template
    return template.format_map({name: spoken(value, language) for name, value in values.items()})


def filled(text: Text, **values: object) -> Text:
    """Return the text filled in both languages."""
    return Text(fill(text, "zh", values), fill(text, "en", values))


def span(seconds: int) -> Text:
    """Return a length of time in its largest whole unit: 3600 -> 1 小时."""
    for size, zh, en in ((86_400, "天", "day"), (3600, "小时", "hour"), (60, "分钟", "minute")):
        count, rest = divmod(seconds, size)
        if count and not rest:
            return Text(f"{count} {zh}", f"{count} {en}{'' if count == 1 else 's'}")
    return Text(f"{seconds} 秒", f"{seconds} second{'' if seconds == 1 else 's'}")

"""Values of subscribe messages, within the limits of WeChat. Pure.

WeChat refuses a message as a whole if one value breaks the rule of its kind. A value of a free text is shortened. Any
other value that breaks its rule is a fault of the caller and is refused before anything is stored.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal

from services.accounts.messages.templates import TEMPLATES, Form, MessageKind, kind_of_keyword
from shared.amounts import display
from shared.wording import spoken

ValueKind = Literal[
    "thing", "number", "letter", "symbol", "character_string", "time", "date", "amount", "phone_number", "car_number",
    "name", "phrase",
]  # fmt: skip
Value = str | int | date | datetime

ELLIPSIS: Final = "…"
_THING_CHARS: Final = 20
_NAME_HAN: Final = 10
_NAME_LETTERS: Final = 20
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
_HAN_ANY: Final = re.compile(f"[{_HAN}]")
_DAY: Final = r"[0-9]{4}年(?:1[0-2]|[1-9])月(?:3[01]|[12][0-9]|[1-9])日"
_CLOCK: Final = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
# The whole value of each kind that is never shortened.
_RULES: Final[dict[str, re.Pattern[str]]] = {
    "number": re.compile(r"(?=.{1,32}$)[0-9]+(?:\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "character_string": re.compile(r"[\x21-\x7e]{1,32}"),
    "time": re.compile(f"(?:{_DAY} )?{_CLOCK}(?:~(?:{_DAY} )?{_CLOCK})?"),
    "date": re.compile(f"{_DAY}(?:~{_DAY})?"),
    "amount": re.compile(r"(?=[^0-9]?[0-9.]{1,11}元?$)[¥￥$€]?[0-9]{1,10}(?:\.[0-9]{1,2})?元?"),
    "phone_number": re.compile(r"[0-9+-]{1,17}"),
    "car_number": re.compile(f"[{_HAN}]?[A-Z0-9]{{1,7}}[{_HAN}]?"),
    "phrase": re.compile(f"[{_HAN}]{{1,5}}"),
}


class UnfitValue(ValueError):
    """A value that WeChat would refuse. It names kind and place, never the value."""


def fit(kind: str, text: str) -> str:
    """Return the text as a value of this kind. Free texts are shortened. Raises UnfitValue.

    >>> fit("thing", "今天乘坐地铁和公交共计五次并自备购物袋一次")
    '今天乘坐地铁和公交共计五次并自备购物袋…'
    """
    if kind == "thing":
        return _shortened(text, _THING_CHARS)
    if kind == "name":
        plain = _plain(text)
        return _shortened(plain, _NAME_HAN if _HAN_ANY.search(plain) else _NAME_LETTERS)
    rule = _RULES.get(kind)
    if rule is None or not rule.fullmatch(text):
        raise UnfitValue(kind)
    return text


def _plain(text: str) -> str:
    """The text on one line, without invisible characters."""
    shown = (" " if char.isspace() else char for char in text)
    return " ".join("".join(char for char in shown if char.isprintable()).split())


def _size(char: str) -> int:
    """Characters as a phone counts them: one outside the basic plane, as most emoji are, counts twice."""
    return 1 if ord(char) < 0x10000 else 2


def _shortened(text: str, chars_max: int) -> str:
    plain = _plain(text)
    if not plain:
        raise UnfitValue("empty")
    if sum(map(_size, plain)) <= chars_max:
        return plain
    kept, room = [], chars_max - 1
    for char in plain:
        room -= _size(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS


def written(form: Form, value: Value) -> str:
    """Return a value as text. Raises UnfitValue for a value of another type."""
    match form, value:
        case "grams", int():
            return display(value)
        case "number", int() if value >= 0:
            return str(value)
        case "time", datetime() if value.tzinfo is not None:
            return spoken(value, "zh")
        case "day", date() if not isinstance(value, datetime):
            return spoken(value, "zh")
        case "text", str():
            return value
    raise UnfitValue(form)


def rendered(kind: MessageKind, values: Mapping[str, Value]) -> dict[str, str]:
    """Return the texts of a message by the names of its fields, each within its limit.

    Raises UnfitValue: a value is missing, unknown, of a wrong type, or breaks its rule.
    """
    template = TEMPLATES[kind]
    wanted = {field.name for field in template.fields if field.fixed is None}
    if values.keys() != wanted:
        raise UnfitValue(f"{kind}: {sorted(values.keys() ^ wanted)}")
    found = {}
    for field in template.fields:
        text = written(field.form, values[field.name]) if field.fixed is None else field.fixed
        try:
            found[field.name] = fit(kind_of_keyword(field.keyword), text)
        except UnfitValue as exc:
            raise UnfitValue(f"{kind}.{field.name}: {exc}") from None
    return found

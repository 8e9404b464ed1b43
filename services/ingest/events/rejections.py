"""Why one event of a batch is rejected: stable codes, each with a sentence in two languages for developers."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, get_args

import msgspec

from services.ingest import event_types
from services.ingest.events import event_shapes as shapes
from shared.language import Language, Text

MALFORMED_EVENT: Final = "MALFORMED_EVENT"
INVALID_TEXT: Final = "INVALID_TEXT"
MISSING_FIELD: Final = "MISSING_FIELD"
UNKNOWN_FIELD: Final = "UNKNOWN_FIELD"
INVALID_TYPE: Final = "INVALID_TYPE"
INVALID_VALUE: Final = "INVALID_VALUE"
INVALID_TIME: Final = "INVALID_TIME"
INVALID_TIME_ORDER: Final = "INVALID_TIME_ORDER"
INVALID_ACCOUNT_REF: Final = "INVALID_ACCOUNT_REF"
UNKNOWN_EVENT_TYPE: Final = "UNKNOWN_EVENT_TYPE"
EVENT_TYPE_NOT_ALLOWED: Final = "EVENT_TYPE_NOT_ALLOWED"
SOURCE_MISMATCH: Final = "SOURCE_MISMATCH"
CITY_NOT_ALLOWED: Final = "CITY_NOT_ALLOWED"
AMBIGUOUS_CORRECTION: Final = "AMBIGUOUS_CORRECTION"
DUPLICATE_KEY: Final = "DUPLICATE_KEY"
DATA_BASE64: Final = "DATA_BASE64"
DATA_TWICE: Final = "DATA_TWICE"


SENTENCES: Final[Mapping[str, Text]] = {
    MALFORMED_EVENT: Text("不是一个 CloudEvents 1.0 对象。", "Not a CloudEvents 1.0 object."),
    INVALID_TEXT: Text("文字不是有效的 UTF-8。", "A text is not valid UTF-8."),
    MISSING_FIELD: Text("缺少必填字段。", "A required field is missing."),
    UNKNOWN_FIELD: Text(
        "data 中有未定义的字段（沙箱环境严格校验）。", "A field of data is not defined (the sandbox is strict)."
    ),
    INVALID_TYPE: Text("字段类型不正确。", "The field has the wrong type."),
    INVALID_VALUE: Text("字段取值不符合要求。", "The field's value is not allowed."),
    INVALID_TIME: Text(
        "时间须为带时区偏移的 RFC 3339，如 2026-11-23T08:30:00+08:00。",
        "Times are RFC 3339 with an offset, such as 2026-11-23T08:30:00+08:00.",
    ),
    DUPLICATE_KEY: Text("同一字段出现了两次，请只保留一个。", "A key occurs twice in one object. Keep one of them."),
    DATA_BASE64: Text(
        "data_base64 用于二进制数据；请把内容作为 JSON 对象放进 data。",
        "data_base64 is for binary data. Send the content as a JSON object in data.",
    ),
    DATA_TWICE: Text("data 与 data_base64 不能同时出现。", "An event has data or data_base64, not both."),
    INVALID_TIME_ORDER: Text("结束时间早于开始时间。", "The end lies before the start."),
    INVALID_ACCOUNT_REF: Text(
        "account_ref.value 与其 type 不符：phone_hash 须为 64 位十六进制。",
        "account_ref.value does not fit its type: a phone_hash has 64 hexadecimal digits.",
    ),
    UNKNOWN_EVENT_TYPE: Text("没有这种事件类型。", "There is no such event type."),
    EVENT_TYPE_NOT_ALLOWED: Text(
        "贵方未登记这种事件类型。", "This event type is not registered for your organisation."
    ),
    SOURCE_MISMATCH: Text("source 与登记的不一致。", "The source is not the registered one."),
    CITY_NOT_ALLOWED: Text("贵方未登记这个城市。", "This city is not registered for your organisation."),
    AMBIGUOUS_CORRECTION: Text(
        "更正内容须且只能是一种事件的 data。", "A correction carries the data of exactly one kind of event."
    ),
}

# Hints about the mistakes that most integrations make first.
_UNITS: Final[Mapping[str, Text]] = {
    "distance": Text("须为整数，单位米。", "An integer, in metres."),
    "duration": Text("须为整数，单位秒。", "An integer, in seconds."),
    "weight_g": Text("须为整数，单位克。", "An integer, in grams."),
    "energy_wh": Text("须为整数，单位瓦时。", "An integer, in watt-hours."),
    "baseline_wh": Text("须为整数，单位瓦时。", "An integer, in watt-hours."),
    "count": Text("须为整数。", "An integer."),
    "passenger_count": Text("须为整数。", "An integer."),
    "city_code": Text("须为 6 位行政区划代码。", "A six-digit GB/T 2260 code."),
    "id": Text("须为 1–128 个字符，不含控制字符。", "1 to 128 characters, no control characters."),
    "material": Text("须为小写字母开头的小写字母、数字和下划线。", "Lower-case letters, digits and underscores."),
    "data": Text("须为 JSON 对象，不是文字、数组或 null。", "A JSON object, not a text, an array or null."),
    "datacontenttype": Text("须为 JSON 类型，如 application/json。", "A JSON media type such as application/json."),
}
_EPOCH_MS: Final = Text("也可为毫秒时间戳（13 位整数）。", "Milliseconds since 1970 (13 digits) are accepted too.")


def _one_of(allowed: Any, zh: str = "", en: str = "") -> Text:
    names = [str(name) for name in get_args(allowed)]
    return Text(f"可取 {'、'.join(names)}。{zh}", f"One of {', '.join(names)}.{en}")


# What a field with a closed set of values may be, by the end of its path.
_ALLOWED: Final[Mapping[str, Text]] = {
    "specversion": Text('须为 "1.0"。', 'It is "1.0".'),
    "vehicle_type": _one_of(
        shapes.VehicleType,
        "乘车事件（transit.ridden）只取 metro、bus。",
        " For transit.ridden: metro or bus.",
    ),
    "propulsion_type": _one_of(shapes.PropulsionType),
    "trip_type": _one_of(shapes.TripType),
    "coordinate_system": _one_of(shapes.CoordinateSystem),
    "account_ref.type": _one_of(shapes.AccountRefType),
}
_TYPES: Final = Text(
    f"可取 {'、'.join((*event_types.REPORTS, *event_types.REVISIONS))}。",
    f"One of {', '.join((*event_types.REPORTS, *event_types.REVISIONS))}.",
)
_TIME_FIELDS: Final = frozenset(
    {"time", "start_time", "end_time", "boarded_at", "alighted_at", "occurred_at", "period_start", "period_end"}
)

_FIELD_CHARS_MAX = 100
_NOT_PRINTED = re.compile(r"[^A-Za-z0-9_.\[\]-]")
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`", re.DOTALL)
_WRONG_TYPE = re.compile(r"^Expected `[^`]*`, got `")


class Rejection(NamedTuple):
    code: str
    field: str | None


class EventRejected(Exception):
    """One event is rejected. The rest of its batch is not affected."""

    def __init__(self, code: str, field: str | None = None) -> None:
        self.code = code
        self.field = _NOT_PRINTED.sub("?", field[:_FIELD_CHARS_MAX]) if field else None
        super().__init__(code)


def rejection_of(error: Exception, prefix: str) -> EventRejected:
    """Translate a decoder's error. `prefix` is the path of the decoded value, such as `data`.

    Reads the decoder's message, which names the place. Of the input only field names are passed on.
    """
    if isinstance(error, UnicodeDecodeError):
        return EventRejected(INVALID_TEXT, prefix or None)
    if not isinstance(error, msgspec.ValidationError):
        return EventRejected(MALFORMED_EVENT, prefix or None)
    text = str(error)
    at = _PATH.search(text)
    path = _joined(prefix, at["path"] if at else "")
    missing, unknown = _MISSING.search(text), _UNKNOWN.search(text)
    if missing:
        return EventRejected(MISSING_FIELD, _joined(path, missing["name"]))
    if unknown:
        return EventRejected(UNKNOWN_FIELD, _joined(path, unknown["name"]))
    if not path:
        return EventRejected(MALFORMED_EVENT)
    if path.rpartition(".")[2] in _TIME_FIELDS:
        return EventRejected(INVALID_TIME, path)
    return EventRejected(INVALID_TYPE if _WRONG_TYPE.search(text) else INVALID_VALUE, path)


def _joined(prefix: str, path: str) -> str:
    return ".".join(part for part in (prefix, path.lstrip(".")) if part)


def message_of(code: str, field: str | None, language: Language) -> str:
    """The sentence of a code. For a stored code that no longer has one, the code itself."""
    return text_of(code, field).pick(language)


def text_of(code: str, field: str | None) -> Text:
    sentence = SENTENCES.get(code, Text(code, code))
    hint = _hint_of(code, field or "")
    return Text(sentence.zh + hint.zh, f"{sentence.en} {hint.en}") if hint else sentence


def _hint_of(code: str, field: str) -> Text | None:
    """What the field should hold."""
    if code == UNKNOWN_EVENT_TYPE:
        return _TYPES
    if code == INVALID_TIME:
        return None if field == "time" else _EPOCH_MS
    if code not in {INVALID_TYPE, INVALID_VALUE}:
        return None
    *outer, name = field.split(".")
    return _ALLOWED.get(name) or _ALLOWED.get(".".join((*outer[-1:], name))) or _UNITS.get(name)

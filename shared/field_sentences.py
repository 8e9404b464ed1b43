"""Sentences beside one field of a form: one per error type of pydantic, and those of our own checks.

They are for the person who fills in the form. A developer reads `code` and `field`, and the limits in the OpenAPI
document.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import InvalidValue
from shared.language import Text
from shared.wording import filled

NOT_A_CURSOR: Final = Text(
    "这一页的位置已失效，请从第一页重新看。", "This place in the list is not valid. Begin at the first page."
)
NOT_BASE64: Final = Text("内容不是 Base64 编码，请重新编码。", "The content is not base64.")
TWICE: Final = Text("这一项出现了两次，请只保留一个。", "This field occurs twice. Keep one of them.")
UNSTORABLE: Final = Text(
    "文字里有不能保存的特殊字符，请删去。", "The text has a character that cannot be stored (U+0000)."
)

_GENERAL: Final = Text("这一项填写的内容不符合要求，请修改。", "The value of this field is not valid.")
_MISSING: Final = Text("这一项还没有填写，请补上。", "This field is missing.")
_UNKNOWN: Final = Text("没有这一项，请去掉。", "There is no such field. Leave it out.")
_OBJECT: Final = Text("这一项应由若干小项组成，请重新填写。", "This field has to be an object.")
_LIST: Final = Text("这一项应是一个列表，请重新填写。", "This field has to be a list.")
_TEXT: Final = Text("这一项应填文字，请修改。", "This field has to be a text.")
_YES_OR_NO: Final = Text("这一项只能选“是”或“否”，请重新选择。", "This field is either true or false.")
_INTEGER: Final = Text("这一项应填整数，请修改。", "This field has to be an integer.")
_NUMBER: Final = Text("这一项应填数字，请修改。", "This field has to be a number.")
_DATE: Final = Text("日期不对，请按“年-月-日”填写，如 2026-12-27。", "This is not a date. Write it as 2026-12-27.")
_TIME: Final = Text("时间不对，请重新选择。", "This is not a time. Write it as RFC 3339 does.")
_ADDRESS: Final = Text("网址不对，请检查后重新填写。", "This is not a valid URL.")
_IDENTIFIER: Final = Text("编号不对，请检查后重新填写。", "This is not a valid UUID.")
_CHOICE: Final = Text("不在可选的范围内，请重新选择。", "This is none of the choices: {expected}.")
_NAMED_KIND: Final = Text(
    "没有这个种类，请重新选择。", "There is no such kind. Choose one of those in the documentation."
)

SENTENCES: Final[Mapping[str, Text]] = {
    "json_invalid": Text("内容读不出来，请重新提交。", "This is not valid JSON."),
    "json_type": _TEXT,
    "recursion_loop": _GENERAL,
    "recursion_depth_exceeded": Text("内容的层次太多，请简化。", "The value is nested too deeply."),
    "missing": _MISSING,
    "frozen_field": Text("这一项不能改动。", "This field cannot be changed."),
    "frozen_instance": Text("这一项不能改动。", "This field cannot be changed."),
    "extra_forbidden": _UNKNOWN,
    "invalid_key": Text("项目的名称应是文字，请修改。", "The names of fields have to be texts."),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dataclass_exact_type": _OBJECT,
    "named_tuple_type": _OBJECT,
    "none_required": Text("这一项应当空着，请清空。", "This field has to be empty."),
    "greater_than": Text("应大于 {gt}，请修改。", "It has to be greater than {gt}."),
    "greater_than_equal": Text("最小是 {ge}，请修改。", "It has to be at least {ge}."),
    "less_than": Text("应小于 {lt}，请修改。", "It has to be less than {lt}."),
    "less_than_equal": Text("最大是 {le}，请修改。", "It has to be at most {le}."),
    "multiple_of": Text("应是 {multiple_of} 的倍数，请修改。", "It has to be a multiple of {multiple_of}."),
    "finite_number": _NUMBER,
    "too_short": Text("至少要有 {min_length} 项，请补上。", "It has to have at least {min_length} items."),
    "too_long": Text("最多只能有 {max_length} 项，请减少。", "It can have at most {max_length} items."),
    "iterable_type": _LIST,
    "iteration_error": _LIST,
    "string_type": _TEXT,
    "string_unicode": Text("文字的编码不对，请重新填写。", "The text is not valid Unicode."),
    "string_too_short": Text(
        "至少要填 {min_length} 个字，请补全。", "It has to have at least {min_length} characters."
    ),
    "string_too_long": Text("最多只能填 {max_length} 个字，请缩短。", "It can have at most {max_length} characters."),
    "string_pattern_mismatch": Text("格式不对，请检查后重新填写。", "It does not have the right format."),
    "string_not_ascii": Text("只能填英文字母、数字和符号，请修改。", "It can only have ASCII characters."),
    "enum": _CHOICE,
    "dict_type": _OBJECT,
    "frozen_dict_type": _OBJECT,
    "ordered_dict_type": _OBJECT,
    "counter_type": _OBJECT,
    "mapping_type": _OBJECT,
    "list_type": _LIST,
    "deque_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "set_item_not_hashable": _LIST,
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": Text("数字太大，请修改。", "The number is too large."),
    "int_from_float": Text("应填整数，不能有小数，请修改。", "It has to be an integer without decimals."),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bytes_type": _TEXT,
    "bytes_too_short": Text(
        "内容太短，至少 {min_length} 个字节，请补全。", "It has to have at least {min_length} bytes."
    ),
    "bytes_too_long": Text("内容太长，最多 {max_length} 个字节，请缩短。", "It can have at most {max_length} bytes."),
    "bytes_invalid_encoding": Text("内容的编码不对，请重新填写。", "It has another encoding."),
    "literal_error": _CHOICE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": Text("这里只填日期，不填钟点，请修改。", "This is a date without a time of day."),
    "date_past": Text("应是过去的日期，请重新选择。", "It has to be a date in the past."),
    "date_future": Text("应是以后的日期，请重新选择。", "It has to be a date in the future."),
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_past": Text("应是过去的时间，请重新选择。", "It has to be a time in the past."),
    "datetime_future": Text("应是以后的时间，请重新选择。", "It has to be a time in the future."),
    "timezone_naive": Text("时间不能带时区，请去掉。", "The time must have no offset."),
    "timezone_aware": Text("时间缺少时区，请补上，如 +08:00。", "The time needs an offset such as +08:00."),
    "timezone_offset": Text("时区不对，请修改。", "The time has another offset than the one needed."),
    "time_delta_type": Text("时长不对，请重新填写。", "This is not a length of time."),
    "time_delta_parsing": Text("时长不对，请重新填写。", "This is not a length of time."),
    "union_tag_invalid": _NAMED_KIND,
    "union_tag_not_found": _MISSING,
    "url_type": _ADDRESS,
    "url_parsing": _ADDRESS,
    "url_syntax_violation": _ADDRESS,
    "url_too_long": Text(
        "网址太长，最多 {max_length} 个字，请缩短。", "The URL can have at most {max_length} characters."
    ),
    "url_scheme": Text("网址的开头不对，请检查后重新填写。", "The URL has to begin with {expected_schemes}."),
    "uuid_type": _IDENTIFIER,
    "uuid_parsing": _IDENTIFIER,
    "uuid_version": _IDENTIFIER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_max_digits": Text("数字最多 {max_digits} 位，请修改。", "It can have at most {max_digits} digits."),
    "decimal_max_places": Text(
        "小数最多 {decimal_places} 位，请修改。", "It can have at most {decimal_places} decimals."
    ),
    "decimal_whole_digits": Text(
        "小数点前最多 {whole_digits} 位，请修改。", "It can have at most {whole_digits} digits before the point."
    ),
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "value_error": Text("这一项填写的内容不符合要求，请修改。", "{error}."),
    "assertion_error": _GENERAL,
}
# Errors of Python objects and function calls, and of types that no route has. A request cannot cause them.
NOT_OF_REQUESTS: Final = frozenset(
    {
        "no_such_attribute", "get_attribute_error", "needs_python_object", "default_factory_not_called",
        "is_instance_of", "is_subclass_of", "callable_type", "missing_sentinel_error", "ellipsis_error",
        "arguments_type", "missing_argument", "unexpected_keyword_argument", "missing_keyword_only_argument",
        "unexpected_positional_argument", "missing_positional_only_argument", "multiple_argument_values",
    }
)  # fmt: skip


def sentence_of(issue: Mapping[str, Any]) -> Text:
    """Return the sentence of one of pydantic's issues, filled with its limits."""
    context: Mapping[str, Any] = issue.get("ctx") or {}
    if isinstance(context.get("error"), InvalidValue):
        text: Text = context["error"].text
        return text
    return filled(SENTENCES.get(str(issue["type"]), _GENERAL), **context)

"""The templates of this mini-program, and the rules that WeChat has for their values."""

import re
from typing import Any

# Id of a template and its keywords, as the platform's console would show them.
TEMPLATES = {
    "dev-credited-today": ("thing1", "number2", "date3"),
    "dev-order-confirmed": ("thing1", "number2", "time3"),
    "dev-expiring": ("thing1", "date2", "thing3"),
    "dev-consent-expiring": ("thing1", "date2", "thing3"),
    "dev-account-frozen": ("phrase1", "time2", "thing3"),
    "dev-binding-ended": ("thing1", "time2", "thing3"),
    "dev-export-ready": ("phrase1", "date2"),
    "dev-erasure-planned": ("date1", "thing2"),
    "dev-looked-up": ("time1", "thing2"),
    "dev-certificate-revoked": ("thing1", "time2", "thing3"),
    "dev-household-stay-ended": ("phrase1", "time2", "thing3"),
}
# The setting MESSAGE_TEMPLATES of the accounts service for these.
MESSAGE_TEMPLATES = {name.removeprefix("dev-").replace("-", "_"): {"template_id": name} for name in TEMPLATES}
_DAY = r"\d{4}年\d{1,2}月\d{1,2}日"
_CLOCK = r"\d{1,2}:\d{2}"
_RULES = {
    "thing": r"[^\n\r]{1,20}",
    "number": r"[0-9.]{1,32}",
    "date": f"{_DAY}(~{_DAY})?",
    "time": f"({_DAY} )?{_CLOCK}(~({_DAY} )?{_CLOCK})?",
    "phrase": "[\u4e00-\u9fff]{1,5}",
}


def fault_of(template_id: str, data: Any) -> tuple[int, str] | None:
    """Return the errcode of a message that cannot be sent, with the name of the value at fault."""
    keywords = TEMPLATES.get(template_id)
    if keywords is None:
        return 40037, ""
    if not isinstance(data, dict) or data.keys() != set(keywords):
        return 47003, "data.keys"
    for keyword in keywords:
        one = data[keyword]
        value = one.get("value") if isinstance(one, dict) else None
        kind = keyword.rstrip("0123456789")
        utf16_chars = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else 0
        if not isinstance(value, str) or not re.fullmatch(_RULES[kind], value) or utf16_chars > 32:
            return 47003, f"data.{keyword}.value"
        if kind == "thing" and utf16_chars > 20:
            return 47003, f"data.{keyword}.value"
    return None

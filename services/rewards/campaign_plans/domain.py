"""The content of a campaign as JSON values and as columns. Pure.

A proposal and the audit log hold JSON. Times are ISO 8601 there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

CONTENT: Final = (
    "kind",
    "title_zh",
    "title_en",
    "description_zh",
    "description_en",
    "thanks_zh",
    "thanks_en",
    "images",
    "target_mg",
    "min_mg",
    "max_mg",
    "starts_at",
    "ends_at",
)
_TIMES: Final = frozenset({"starts_at", "ends_at"})


def to_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content in the columns of a campaign as JSON values."""
    return {name: columns[name].isoformat() if name in _TIMES else columns[name] for name in CONTENT}


def to_columns(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of JSON values, of some or of all names."""
    return {
        name: datetime.fromisoformat(value) if name in _TIMES else value
        for name, value in content.items()
        if name in CONTENT
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of `after` that `before` does not have. Both are JSON; equal instants are equal."""
    old, new = to_columns(before), to_columns(after)
    return {name: after[name] for name in new if new[name] != old[name]}

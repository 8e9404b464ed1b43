"""Cursors that no list has made, and the list routes of an OpenAPI document."""

import base64
from collections.abc import Iterator
from typing import Any, Final

PLACEHOLDER: Final = "00000000-0000-7000-8000-000000000000"
NAMES: Final = ("cursor", "after")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# Positions as JSON. Each is wrong for a list of any number and kind of columns, or belongs to no row.
_POSITIONS = (
    "[5]",
    "[1e400]",
    "[1e400,1e400,1e400]",
    "[-1e400,0]",
    "[NaN]",
    "[true]",
    "[null]",
    "[[]]",
    "[{}]",
    "[]",
    "{}",
    "null",
    "7",
    '"x"',
    "[-1]",
    "[9223372036854775808]",
    "[9999999999999999999999]",
    "[" + "9" * 200 + "]",
    '["\\u0000"]',
    '["\\ud800"]',
    '["0001-01-01"]',
    '["9999-12-31T23:59:59.999999-23:59"]',
    '["0001-01-01T00:00:00+23:59","00000000-0000-7000-8000-000000000000"]',
    '["2026-11-27T00:00:00","00000000-0000-7000-8000-000000000000"]',
    '["2026-11-27T00:00:00+08:00",7]',
    '[1,"x",1e400]',
    '["a","b",-1]',
    "[" * 90 + "]" * 90,
)
# A list of numbers or of names may have made these.
POSSIBLE: Final = frozenset(
    _encoded(position) for position in ("[5]", '["0001-01-01"]', '["9999-12-31T23:59:59.999999-23:59"]')
)
FORGED: Final = (
    *(_encoded(position) for position in _POSITIONS),
    "!",
    "====",
    "WzVd\n",
    "\u00e9",
    "a" * 300,
)


def list_routes(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(path with placeholders filled, name of the cursor) of every GET route that takes a cursor."""
    for path, operations in document["paths"].items():
        for described in operations.get("get", {}).get("parameters", []):
            parameter = resolved_parameter(document, described)
            if parameter["in"] == "query" and parameter["name"] in NAMES and _is_text(parameter["schema"]):
                parts = [PLACEHOLDER if part.startswith("{") else part for part in path.split("/")]
                yield "/".join(parts), parameter["name"]


def resolved_parameter(document: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameter itself: one that several operations share is a component of the document."""
    name = str(described.get("$ref", "")).rpartition("/")[2]
    shared: dict[str, Any] = document["components"]["parameters"][name] if name else described
    return shared


def _is_text(schema: dict[str, Any]) -> bool:
    """Not an id with a format of its own, which the framework checks."""
    return any(one.get("type") == "string" and "format" not in one for one in schema.get("anyOf", [schema]))

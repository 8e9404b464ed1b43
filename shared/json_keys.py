"""Finds keys that occur twice in one object of a JSON text: two readers could read different values from it."""

import json
import re
from typing import Any, Final

from shared import field_sentences
from shared.errors import DuplicateKey, FieldError, MalformedBody

# A key is a text of the caller. An answer shows only as much of it as a name needs.
_KEY_CHARS_MAX: Final = 64
_NOT_SHOWN: Final = re.compile(r"[^\w.-]")


class _Repeated(Exception):
    """Not a ValueError: the decoder raises those for other reasons."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


def _members(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    if len(members) == len(pairs):
        return None
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Repeated(key)
        seen.add(key)
    raise AssertionError


def _nothing(_: str) -> None:
    """Numbers are not read. A number with thousands of digits must not end the search."""


# Not strict about control characters in strings: other readers take them, and a key after one must still be found.
_decode: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing, strict=False
).decode


def repeated_key(text: bytes) -> str | None:
    """The first key found twice in one object, after its escapes are resolved.

    Raises ValueError for a text that is no JSON, and RecursionError for one that is nested too deep. Refuse both:
    another reader may take what this one cannot search.
    """
    try:
        # As the standard library's reader does, which also takes UTF-16 and a byte order mark.
        _decode(text.decode(json.detect_encoding(text), "replace"))
    except _Repeated as found:
        return found.key
    return None


def refuse_repeated_keys(body: bytes, *, may_be_no_json: bool = False) -> None:
    """Raises DuplicateKey, and MalformedBody for a body that cannot be searched.

    `may_be_no_json`: pass a body that is no JSON. The standard library's reader will refuse it, or nobody reads it.
    """
    try:
        key = repeated_key(body)
    except RecursionError as exc:
        raise MalformedBody from exc
    except ValueError as exc:
        if may_be_no_json:
            return
        raise MalformedBody from exc
    if key is not None:
        shown = _NOT_SHOWN.sub("?", key[:_KEY_CHARS_MAX])
        raise DuplicateKey(key=shown, field_errors=[FieldError(shown, DuplicateKey.code, field_sentences.TWICE)])

"""Cursor pages: `?cursor=&limit=` in, `{items, next_cursor, has_more}` out."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from shared.errors import FieldError, InvalidRequest

T = TypeVar("T")

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
_CURSOR_CHARS_MAX = 300

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="每页条数 Items per page")]
Cursor = Annotated[str | None, Query(max_length=_CURSOR_CHARS_MAX, description="上一页的 next_cursor")]


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = None
    has_more: bool = False


def encode_cursor(*position: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The position a cursor stands for, one value per kind (`str`, `int`, or any constructor from str).

    Raises InvalidRequest for anything we did not make ourselves.
    """
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError  # noqa: TRY301 - one answer for every kind of broken cursor
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as exc:
        raise InvalidRequest(
            field_errors=[FieldError("query.cursor", "INVALID_CURSOR", "not a cursor of this list")]
        ) from exc

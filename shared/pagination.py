"""Cursor pages: `?cursor=&limit=` in, `{items, next_cursor, has_more}` out.

position = position_of(cursor, uuid.UUID)
rows = await repository.listed(session, before=position, limit=limit + 1)
return Page.of(rows, limit, item=OrderView.of, cursor=lambda row: (row.order_id,))
"""

import base64
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from shared import field_sentences
from shared.errors import FieldError, InvalidRequest

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P")
# One column of a cursor; times and dates travel in ISO 8601.
Position = str | int | uuid.UUID | date

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
CURSOR_CHARS_MAX = 300
# What a database column can hold and compare: positions outside belong to no row.
_INTEGER_MAX = 2**63 - 1
_TEXT_CHARS_MAX = 200
_YEARS = range(1900, 2201)

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="每页条数 Items per page")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_CHARS_MAX, description="上一页的 next_cursor")]


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null Null on the last page")
    has_more: bool = Field(description="是否还有下一页 Whether there is a next page")

    @classmethod
    def of(
        cls, rows: Sequence[R], limit: int, *, item: Callable[[R], T], cursor: Callable[[R], tuple[Position, ...]]
    ) -> "Page[T]":
        """Build a page from rows fetched with `limit + 1`: the extra row only shows that there is a next page.

        `item` makes the answer's item of a row. `cursor` gives the row's position in the order of the list.
        """
        shown = rows[:limit]
        has_more = len(rows) > limit
        return Page(
            items=[item(row) for row in shown],
            next_cursor=encode_cursor(*cursor(shown[-1])) if has_more else None,
            has_more=has_more,
        )


def encode_cursor(*position: Position) -> str:
    values = [value if isinstance(value, int) else _as_text(value) for value in position]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _as_text(value: str | uuid.UUID | date) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def decode_cursor(
    cursor: str | None, *kinds: Callable[[Any], Any], field: str = "query.cursor"
) -> tuple[Any, ...] | None:
    """Return the position in a cursor, one value per kind (`str`, `int`, or any constructor from str).

    None means the first page. Raises InvalidRequest for a cursor that `encode_cursor` did not make for this list. The
    values of a forged one are bounded, so that every column can be compared with them.
    """
    if cursor is None:
        return None
    try:
        padded = (cursor + "=" * (-len(cursor) % 4)).encode("ascii")
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError  # noqa: TRY301 - one answer for every kind of broken cursor
        return tuple(_checked(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as exc:
        raise InvalidRequest(field_errors=[FieldError(field, "INVALID_CURSOR", field_sentences.NOT_A_CURSOR)]) from exc


def _checked(value: object, kind: Callable[[Any], Any]) -> object:
    """One value of a cursor. Raises ValueError, or what `kind` raises."""
    if kind is int:
        if type(value) is not int or not 0 <= value <= _INTEGER_MAX:
            raise ValueError(value)
        return value
    if not isinstance(value, str) or len(value) > _TEXT_CHARS_MAX or "\0" in value:
        raise ValueError(value)
    value.encode()  # raises UnicodeEncodeError for a lone surrogate
    found = kind(value)
    if isinstance(found, date) and found.year not in _YEARS:
        raise ValueError(value)
    if isinstance(found, datetime) and found.tzinfo is None:
        raise ValueError(value)
    return found


def position_of(cursor: str | None, kind: Callable[[Any], P], *, field: str = "query.cursor") -> P | None:
    """Return the position in a cursor of one value, None for the first page. Raises InvalidRequest."""
    position = decode_cursor(cursor, kind, field=field)
    return None if position is None else position[0]

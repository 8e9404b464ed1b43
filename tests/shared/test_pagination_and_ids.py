"""Pages and cursors, derived and new ids, the local date."""

import contextlib
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import local_date
from shared.contracts.identity import account_key, event_key, person_account_id
from shared.errors import InvalidRequest
from shared.eventlog import partition_for
from shared.ids import new_id
from shared.pagination import Page, decode_cursor, encode_cursor, position_of

_STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@given(st.text(_STORABLE, max_size=40), st.integers(0, 2**63 - 1))
def test_a_cursor_decodes_to_the_encoded_position(word: str, number: int) -> None:
    assert decode_cursor(encode_cursor(word, number), str, int) == (word, number)


def test_a_cursor_of_ids_and_times_decodes_to_the_same_values() -> None:
    at, order_id = datetime(2026, 11, 22, 16, 0, tzinfo=UTC), uuid.uuid4()
    assert decode_cursor(encode_cursor(at, order_id), datetime.fromisoformat, uuid.UUID) == (at, order_id)
    assert encode_cursor(order_id) == encode_cursor(str(order_id))
    assert position_of(encode_cursor(order_id), uuid.UUID) == order_id
    assert position_of(None, uuid.UUID) is None


def test_a_page_shows_the_limit_and_points_behind_its_last_item() -> None:
    page = Page.of([3, 2, 1], 2, item=str, cursor=lambda row: (row,))
    assert (page.items, page.has_more) == (["3", "2"], True)
    assert position_of(page.next_cursor, int) == 2


@pytest.mark.parametrize("rows", [[], [1], [2, 1]])
def test_the_last_page_has_no_cursor(rows: list[int]) -> None:
    page = Page.of(rows, 2, item=str, cursor=lambda row: (row,))
    assert (page.items, page.has_more, page.next_cursor) == ([str(row) for row in rows], False, None)


@given(st.text(max_size=60))
def test_a_forged_cursor_is_refused_or_decodes_to_valid_values(text: str) -> None:
    values: Any = [uuid.uuid4()]
    with contextlib.suppress(InvalidRequest):
        values = decode_cursor(text, uuid.UUID)
    assert isinstance(values[0], uuid.UUID)


FORGED = (
    "WzVd",  # [5]
    "WzFlNDAwLDFlNDAwLDFlNDAwXQ",  # [1e400,1e400,1e400]
    "W3RydWVd",  # [true]
    "Wy0xXQ",  # [-1]
    "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTldNAo",
    "WyJcdTAwMDAiXQ",  # a NUL
    "WyJcdWQ4MDAiXQ",  # a lone surrogate
    "W251bGxd",  # [null]
    "W1tdXQ",  # [[]]
    "W3t9XQ",  # [{}]
    "e30",  # {}
    "bnVsbA",  # null
    "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5Il0",  # 0001-01-01T00:00:00+23:59
    "WyIyMDI2LTExLTI3VDAwOjAwOjAwIl0",  # a time without a zone
    "W05hTl0",  # [NaN]
    "WzldI",
    "!",
    "",
    "\u00e9",
)


@pytest.mark.parametrize("kind", [int, date.fromisoformat, datetime.fromisoformat, uuid.UUID])
@pytest.mark.parametrize("text", [one for one in FORGED if one != "WzVd"])
def test_b6_a_forged_cursor_is_refused(text: str, kind: Any) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(text, kind)


@pytest.mark.parametrize("kind", [str, date.fromisoformat, datetime.fromisoformat, uuid.UUID])
def test_b6_a_number_is_no_text_of_a_cursor(kind: Any) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor("WzVd", kind)


@given(st.text(max_size=30), st.text(max_size=30))
def test_event_keys_are_stable_valid_and_keep_partners_apart(partner: str, event: str) -> None:
    key = event_key(partner, event)
    assert key == event_key(partner, event)
    assert (key.variant, key.int >> 76 & 0xF) == (uuid.RFC_4122, 8)
    assert key != event_key(f"{partner}x", event)


def test_derived_account_and_event_ids_never_change() -> None:
    """They are stored for ever: another result would split accounts and count events twice."""
    user = uuid.UUID("00000000-0000-7000-8000-000000000001")
    assert str(person_account_id(user)) == "4e798c34-87c0-59b1-934e-d3f915f42b48"
    assert str(event_key("t3", "trip-1")) == "26f27046-041f-8bbb-b4b5-2e80375c369a"
    assert account_key("pepper", "t3", "open_id", "abc") == "3f2661825924aa7b573d1ef240fe69b5"


def test_the_local_date_is_that_of_shanghai() -> None:
    assert local_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "Asia/Shanghai") == date(2026, 11, 23)
    assert local_date(datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), "Asia/Shanghai") == date(2026, 11, 22)


def test_new_ids_are_ordered_in_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


@given(st.binary(max_size=50), st.integers(1, 64))
def test_a_key_is_always_in_the_same_partition(key: bytes, partitions: int) -> None:
    assert 0 <= partition_for(key, partitions) < partitions
    assert partition_for(key, partitions) == partition_for(key, partitions)

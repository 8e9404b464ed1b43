"""Record headers as an official CloudEvents package reads them."""

import json
from datetime import UTC, datetime

import pytest

from shared.contracts.envelope import ATTRIBUTES, common_headers, event_headers

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def test_headers_carry_every_required_attribute_once() -> None:
    headers = event_headers("b:1", source="/accounts", event_type="cn.carboninclusion.binding.changed.v1", at=AT)
    assert dict(headers) == {
        "ce_id": b"b:1",
        "ce_specversion": b"1.0",
        "ce_source": b"/accounts",
        "ce_type": b"cn.carboninclusion.binding.changed.v1",
        "ce_time": b"2026-11-22T08:30:00+00:00",
        "content-type": b"application/json",
    }
    assert len(headers) == len(dict(headers))
    assert set(ATTRIBUTES) < set(dict(headers))


def test_records_of_one_batch_share_all_headers_but_the_id() -> None:
    shared = common_headers(source="/s", event_type="t", at=AT)
    assert event_headers("1", source="/s", event_type="t", at=AT)[1:] == shared


@pytest.mark.parametrize("text", ["中文 id", "ü"])
def test_ids_and_sources_may_hold_any_text(text: str) -> None:
    headers = dict(event_headers(text, source=text, event_type="t", at=AT))
    assert (headers["ce_id"].decode(), headers["ce_source"].decode()) == (text, text)


def test_the_time_is_readable_json_text() -> None:
    headers = dict(event_headers("1", source="/s", event_type="t", at=AT))
    assert datetime.fromisoformat(json.loads(f'"{headers["ce_time"].decode()}"')) == AT

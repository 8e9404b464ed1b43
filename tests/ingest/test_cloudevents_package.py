"""Events made by the official package are accepted as they are."""

from datetime import UTC, datetime
from typing import Any

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.ingest import event_types
from tests.ingest.conftest import Reader
from tests.ingest.samples import BATCH, ONE, PartnerClient, data_of, reports


def made(event_id: str, event_type: str = event_types.TRIP, **data: Any) -> CloudEvent:
    attributes = {
        "id": event_id,
        "source": "//bike.example",
        "type": event_type,
        "specversion": "1.0",
        "time": datetime(2026, 11, 23, 0, 31, tzinfo=UTC),
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, data_of(event_type, **data))


async def test_an_event_from_the_package_in_structured_mode_is_accepted(bike: PartnerClient, published: Reader) -> None:
    message = to_structured_event(made("official-1"))
    headers = {name.lower(): value for name, value in message.headers.items()}
    assert headers["content-type"].startswith(ONE)
    answer = await bike.post(message.body, headers["content-type"])
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 1
    assert [report.event_id for report in reports(await published.new_records())] == ["official-1"]


async def test_a_batch_of_events_from_the_package_is_accepted(bike: PartnerClient, published: Reader) -> None:
    """The package has no batches. A batch is an array of its JSON objects."""
    events = [made(f"official-b{number}", kind) for number, kind in enumerate(event_types.REPORTS)]
    body = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
    answer = await bike.post(body, BATCH)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == len(event_types.REPORTS)
    assert len(await published.new_records()) == len(event_types.REPORTS)

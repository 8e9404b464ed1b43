"""CloudEvents 1.0 attributes as record headers, in the binary mode of its Kafka binding."""

from datetime import datetime
from typing import Final, TypeAlias

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

ATTRIBUTES: Final = ("ce_id", "ce_source", "ce_specversion", "ce_type", "ce_time")


def common_headers(*, source: str, event_type: str, at: datetime, content_type: str = "application/json") -> Headers:
    """All headers except `ce_id`, for records that share them."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", at.isoformat().encode()),
        ("content-type", content_type.encode()),
    )


def event_headers(
    event_id: str, *, source: str, event_type: str, at: datetime, content_type: str = "application/json"
) -> Headers:
    """All headers of one record. `source` and `event_id` together identify the event."""
    common = common_headers(source=source, event_type=event_type, at=at, content_type=content_type)
    return (("ce_id", event_id.encode()), *common)

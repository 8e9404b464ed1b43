"""The intake in the API documentation: its request body and its answer."""

import json
from typing import Any

import msgspec

from services.ingest import event_types
from services.ingest.events import event_shapes as shapes
from services.ingest.events.answers import schema_of_answer
from services.ingest.events.decoding import BATCH, BATCH_EVENTS_MAX, ONE
from shared.openapi.closed import COMPONENTS

_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "order-20261123-000001",
    "source": "//bike.example.cn",
    "type": "cn.carboninclusion.trip.completed.v1",
    "time": "2026-11-23T08:31:00+08:00",
    "data": {
        "account_ref": {"type": "account_no", "value": "WH0000000017"},
        "trip_id": "20261123-000001",
        "vehicle_type": "bicycle",
        "start_time": "2026-11-23T08:10:00+08:00",
        "end_time": "2026-11-23T08:30:00+08:00",
        "distance": 2360,
        "city_code": "420100",
    },
}

_SHAPES: dict[str, type[msgspec.Struct]] = {
    event_types.TRIP: shapes.TripCompleted,
    event_types.TRANSIT: shapes.TransitRidden,
    event_types.RECYCLING: shapes.RecyclingDeposited,
    event_types.BAG: shapes.BagReused,
    event_types.ENERGY: shapes.EnergySaved,
    event_types.CORRECTED: shapes.EventCorrected,
    event_types.CANCELLED: shapes.EventCancelled,
}
_REF = "#/components/schemas/"


def _event_schema(type_name: str) -> dict[str, Any]:
    """A CloudEvent of one type. Its extension attributes are allowed and ignored."""
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 128},
            "source": {"type": "string", "description": "登记的来源 URI The registered URI"},
            "type": {"const": type_name},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"type": "string", "examples": ["application/json"]},
            "data": {"$ref": _REF + _SHAPES[type_name].__name__},
        },
    }


def _schemas() -> dict[str, Any]:
    """The schemas of the events, as components of the document."""
    _, made = msgspec.json.schema_components(tuple(_SHAPES.values()), ref_template=_REF + "{name}")
    # The end of a text is `$` in the regular expressions of JSON Schema, and `\\Z` in Python's.
    found = json.loads(json.dumps(made).replace(r"\\Z", "$"))
    events = {f"{shape.__name__}Event": _event_schema(name) for name, shape in _SHAPES.items()}
    reports = [{"$ref": _REF + _SHAPES[name].__name__} for name in event_types.REPORTS]
    found["EventCorrected"]["properties"]["data"] = {"anyOf": reports}
    return {**found, **events, "Event": {"oneOf": [{"$ref": _REF + name} for name in events]}}


_EVENT: dict[str, Any] = {"$ref": f"{_REF}Event"}
SCHEMAS = {COMPONENTS: _schemas()}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        BATCH: {"schema": {"type": "array", "maxItems": BATCH_EVENTS_MAX, "items": _EVENT}, "example": [_EXAMPLE]},
        ONE: {"schema": _EVENT, "example": _EXAMPLE},
    },
}
ANSWER: dict[str, Any] = {
    "description": "已写入日志 Durable in the log",
    "content": {"application/json": {"schema": schema_of_answer()}},
}

"""The intake in the API documentation: its request body and its answer."""

from typing import Any

from services.ingest.events.answers import schema_of_answer
from services.ingest.events.decoding import BATCH, BATCH_EVENTS_MAX, ONE

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

_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 128},
        "source": {"type": "string"},
        "type": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    },
}


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

"""Acts for tests: a plausible act of each scene, at a local time."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.accounting.bindings.domain import BindingState
from services.accounting.judging.acts import Act

SHANGHAI = ZoneInfo("Asia/Shanghai")
CITIZEN = uuid.UUID(int=7)

SCENES: dict[str, dict[str, Any]] = {
    "bus": {"kind": "transit", "vehicle_type": "bus"},
    "metro": {"kind": "transit", "vehicle_type": "metro"},
    "ev_ride": {
        "kind": "trip",
        "vehicle_type": "car",
        "propulsion_type": "electric",
        "trip_type": "private",
        "distance_m": 6_500,
        "duration_s": 1_290,
    },
    "bike": {"kind": "trip", "vehicle_type": "bicycle", "distance_m": 1_000, "duration_s": 400},
    "own_bag": {"kind": "bag", "count": 1},
    "recycling": {"kind": "recycling", "material": "cardboard", "weight_g": 1_000},
    "power_saving": {"kind": "energy", "energy_wh": 1_000},
}


def local(text: str) -> datetime:
    """Return the instant of a wall-clock time in Wuhan."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def act(scene: str, at: datetime | str = "2026-06-15T08:00:00", **changes: Any) -> Act:
    start = local(at) if isinstance(at, str) else at
    known = SCENES[scene] | changes
    lasted = known.get("duration_s")
    given: dict[str, Any] = {
        "activity_id": uuid.uuid4(),
        "account_id": CITIZEN,
        "partner_id": "partner",
        "occurred_at": start,
        "ended_at": start + timedelta(seconds=lasted) if lasted is not None else None,
        "local_date": start.astimezone(SHANGHAI).date(),
        "late_window_s": 7 * 86_400,
        "binding": BindingState.BOUND,
        "city_code": "420100",
    }
    given |= known
    given.setdefault("received_at", (given["ended_at"] or start) + timedelta(seconds=30))
    return Act(**given)

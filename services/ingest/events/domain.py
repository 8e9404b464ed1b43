"""Reduces an event to the act that quantification needs. Coordinates, line, vehicle and machine numbers are dropped."""

from datetime import UTC, datetime, timedelta
from typing import Final

from services.ingest.events import rejections
from services.ingest.events.event_shapes import (
    BagReused,
    EnergySaved,
    Location,
    RecyclingDeposited,
    Report,
    TransitRidden,
    TripCompleted,
)
from services.ingest.events.geometry import straight_line_m
from services.ingest.events.rejections import EventRejected
from shared.contracts.activities_v1 import Act
from shared.contracts.bounds import EARLIEST, LATEST

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _utc(instant: datetime | int, field: str) -> datetime:
    """In UTC, so that one instant written in two ways gives one act. Raises EventRejected."""
    if isinstance(instant, int):
        return _EPOCH + timedelta(milliseconds=instant)  # within the bounds by its type
    # Outside these bounds calendar arithmetic could overflow. Accounting judges times that are only implausible.
    if not EARLIEST <= instant < LATEST:
        raise EventRejected(rejections.INVALID_TIME, field)
    return instant.astimezone(UTC)


def _span(start: datetime | int, end: datetime | int, names: tuple[str, str]) -> tuple[datetime, datetime]:
    begun, ended = _utc(start, names[0]), _utc(end, names[1])
    if ended < begun:
        raise EventRejected(rejections.INVALID_TIME_ORDER, names[1])
    return begun, ended


def _seconds(start: datetime, end: datetime) -> int:
    elapsed = end - start
    return elapsed.days * 86_400 + elapsed.seconds


def _line(start: Location | None, end: Location | None) -> int | None:
    if start is None or end is None:
        return None
    return straight_line_m(start.lat, start.lng, end.lat, end.lng)


def act_of(data: Report) -> tuple[Act, str]:
    """The act, and the partner's own number for it (order, ride, deposit …), which the caller must hash.

    The number identifies the act: under another event id it is still the same act. Raises EventRejected.
    """
    match data:
        case TripCompleted():
            return _trip(data), data.trip_id
        case TransitRidden():
            return _ride(data), data.ride_id
        case RecyclingDeposited():
            act = Act(
                kind="recycling",
                started_at=_utc(data.occurred_at, "data.occurred_at"),
                city_code=data.city_code,
                material=data.material,
                weight_g=data.weight_g,
            )
            return act, f"{data.deposit_id}\x00{data.material}"  # one visit may bring paper and bottles
        case BagReused():
            act = Act(
                kind="bag",
                started_at=_utc(data.occurred_at, "data.occurred_at"),
                city_code=data.city_code,
                count=data.count,
            )
            return act, data.receipt_no
        case EnergySaved():
            start, end = _span(data.period_start, data.period_end, ("data.period_start", "data.period_end"))
            act = Act(
                kind="energy",
                started_at=start,
                ended_at=end,
                city_code=data.city_code,
                energy_wh=data.energy_wh,
                baseline_wh=data.baseline_wh,
            )
            return act, f"{data.meter_ref}\x00{start.isoformat()}\x00{end.isoformat()}"


def _trip(data: TripCompleted) -> Act:
    start, end = _span(data.start_time, data.end_time, ("data.start_time", "data.end_time"))
    return Act(
        kind="trip",
        started_at=start,
        ended_at=end,
        city_code=data.city_code,
        vehicle_type=data.vehicle_type,
        propulsion_type=data.propulsion_type,
        # One rider alone is what passenger services call a private trip, and so do the methodologies.
        trip_type="private" if data.trip_type == "rider" else data.trip_type,
        distance_m=data.distance,
        duration_s=data.duration if data.duration is not None else _seconds(start, end),
        straight_line_m=_line(data.start_location, data.end_location),
        passenger_count=data.passenger_count,
    )


def _ride(data: TransitRidden) -> Act:
    end: datetime | None = None
    if data.alighted_at is None:
        start = _utc(data.boarded_at, "data.boarded_at")
    else:
        start, end = _span(data.boarded_at, data.alighted_at, ("data.boarded_at", "data.alighted_at"))
    return Act(
        kind="transit",
        started_at=start,
        ended_at=end,
        city_code=data.city_code,
        vehicle_type=data.vehicle_type,
        distance_m=data.distance,
        duration_s=_seconds(start, end) if end is not None else None,
    )

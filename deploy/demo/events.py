"""Events of the demo: the real trips of the file, and the year of the volunteer in the newspaper."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

SHANGHAI = timezone(timedelta(hours=8))
TRIPS_FILE = Path(__file__).parent / "data" / "shenzhen_taxi_trips_2020-01-20.csv"
CITIZENS = 500
CITY = "420100"
MONTH_DAYS = 30
YEAR_DAYS = 12 * MONTH_DAYS
ELECTRIC_CAR_DAYS = 10
_PREFIX = "cn.carboninclusion."

Event = dict[str, Any]


@dataclass(frozen=True)
class Trip:
    """A row of the file. The file has tenths of metres (sums of GPS legs), the API takes whole metres."""

    trip_id: int
    started_at: datetime
    ended_at: datetime
    start: tuple[Decimal, Decimal]
    end: tuple[Decimal, Decimal]
    distance_m: int


def read_trips(path: Path = TRIPS_FILE) -> list[Trip]:
    with path.open(newline="") as file:
        return [
            Trip(
                trip_id=int(row["trip_id"]),
                started_at=datetime.fromisoformat(row["started_at"]),
                ended_at=datetime.fromisoformat(row["ended_at"]),
                start=(Decimal(row["start_lng"]), Decimal(row["start_lat"])),
                end=(Decimal(row["end_lng"]), Decimal(row["end_lat"])),
                distance_m=int(Decimal(row["distance_m"])),
            )
            for row in csv.DictReader(file)
        ]


def _moved(moment: datetime, from_day: date, to_day: date) -> datetime:
    """The same time of day on another date; a trip past midnight stays past midnight."""
    return (moment + (datetime.combine(to_day, time()) - datetime.combine(from_day, time()))).replace(tzinfo=SHANGHAI)


def make_event(source: str, event_id: str, kind: str, at: datetime, data: dict[str, Any]) -> Event:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"{_PREFIX}{kind}",
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {**data, "city_code": CITY},
    }


def trip_event(trip: Trip, *, source: str, run: str, account_no: str, day: date) -> Event:
    started, ended = (_moved(moment, trip.started_at.date(), day) for moment in (trip.started_at, trip.ended_at))
    return make_event(
        source,
        f"{run}-trip-{trip.trip_id}",
        "trip.completed.v1",
        ended,
        {
            "account_ref": {"type": "account_no", "value": account_no},
            "trip_id": f"{run}-{trip.trip_id}",
            "vehicle_type": "car",
            "propulsion_type": "electric",
            "trip_type": "private",
            "start_time": started.isoformat(),
            "end_time": ended.isoformat(),
            "duration": int((ended - started).total_seconds()),
            "distance": trip.distance_m,
            "start_location": {"lng": float(trip.start[0]), "lat": float(trip.start[1])},
            "end_location": {"lng": float(trip.end[0]), "lat": float(trip.end[1])},
            "coordinate_system": "WGS84",
        },
    )


class VolunteerYear:
    """Acts of one person over YEAR_DAYS days. `yesterday` is the last day."""

    def __init__(self, sources: dict[str, str], run: str, account_no: str, yesterday: date) -> None:
        self._sources, self._run, self._account_no = sources, run, account_no
        self.first_day = yesterday - timedelta(days=YEAR_DAYS - 1)
        self.last_day = yesterday

    def days(self) -> Iterator[date]:
        for number in range(YEAR_DAYS):
            yield self.first_day + timedelta(days=number)

    def _make(self, partner: str, kind: str, at: datetime, name: str, data: dict[str, Any]) -> Event:
        reference = {"account_ref": {"type": "account_no", "value": self._account_no}}
        return make_event(self._sources[partner], f"{self._run}-{name}", kind, at, {**reference, **data})

    def ride(self, vehicle: str, day: date, hour: int, minute: int) -> Event:
        """A bus or metro ride of 20 minutes."""
        start = datetime.combine(day, time(hour, minute), SHANGHAI)
        end = start + timedelta(minutes=20)
        name = f"{vehicle}-{day:%Y%m%d}-{hour:02d}{minute:02d}"
        data = {
            "ride_id": f"{self._run}-{name}",
            "vehicle_type": vehicle,
            "boarded_at": start.isoformat(),
            "alighted_at": end.isoformat(),
        }
        return self._make(vehicle, "transit.ridden.v1", end, name, data)

    def trip(
        self, partner: str, vehicle: str, propulsion: str, day: date, hour: int, metres: int, minutes: int
    ) -> Event:
        start = datetime.combine(day, time(hour, 30), SHANGHAI)
        end = start + timedelta(minutes=minutes)
        name = f"{partner}-{day:%Y%m%d}-{hour:02d}"
        data = {
            "trip_id": f"{self._run}-{name}",
            "vehicle_type": vehicle,
            "propulsion_type": propulsion,
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "duration": minutes * 60,
            "distance": metres,
        }
        return self._make(partner, "trip.completed.v1", end, name, data)

    def own_bag_purchase(self, day: date, hour: int) -> Event:
        at = datetime.combine(day, time(hour), SHANGHAI)
        name = f"bag-{day:%Y%m%d}-{hour:02d}"
        data = {"receipt_no": f"{self._run}-{name}", "count": 1, "occurred_at": at.isoformat()}
        return self._make("market", "bag.reused.v1", at, name, data)

    def everyday_events(self, day: date) -> dict[str, list[Event]]:
        """2 bus, 2 metro, 2 one-kilometre shared-bike rides and 2 purchases with an own bag: 730 g."""
        return {
            "bus": [self.ride("bus", day, 7, 0), self.ride("bus", day, 17, 0)],
            "metro": [self.ride("metro", day, 8, 0), self.ride("metro", day, 18, 0)],
            "bike": [self.trip("bike", "bicycle", "human", day, hour, 1000, 6) for hour in (8, 18)],
            "market": [self.own_bag_purchase(day, hour) for hour in (12, 20)],
        }

    def electric_car_trips(self, day: date) -> list[Event]:
        return [self.trip("t3", "car", "electric", day, hour, 8000, 20) for hour in (13, 15)]

    def third_bus_ride(self) -> Event:
        return self.ride("bus", self.last_day, 21, 0)

    def recycling(self) -> list[Event]:
        """Four deposits of 1 kg in one calendar month inside the year."""
        month = (self.last_day.replace(day=1) - timedelta(days=1)).replace(day=1)
        events = []
        for day_number in (3, 10, 17, 24):
            at = datetime.combine(month.replace(day=day_number), time(10), SHANGHAI)
            name = f"deposit-{at:%Y%m%d}"
            data = {
                "deposit_id": f"{self._run}-{name}",
                "material": "paper",
                "weight_g": 1000,
                "machine_ref": "demo-machine-1",
                "occurred_at": at.isoformat(),
            }
            events.append(self._make("recycle", "recycling.deposited.v1", at, name, data))
        return events

    def saved_kilowatt_hour(self) -> Event:
        end = datetime.combine(self.last_day, time(), SHANGHAI)
        start = end - timedelta(days=1)
        data = {
            "meter_ref": f"{self._run}-meter",
            "period_start": start.isoformat(),
            "period_end": end.isoformat(),
            "energy_wh": 1000,
        }
        return self._make("grid", "energy.saved.v1", end, "energy", data)

"""Acts that partners report. Ids and numbers name nobody."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from deploy.demo.events import Event, make_event
from deploy.demo.gateway import Gateway

Reference = Mapping[str, str]
_MINUTES = timedelta(minutes=1)


class Reporter:
    """Makes the events of one story. `run` makes their ids unique."""

    def __init__(self, gateway: Gateway, run: str) -> None:
        self._gateway, self._run, self._made = gateway, run, 0

    def _event(self, partner_id: str, kind: str, at: datetime, data: Mapping[str, Any]) -> Event:
        self._made += 1
        source = self._gateway.partners[partner_id].source
        return make_event(source, f"{self._run}-life-{self._made}", kind, at, dict(data))

    def _number(self) -> str:
        return f"{self._run}-no-{self._made + 1}"

    def trip(
        self, partner_id: str, who: Reference, start: datetime, *, vehicle: str = "bicycle", metres: int = 1000
    ) -> Event:
        """A trip of four minutes."""
        end = start + 4 * _MINUTES
        data = {
            "account_ref": who,
            "trip_id": self._number(),
            "vehicle_type": vehicle,
            "propulsion_type": "human" if vehicle == "bicycle" else "electric",
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "duration": 240,
            "distance": metres,
        }
        return self._event(partner_id, "trip.completed.v1", end, data)

    def metro(self, who: Reference, start: datetime) -> Event:
        """A ride of three minutes."""
        end = start + 3 * _MINUTES
        data = {
            "account_ref": who,
            "ride_id": self._number(),
            "vehicle_type": "metro",
            "boarded_at": start.isoformat(),
            "alighted_at": end.isoformat(),
        }
        return self._event("metro", "transit.ridden.v1", end, data)

    def deposit(self, who: Reference, at: datetime, *, weight_g: int, partner_id: str = "recycler") -> Event:
        data = {
            "account_ref": who,
            "deposit_id": self._number(),
            "material": "paper",
            "weight_g": weight_g,
            "machine_ref": "demo-machine-2",
            "occurred_at": at.isoformat(),
        }
        return self._event(partner_id, "recycling.deposited.v1", at, data)

    def saving(self, who: Reference, start: datetime, end: datetime, *, meter: str) -> Event:
        """One kilowatt-hour saved."""
        data = {
            "account_ref": who,
            "meter_ref": meter,
            "period_start": start.isoformat(),
            "period_end": end.isoformat(),
            "energy_wh": 1000,
        }
        return self._event("meter", "energy.saved.v1", end, data)

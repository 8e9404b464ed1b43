"""Events as a partner sends them over HTTP, and what citizen and partner read of them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from services.ingest import event_types
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import account_key, event_key, person_account_id
from tests.accounting.both_services import PEPPER_OF_INGEST, BothServices, Told
from tests.accounting.reports import PARTNER, YESTERDAY, Reports
from tests.ingest.samples import event, revision, status

BUS_MG, METRO_MG = 150_000, 170_000
HOUR = timedelta(hours=1)
REVERSED, CANCELLED = Told("reversed", "CORRECTED"), Told("reversed", "CANCELLED")
CREDITED_BUS, CREDITED_METRO = Told("credited", "CREDITED", BUS_MG), Told("credited", "CREDITED", METRO_MG)


class Citizen(Reports):
    """A citizen whose account reference ingest hashes. Makes the events that a partner sends."""

    def key_at(self, partner: str) -> str:
        return account_key(PEPPER_OF_INGEST, partner, "account_no", str(self.user_id))

    @property
    def reference(self) -> dict[str, str]:
        return {"type": "account_no", "value": str(self.user_id)}

    def ride_data(self, vehicle: str, at: datetime) -> dict[str, Any]:
        return {
            "account_ref": self.reference,
            "ride_id": f"{self.user_id}-{at.isoformat()}",
            "vehicle_type": vehicle,
            "boarded_at": at.isoformat(),
            "alighted_at": (at + timedelta(minutes=20)).isoformat(),
            "city_code": "420100",
        }

    def ride(self, event_id: str, vehicle: str = "bus", at: datetime | None = None) -> dict[str, Any]:
        at = at or YESTERDAY + timedelta(hours=6)
        return {**event(event_id, partner=PARTNER), "type": event_types.TRANSIT, "data": self.ride_data(vehicle, at)}

    def correction(self, event_id: str, of: str, vehicle: str = "metro", at: datetime | None = None) -> dict[str, Any]:
        at = at or YESTERDAY + timedelta(hours=6)
        return revision(event_id, event_types.CORRECTED, of, partner=PARTNER, data=self.ride_data(vehicle, at))


def cancellation(event_id: str, of: str) -> dict[str, Any]:
    """Without an account reference, so that it is in another partition than its original."""
    return revision(event_id, event_types.CANCELLED, of, partner=PARTNER)


async def bound_citizen(both: BothServices) -> Citizen:
    user_id = uuid.uuid4()
    citizen = Citizen(user_id, person_account_id(user_id))
    await both.accounting.bind(citizen)
    return citizen


async def listed(both: BothServices, person: Reports) -> dict[str, Told]:
    """What the citizen reads, by activity id."""
    page: Any = await both.accounting.get(person, "/me/activities?limit=100")
    return {
        item["activity_id"]: Told(
            item["status"], item["reason_code"], item["amount_mg"] if item["status"] != "reversed" else 0
        )
        for item in page["items"]
    }


async def lifetime_mg(both: BothServices, person: Reports) -> int:
    balance: Any = await both.accounting.get(person, "/me/balance")
    return int(balance["lifetime_mg"])


async def over_http(both: BothServices, event_id: str) -> Told:
    answer = (await status(both.partner, event_id)).json()
    return Told(answer["status"], answer["reason_code"], answer["amount_mg"] or 0)


def key_of(event_id: str) -> str:
    return str(event_key(PARTNER, event_id))


async def told(both: BothServices, *reports: ActivityReported) -> list[Told]:
    return [await both.partner_view(report.event_id) for report in reports]

"""Partners and events for the tests, and a client that signs its requests."""

import json
import secrets
import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import msgspec

from services.ingest import event_types
from services.ingest.archive import service as archive
from services.ingest.events.decoding import BATCH, ONE
from services.ingest.topics import ACTIVITIES_DECODER, OUTCOMES_DECODER
from shared import clock
from shared.auth import cp1
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Session
from shared.eventlog import StoredRecord
from shared.projection import decoded, handle_decoded

EVENTS = "/api/v1/ingest/events"
ALGORITHM = "CP1-HMAC-SHA256"
TYPES = list(event_types.REPORTS)

__all__ = ["BATCH", "ONE"]


def seed_partner(partner_id: str, **changes: Any) -> dict[str, Any]:
    """An entry of the seed file, with one key named after the partner."""
    return {
        "partner_id": partner_id,
        "name": f"合作方 {partner_id}",
        "name_en": f"Partner {partner_id}",
        "source": f"//{partner_id}.example",
        "scenes": ["bike_ride"],
        "event_types": TYPES,
        "cities": ["420100"],
        "late_window_s": 172_800,
        "binding_modes": ["account_no"],
        "environment": "live",
        "keys": [{"app_key": f"ak-{partner_id}", "algorithm": ALGORITHM, "secret": secret_of(f"ak-{partner_id}")}],
        **changes,
    }


def oauth_terms(client_secret: str, **changes: Any) -> dict[str, Any]:
    """The OAuth server of a partner, with every field."""
    return {
        "authorize_url": "https://oauth.example/authorize",
        "token_url": "https://oauth.example/token",
        "revocation_url": "https://oauth.example/revoke",
        "redirect_uri": "https://carbon.example/bound",
        "issuer": "https://oauth.example",
        "client_id": "carbon",
        "client_secret": client_secret,
        "scope": "",
        "open_id_field": "open_id",
        "request_form": "form",
        **changes,
    }


def secret_of(app_key: str) -> str:
    return f"cpsk_{app_key}_0123456789abcdef"


_TIMES = {
    event_types.TRIP: {"start_time": "2026-11-23T08:10:00+08:00", "end_time": "2026-11-23T08:30:00+08:00"},
    event_types.TRANSIT: {"boarded_at": "2026-11-23T08:10:00+08:00", "alighted_at": "2026-11-23T08:30:00+08:00"},
    event_types.RECYCLING: {"occurred_at": "2026-11-23T08:10:00+08:00"},
    event_types.BAG: {"occurred_at": "2026-11-23T08:10:00+08:00"},
    event_types.ENERGY: {"period_start": "2026-11-22T00:00:00+08:00", "period_end": "2026-11-23T00:00:00+08:00"},
}
_REST: dict[str, dict[str, Any]] = {
    event_types.TRIP: {"trip_id": "t-1", "vehicle_type": "bicycle", "distance": 2360},
    event_types.TRANSIT: {"ride_id": "r-1", "vehicle_type": "metro", "line": "2", "distance": 8000},
    event_types.RECYCLING: {"deposit_id": "d-1", "material": "cardboard", "weight_g": 350, "machine_ref": "m-1"},
    event_types.BAG: {"receipt_no": "b-1", "count": 1},
    event_types.ENERGY: {"meter_ref": "e-1", "energy_wh": 1200, "baseline_wh": 4000},
}


def data_of(event_type: str, **changes: Any) -> dict[str, Any]:
    """Valid data of a report. A change to None removes the field."""
    data = {
        "account_ref": {"type": "account_no", "value": "WH0000000017"},
        **_TIMES[event_type],
        **_REST[event_type],
        "city_code": "420100",
        **changes,
    }
    return {name: value for name, value in data.items() if value is not None}


def event(event_id: str, event_type: str = event_types.TRIP, *, partner: str = "bike", **data: Any) -> dict[str, Any]:
    """A valid event. `data` changes single fields of its data."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"//{partner}.example",
        "type": event_type,
        "time": "2026-11-23T08:31:00+08:00",
        "data": data_of(event_type, **data),
    }


def revision(event_id: str, kind: str, original_id: str, *, partner: str = "bike", **data: Any) -> dict[str, Any]:
    whole = {"original_id": original_id, "reason": "里程有误", **data}
    return {**event(event_id, partner=partner), "type": kind, "data": whole}


@dataclass
class PartnerClient:
    """Sends requests signed with one key. Every part of the signature can be made wrong."""

    http: httpx.AsyncClient
    app_key: str

    async def send(
        self,
        method: str,
        target: str,
        body: bytes | AsyncIterator[bytes] = b"",
        *,
        signed: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **wrong: Any,
    ) -> httpx.Response:
        """`signed`: the signed bytes, if they are not the body. `wrong`: other signed parts to change."""
        parts = {
            "app_key": self.app_key,
            "secret": secret_of(self.app_key),
            "method": method,
            "target": target,
            "timestamp": int(clock.now().timestamp()),
            "nonce": secrets.token_hex(16),
            "body": signed if signed is not None else body,
            **wrong,
        }
        merged = {"Authorization": cp1.authorization(**parts), **(headers or {})}
        return await self.http.request(method, target, content=body, headers=merged)

    async def post(
        self, body: bytes | AsyncIterator[bytes], media_type: str = BATCH, target: str = EVENTS, **options: Any
    ) -> httpx.Response:
        headers = {"Content-Type": media_type, **options.pop("headers", {})}
        return await self.send("POST", target, body, headers=headers, **options)

    async def push(self, *events: Any, target: str = EVENTS, **options: Any) -> Any:
        """Push a batch that must be answered 202. Return the content of the answer."""
        answer = await self.post(json.dumps(events).encode(), target=target, **options)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def get(self, target: str, **options: Any) -> httpx.Response:
        return await self.send("GET", target, **options)


def reports(records: Sequence[StoredRecord]) -> list[ActivityReported]:
    """The published reports in the order of the batch."""
    found = [msgspec.json.decode(record.value or b"", type=ActivityReported) for record in records]
    return sorted(found, key=lambda report: report.index)


async def receipt(partner: PartnerClient, receipt_id: str, **options: Any) -> Any:
    answer = await partner.get(f"/api/v1/ingest/receipts/{receipt_id}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def status(partner: PartnerClient, event_id: str, **options: Any) -> httpx.Response:
    return await partner.get(f"/api/v1/ingest/events/{urllib.parse.quote(event_id, safe='')}", **options)


async def archive_reports(session: Session, records: Sequence[StoredRecord], *, time_zone: str) -> None:
    """Archive records of the topic of activities like the worker does."""
    handle = handle_decoded(partial(archive.handle_reports, time_zone=time_zone))
    assert not await handle(session, decoded(records, ACTIVITIES_DECODER))


async def archive_outcomes(session: Session, records: Sequence[StoredRecord]) -> None:
    """Archive records of the topic of outcomes like the worker does."""
    assert not await handle_decoded(archive.handle_outcomes)(session, decoded(records, OUTCOMES_DECODER))

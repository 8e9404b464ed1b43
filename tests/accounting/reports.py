"""Events of one citizen as ingest publishes them."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.identity import account_key, event_key
from shared.eventlog import StoredRecord
from shared.ids import new_id

PARTNER = "city-transit"
PEPPER = "pepper"
SLOW_CITY = "420106"  # a district where the bus vests after some days, if a test asks for that methodology
SHANGHAI = ZoneInfo("Asia/Shanghai")
YESTERDAY = datetime.now(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def as_records(values: Iterable[object]) -> list[StoredRecord]:
    """Return values as records of the log. Bytes stay as they are."""
    return [
        StoredRecord(
            topic="t",
            partition=0,
            offset=offset,
            key=b"k",
            value=value if isinstance(value, bytes) else msgspec.json.encode(value),
            headers=(),
            appended_at=datetime.now(UTC),
        )
        for offset, value in enumerate(values)
    ]


def sent_again(report: ActivityReported) -> ActivityReported:
    """Return a copy as a partner sends it after a missing answer: the same event with another receipt."""
    return msgspec.structs.replace(report, receipt_id=new_id())


@dataclass
class Reports:
    user_id: uuid.UUID
    account_id: uuid.UUID
    made: int = 0
    bindings: dict[str, BindingChanged] = field(default_factory=dict)

    def key_at(self, partner: str) -> str:
        return account_key(PEPPER, partner, "account_no", str(self.user_id))

    def binding(self, partner: str = PARTNER, *, since: timedelta, **changes: Any) -> BindingChanged:
        before = self.bindings.get(partner)
        now = clock.now()
        change = BindingChanged(
            binding_id=before.binding_id if before else uuid.uuid4(),
            version=before.version + 1 if before else 1,
            partner_id=partner,
            account_key=self.key_at(partner),
            account_id=self.account_id,
            user_id=self.user_id,
            status=changes.get("status", "active"),
            counts_from=changes.get("counts_from", now - since),
            ended_at=changes.get("ended_at"),
            consent_withdrawn_at=changes.get("consent_withdrawn_at"),
            changed_at=now,
        )
        self.bindings[partner] = change
        return change

    def report(
        self, act: Act, *, partner: str = PARTNER, event_id: str | None = None, **fields: Any
    ) -> ActivityReported:
        self.made += 1
        event_id = event_id or f"{self.user_id}-{self.made}"
        content = msgspec.json.encode((act, self.key_at(partner)))
        digest = hashlib.sha256(content).hexdigest()
        values: dict[str, Any] = {
            "event_key": event_key(partner, event_id),
            "partner_id": partner,
            "event_id": event_id,
            "receipt_id": new_id(),
            "index": 0,
            "account_key": self.key_at(partner),
            "act": act,
            "fingerprint": digest,
            "raw_sha256": digest,
            "received_at": clock.now(),
            "late_window_s": 400 * 86400,
        }
        return ActivityReported(**{**values, **fields})

    def bus(self, at: datetime | None = None, **fields: Any) -> ActivityReported:
        """Return a bus ride. By default each ride begins an hour after the one before, from 06:00 yesterday."""
        return self._ride("bus", at, **fields)

    def metro(self, at: datetime | None = None, **fields: Any) -> ActivityReported:
        return self._ride("metro", at, **fields)

    def slow_bus(self, at: datetime | None = None, *, received_days_ago: int = 0, **fields: Any) -> ActivityReported:
        """Return a bus ride whose grams vest, counted from its receipt."""
        received_at = clock.now() - timedelta(days=received_days_ago)
        at = at or YESTERDAY + timedelta(hours=6 + self.made % 17) - timedelta(days=received_days_ago)
        return self._ride("bus", at, city_code=SLOW_CITY, received_at=received_at, **fields)

    def _ride(
        self, vehicle_type: str, at: datetime | None, *, city_code: str = "420100", **fields: Any
    ) -> ActivityReported:
        start = at or YESTERDAY + timedelta(hours=6 + self.made % 17)
        act = Act(
            kind="transit",
            vehicle_type=vehicle_type,
            started_at=start,
            ended_at=start + timedelta(minutes=20),
            city_code=city_code,
        )
        return self.report(act, **fields)

    def car(
        self, at: datetime | None = None, *, distance_m: int = 8000, minutes: int = 20, **fields: Any
    ) -> ActivityReported:
        start = at or YESTERDAY + timedelta(hours=6 + self.made % 17)
        act = Act(
            kind="trip",
            vehicle_type="car",
            propulsion_type="electric",
            started_at=start,
            ended_at=start + timedelta(minutes=minutes),
            duration_s=minutes * 60,
            distance_m=distance_m,
            city_code="420100",
        )
        return self.report(act, **fields)

    def recycling(self, at: datetime, *, weight_g: int = 1000, **fields: Any) -> ActivityReported:
        act = Act(kind="recycling", started_at=at, city_code="420100", material="paper", weight_g=weight_g)
        return self.report(act, **fields)


def cancel(person: Reports, original: ActivityReported, event_id: str | None = None) -> ActivityReported:
    assert original.act is not None
    return person.report(
        original.act,
        event_id=event_id or f"cancel-{uuid.uuid4()}",
        operation="cancel",
        original_event_id=original.event_id,
        reason="refunded",
    )


def correct(person: Reports, original: ActivityReported, instead: ActivityReported) -> ActivityReported:
    assert instead.act is not None
    return person.report(
        instead.act,
        event_id=f"correct-{uuid.uuid4()}",
        operation="correct",
        original_event_id=original.event_id,
        reason="wrong distance",
    )


def ride_now(person: Reports, *, distance_m: int = 8000) -> ActivityReported:
    """Return a bus ride of today without an end."""
    act = Act(kind="transit", vehicle_type="bus", started_at=clock.now(), distance_m=distance_m, city_code="420100")
    return person.report(act)

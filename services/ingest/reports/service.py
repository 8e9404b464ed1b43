"""Makes events of what a service of ours reports, under the pseudo-partner `wechat`, and publishes them.

Nobody signs these events: the calling service has checked their source. The id of an event is the person and the day,
so a repeated report is the same event.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from services.ingest.events import service as events
from services.ingest.events.errors import LogUnavailable
from services.ingest.receipt_ids import new_receipt_id
from services.ingest.reports.errors import DayNotOver
from shared import clock, telemetry
from shared.contracts import identity
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.eventlog import EventLog, EventLogError

# No partner can be registered under it.
WECHAT: Final = "wechat"
SOURCE: Final = "/accounts/wechat"
# WeChat gives the last thirty days.
LATE_WINDOW_S: Final = 32 * 86_400
_KIND: Final = "steps"
_RETRY_AFTER_S: Final = 2

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DaySteps:
    day: date
    steps: int


@dataclass(frozen=True, slots=True)
class ReportPorts:
    """`pepper` keys the hashes of account references."""

    log: EventLog
    pepper: str = field(repr=False)
    topic_prefix: str
    time_zone: str


async def report_steps(
    ports: ReportPorts, *, ref_type: str, ref_value: str, city_code: str, days: Sequence[DaySteps]
) -> tuple[UUID, int]:
    """Return a receipt, and the number of events, once the log has them all. The last of two equal days counts.

    Raises DayNotOver, LogUnavailable.
    """
    now = clock.now()
    if any(one.day >= clock.local_date(now, ports.time_zone) for one in days):
        raise DayNotOver
    receipt_id = new_receipt_id(ports.pepper, WECHAT)
    account_key = identity.account_key(ports.pepper, WECHAT, ref_type, ref_value)
    by_day = {one.day: one for one in days}
    zone = ZoneInfo(ports.time_zone)
    reports = [
        _event(
            one,
            index,
            len(by_day),
            receipt_id=receipt_id,
            account_key=account_key,
            city_code=city_code,
            zone=zone,
            now=now,
            pepper=ports.pepper,
        )
        for index, one in enumerate(by_day[day] for day in sorted(by_day))
    ]
    try:
        await events.publish_activities(ports.log, ports.topic_prefix, source=SOURCE, received_at=now, reports=reports)
    except EventLogError as exc:
        _log.warning("events_not_published", partner=WECHAT, error=repr(exc)[:300])
        raise LogUnavailable(retry_after_s=_RETRY_AFTER_S) from exc
    telemetry.EVENTS_INTAKE.labels(WECHAT, "accepted").inc(len(reports))
    return receipt_id, len(reports)


def _event(
    one: DaySteps,
    index: int,
    size: int,
    *,
    receipt_id: UUID,
    account_key: str,
    city_code: str,
    zone: ZoneInfo,
    now: datetime,
    pepper: str,
) -> ActivityReported:
    event_id = f"steps:{account_key}:{one.day.isoformat()}"
    act = Act(
        kind=_KIND,
        started_at=datetime.combine(one.day, time.min, zone),
        ended_at=datetime.combine(one.day + timedelta(days=1), time.min, zone),
        city_code=city_code,
        steps=one.steps,
        natural_key=identity.keyed(pepper, f"{WECHAT}\x00{_KIND}\x00{event_id}"),
    )
    fingerprint = hashlib.sha256(_encode((_KIND, account_key, act))).hexdigest()
    return ActivityReported(
        event_key=identity.event_key(WECHAT, event_id),
        partner_id=WECHAT,
        event_id=event_id,
        receipt_id=receipt_id,
        index=index,
        account_key=account_key,
        act=act,
        fingerprint=fingerprint,
        raw_sha256=fingerprint,  # there are no other bytes
        received_at=now,
        late_window_s=LATE_WINDOW_S,
        receipt_accepted=size,
    )

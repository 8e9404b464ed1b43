"""Outcomes of verdicts for other services, and daily tallies of verdicts."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from services.accounting.database import SCHEMA
from services.accounting.judging.domain import Status
from services.accounting.posting import repository
from services.accounting.posting.domain import Verdict
from shared import clock, outbox, telemetry
from shared.contracts.envelope import common_headers
from shared.contracts.outcomes_v1 import ACTIVITY_JUDGED_TYPE, EVENT_SOURCE, ActivityJudged
from shared.db import Connection, Session
from shared.eventlog import Record

_ENCODE = msgspec.json.Encoder().encode


def outcomes_of(verdicts: Sequence[Verdict], judged_at: datetime) -> list[Record]:
    """Return the records for ingest and rewards, one per verdict. `announce_outcomes` adds the headers they share."""
    records = []
    for verdict in verdicts:
        report, judgement = verdict.report, verdict.judgement
        outcome = ActivityJudged(
            activity_id=report.event_key,
            partner_id=report.partner_id,
            event_id=report.event_id,
            receipt_id=report.receipt_id,
            index=report.index,
            status=verdict.status,
            reason_code=verdict.reason_code,
            amount_mg=verdict.amount_mg,
            account_id=judgement.account_id if judgement and judgement.status is not Status.PARKED else None,
            scene=judgement.scene if judgement else None,
            methodology=judgement.methodology_code if judgement else None,
            occurred_at=verdict.act.occurred_at if verdict.act else None,
            distance_m=verdict.act.distance_m if verdict.act else None,
            judged_at=judged_at,
            sequence=verdict.sequence,
        )
        key = f"{report.partner_id}:{report.account_key}".encode()
        # An activity is judged several times, and a copy has its activity's number: receipt and index name the event.
        event_id = f"{report.receipt_id.hex}:{report.index}:{verdict.sequence}".encode()
        records.append(Record(key=key, value=_ENCODE(outcome), headers=(("ce_id", event_id),)))
    return records


async def announce_outcomes(
    session: Session, verdicts: Sequence[Verdict], outcomes: Sequence[Record], *, judged_at: datetime, topic: str
) -> None:
    """Add the outcomes to the outbox, in one row for the whole batch."""
    for (status, reason_code), acts in Counter((one.status, one.reason_code or "-") for one in verdicts).items():
        telemetry.ACTS_JUDGED.labels(status, reason_code).inc(acts)
    headers = common_headers(source=EVENT_SOURCE, event_type=ACTIVITY_JUDGED_TYPE, at=judged_at)
    await outbox.add(session, SCHEMA, topic, outcomes, shared_headers=headers)


async def count_verdicts(connection: Connection, verdicts: Sequence[Verdict], time_zone: str) -> None:
    """Add the verdicts to the tallies of their day of receipt, and subtract the verdicts that they replace."""
    tallies: dict[tuple[str, date, str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    days: dict[datetime, date] = {}  # the events of one receipt have one time

    def add(verdict: Verdict, status: str, reason_code: str, events: int, amount_mg: int) -> None:
        received_at = verdict.report.received_at
        day = days.get(received_at) or days.setdefault(received_at, clock.local_date(received_at, time_zone))
        key = (verdict.report.partner_id, day, status, reason_code)
        before = tallies[key]
        tallies[key] = (before[0] + events, before[1] + amount_mg)

    for verdict in verdicts:
        add(verdict, verdict.status, verdict.reason_code or "-", 1, verdict.amount_mg)
        if verdict.replaces is not None:
            add(verdict, verdict.replaces.status, verdict.replaces.reason_code, -1, -verdict.replaces.amount_mg)
    await repository.add_tallies(connection, tallies)

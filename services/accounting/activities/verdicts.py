"""What became of reported events, told onwards: verdicts, repeats, outcomes for other services, daily tallies."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.accounting.activities import posting_repository as repository
from services.accounting.activities import reasons
from services.accounting.activities.acts import Act
from services.accounting.activities.domain import Judgement, Status
from services.accounting.activities.posting_repository import KnownEvent
from services.accounting.database import SCHEMA
from shared import clock, outbox, telemetry
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.outcomes_v1 import Status as OutcomeStatus
from shared.db import Session
from shared.eventlog import Record

_ENCODE = msgspec.json.Encoder().encode


class Earlier(NamedTuple):
    """The verdict that a later one on the same event replaces, as the tallies know it."""

    status: str
    reason_code: str
    amount_mg: int = 0


PARKED = Earlier(Status.PARKED, reasons.NO_BINDING)


@dataclass(slots=True)
class Verdict:
    """What became of one reported event. `judgement` is None for a repeat (duplicate or conflict)."""

    report: ActivityReported
    status: OutcomeStatus
    act: Act | None = None
    judgement: Judgement | None = None
    sequence: int = 1
    replaces: Earlier | None = None

    @property
    def reason_code(self) -> str | None:
        return self.judgement.reason_code if self.judgement else None

    @property
    def amount_mg(self) -> int:
        return self.judgement.amount_mg if self.judgement else 0


def sort_out_repeats(
    reports: Sequence[ActivityReported], known: Mapping[uuid.UUID, KnownEvent]
) -> tuple[list[ActivityReported], list[Verdict]]:
    """(events to judge, verdicts on repeats): the same id is a duplicate, or a conflict when the content differs.

    The very copy that was judged is no repeat and gets no second verdict: the log handed it out twice, or a poll was
    interrupted between its transactions.
    """
    seen = dict(known)
    fresh, repeats = [], []
    for report in reports:
        fingerprint = bytes.fromhex(report.fingerprint)
        first = seen.get(report.event_key)
        if first is None:
            seen[report.event_key] = KnownEvent(fingerprint, report.receipt_id, report.index)
            fresh.append(report)
        elif (report.receipt_id, report.index) != first[1:] or fingerprint != first.fingerprint:
            repeats.append(Verdict(report, "duplicate" if first.fingerprint == fingerprint else "conflict"))
    return fresh, repeats


def as_reported(row: Any, account_key: str) -> ActivityReported:
    """A stored activity as the event it came as, without what was done: enough to announce a later verdict on it."""
    return ActivityReported(
        event_key=row["activity_id"],
        partner_id=row["partner_id"],
        event_id=row["event_id"],
        receipt_id=row["receipt_id"],
        index=row["receipt_index"],
        account_key=account_key,
        fingerprint=row["fingerprint"].hex(),
        raw_sha256=row["raw_sha256"].hex(),
        received_at=row["received_at"],
        late_window_s=0,
    )


def status_of(judgement: Judgement) -> OutcomeStatus:
    """`pending` for a credit that still has to vest."""
    if judgement.status is Status.CREDITED and judgement.vesting_days:
        return "pending"
    statuses: dict[Status, OutcomeStatus] = {
        Status.CREDITED: "credited",
        Status.REFUSED: "refused",
        Status.PARKED: "parked",
    }
    return statuses[judgement.status]


def outcomes_of(verdicts: Sequence[Verdict]) -> list[Record]:
    """What ingest and rewards are told, one record for each verdict."""
    judged_at = clock.now()
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
        records.append(Record(key=key, value=_ENCODE(outcome)))
    return records


async def announce(session: Session, verdicts: Sequence[Verdict], outcomes: Sequence[Record], *, topic: str) -> None:
    """One outbox row for the whole batch."""
    for (status, reason_code), acts in Counter((one.status, one.reason_code or "-") for one in verdicts).items():
        telemetry.ACTS_JUDGED.labels(status, reason_code).inc(acts)
    await outbox.add(session, SCHEMA, topic, outcomes)


async def count(connection: "asyncpg.Connection[asyncpg.Record]", verdicts: Sequence[Verdict], time_zone: str) -> None:
    """Adds the verdicts to the day's tallies; one that replaces an earlier verdict takes that one out."""
    tallies: dict[tuple[str, date, str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    days: dict[datetime, date] = {}  # all of a receipt came at one moment

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

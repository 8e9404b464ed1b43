"""Use cases of the archive: the worker's three consumers, and the questions of partners and operators."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from services.ingest.archive import repository
from services.ingest.archive.domain import (
    COPY_STATUSES,
    ActTotals,
    DayTotals,
    EventView,
    Fate,
    ReceiptView,
    Refusal,
    counts_of,
    receipt_bound,
    shown,
)
from services.ingest.archive.errors import EventNotFound, ReceiptNotFound
from services.ingest.deliveries import service as deliveries
from services.ingest.topics import ReceiptRejected
from shared import clock
from shared.consumer import DeadLetter
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Session
from shared.eventlog import StoredRecord

# Long enough for an integration to be repaired and audited; the accepted events stay.
REJECTIONS_KEPT = timedelta(days=180)
_FORGET_MAX = 5_000
# A worker that is away for a month, or a clock a little wrong, finds its partition all the same.
PARTITIONS_AHEAD = 2
_MONTH_DAYS_MAX = 31
_DROPPED_MAX = 3
_RECENT = timedelta(days=20)
# A receipt this young may simply not have reached the archive yet: a partner must not be told that it is unknown.
_ARCHIVING_MAX_MS = 10 * 60 * 1000
_UNREADABLE = "UNREADABLE_RECORD"
_INDEX_BITS = 20  # the contracts admit a million places in a receipt

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_reported = msgspec.json.Decoder(ActivityReported)
_judged = msgspec.json.Decoder(ActivityJudged)
_rejected = msgspec.json.Decoder(ReceiptRejected)
_encode = msgspec.json.Encoder().encode


def _decoded(
    records: Sequence[StoredRecord], decode: Callable[[bytes], T]
) -> tuple[list[tuple[StoredRecord, T]], list[DeadLetter]]:
    good, dead = [], []
    for record in records:
        try:
            good.append((record, decode(record.value or b"")))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            dead.append(DeadLetter(record, _UNREADABLE, str(exc)))
    return good, dead


async def handle_reports(session: Session, records: Sequence[StoredRecord], *, time_zone: str) -> Sequence[DeadLetter]:
    """Consumer of `ingest.activities.v1`. The time zone decides an act's day."""
    good, dead = _decoded(records, _reported.decode)
    zone = ZoneInfo(time_zone)
    first: dict[int, tuple[StoredRecord, ActivityReported]] = {}
    for one in good:
        first.setdefault(_place(one[1]), one)
    if first:
        await repository.archive(session, [_archived_row(*first[place], zone) for place in sorted(first)])
    return dead


def _place(of: ActivityReported | ActivityJudged) -> int:
    """Receipt and index as one number. All writers take rows in its order, so that none waits for another in a ring."""
    return of.receipt_id.int << _INDEX_BITS | of.index


def _archived_row(record: StoredRecord, report: ActivityReported, zone: ZoneInfo) -> tuple[object, ...]:
    """A tuple: a poll has thousands of these, and as many columns."""
    act = report.act
    return (
        report.receipt_id,
        report.index,
        report.event_key,
        report.partner_id,
        report.event_id,
        report.received_at,
        report.receipt_accepted,
        report.receipt_rejected,
        report.operation,
        act.kind if act is not None else None,
        report.original_event_id,
        report.reason,
        _encode(act).decode() if act is not None else None,
        bytes.fromhex(report.raw_sha256),
        record.partition,
        record.offset,
        act.started_at.astimezone(zone).date() if act is not None else None,
        bytes.fromhex(report.fingerprint),
    )


async def handle_outcomes(session: Session, records: Sequence[StoredRecord]) -> Sequence[DeadLetter]:
    """Consumer of `accounting.outcomes.v1`: the newest verdict on each copy, in whatever order they come."""
    good, dead = _decoded(records, _judged.decode)
    newest: dict[int, ActivityJudged] = {}
    for _, verdict in good:
        place = _place(verdict)
        known = newest.get(place)
        if known is None or known.sequence < verdict.sequence:
            newest[place] = verdict
    if newest:
        await repository.judge(session, [_judged_row(newest[place]) for place in sorted(newest)])
        await deliveries.queue_results(session, list(newest.values()))
    return dead


def _judged_row(verdict: ActivityJudged) -> tuple[object, ...]:
    return (
        verdict.receipt_id,
        verdict.index,
        verdict.activity_id,
        verdict.partner_id,
        verdict.event_id,
        verdict.status,
        verdict.reason_code,
        verdict.amount_mg,
        verdict.sequence,
        verdict.judged_at,
    )


async def handle_rejections(session: Session, records: Sequence[StoredRecord]) -> Sequence[DeadLetter]:
    """Consumer of `ingest.rejections.v1`."""
    good, dead = _decoded(records, _rejected.decode)
    if good:
        await repository.keep_rejections(session, [_rejection_row(receipt) for _, receipt in good])
    return dead


def _rejection_row(receipt: ReceiptRejected) -> repository.Row:
    return {
        "receipt_id": receipt.receipt_id,
        "partner_id": receipt.partner_id,
        "received_at": receipt.received_at,
        "accepted": receipt.accepted,
        "rejected": len(receipt.rejected),
        "items": msgspec.to_builtins(receipt.rejected),
    }


async def forget_rejections(session: Session) -> None:
    """Timed job; removes a bounded number per run."""
    await repository.forget_rejections(session, clock.now() - REJECTIONS_KEPT, _FORGET_MAX)


async def keep_partitions(session: Session, *, months_kept: int) -> None:
    """Timed job: months ahead are there before they are needed, months too old go, a bounded number per run."""
    now = clock.now()
    made = await repository.make_partitions(session, now, PARTITIONS_AHEAD)
    before = now - timedelta(days=months_kept * _MONTH_DAYS_MAX)
    dropped = await repository.drop_partitions(session, before, _DROPPED_MAX)
    await repository.forget_strays(session, before, _FORGET_MAX)
    if made or dropped:
        _log.info("archive_partitions", made=made, dropped=dropped)


async def event_view(session: Session, *, partner_id: str, event_id: str) -> EventView:
    """What became of the partner's own event. Raises EventNotFound."""
    key = event_key(partner_id, event_id)
    # Most questions are about the last days: the two newest months answer them, however many are kept.
    row = await repository.event(session, key, receipt_bound(clock.now() - _RECENT))
    if row is None or not _took_effect(row):
        row = await repository.event(session, key, UUID(int=0))
    if row is None:
        raise EventNotFound
    judged = _took_effect(row)
    return EventView(
        event_id=event_id,
        activity_id=key,
        receipt_id=row["receipt_id"],
        received_at=row["received_at"],
        status=shown(row["status"]) if judged else "received",
        reason_code=row["reason_code"] if judged else None,
        amount_mg=row["amount_mg"] if judged else None,
    )


async def receipt_view(session: Session, *, partner_id: str, receipt_id: UUID) -> ReceiptView:
    """The fate of everything in one request of the partner's own. Raises ReceiptNotFound."""
    rows = await repository.receipt_events(session, receipt_id, partner_id)
    refused = await repository.rejections(session, receipt_id, partner_id)
    if not rows and refused is None:
        return await _not_archived_yet(session, receipt_id, partner_id)
    archived = [row for row in rows if row["received_at"] is not None]
    if refused is not None:
        received_at, accepted, rejected = (refused[name] for name in ("received_at", "accepted", "rejected"))
    elif archived:
        received_at, accepted, rejected = (
            archived[0][name] for name in ("received_at", "receipt_accepted", "receipt_rejected")
        )
    else:  # only verdicts so far
        received_at, accepted, rejected = _made_at(receipt_id), None, None
    return ReceiptView(
        receipt_id=receipt_id,
        received_at=received_at,
        accepted=accepted,
        rejected=rejected,
        archived=len(archived),
        fates=[_fate(row) for row in rows],
        refusals=[
            Refusal(item["index"], item.get("id"), item["code"], item.get("field"))
            for item in (refused["items"] if refused is not None else [])
        ],
    )


def _took_effect(row: repository.Row) -> bool:
    """A copy's verdict says nothing of the event itself: the first copy may still be on its way to the archive."""
    return row["sequence"] > 0 and row["status"] not in COPY_STATUSES


def _fate(row: repository.Row) -> Fate:
    return Fate(
        index=row["item_index"],
        id=row["event_id"],
        status=shown(row["status"]),
        reason_code=row["reason_code"],
        amount_mg=row["amount_mg"] if row["sequence"] else None,
    )


def _made_at(receipt_id: UUID) -> datetime:
    """The instant inside a UUIDv7 of ours."""
    return datetime.fromtimestamp(_made_at_ms(receipt_id) / 1000, tz=UTC)


def _made_at_ms(receipt_id: UUID) -> int:
    return receipt_id.int >> 80


async def _not_archived_yet(session: Session, receipt_id: UUID, partner_id: str) -> ReceiptView:
    """An empty receipt for an id that we may have given out moments ago. Raises ReceiptNotFound."""
    age_ms = clock.now().timestamp() * 1000 - _made_at_ms(receipt_id)
    if receipt_id.version != 7 or abs(age_ms) > _ARCHIVING_MAX_MS:
        raise ReceiptNotFound
    if await repository.belongs_to_another(session, receipt_id, partner_id):
        raise ReceiptNotFound
    return ReceiptView(receipt_id, _made_at(receipt_id))


async def day_totals(session: Session, *, day: date, time_zone: str) -> DayTotals:
    """What was received on one calendar day of the programme, and what had become of it by now."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    return DayTotals(
        day=day,
        time_zone=time_zone,
        accepted=await repository.accepted_totals(session, start, end),
        rejected=await repository.rejected_totals(session, start, end),
    )


async def outcome_counts(session: Session, *, partner_id: str, first: UUID, last: UUID) -> dict[str, int]:
    """What became of the events of all receipts from `first` to `last`, by the status a partner is shown."""
    return counts_of(await repository.status_counts(session, partner_id, first, last))


async def acts_of_day(session: Session, *, day: date, time_zone: str, partner_id: str | None) -> Sequence[ActTotals]:
    """What partners' acts of one day (by the act's own time) sum up to, each event once."""
    since = receipts_about(day, time_zone)
    return [ActTotals(**row) for row in await repository.acts_of_day(session, day, since, partner_id)]


def receipts_about(day: date, time_zone: str) -> UUID:
    """No receipt before this one reports an act of that day: a day's margin for clocks that are wrong."""
    return receipt_bound(datetime.combine(day - timedelta(days=1), time.min, ZoneInfo(time_zone)))

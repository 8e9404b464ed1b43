"""Use cases of the archive: the worker's three consumers, and the queries of partners and operators."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from services.ingest.archive import repository
from services.ingest.archive.domain import (
    COPY_STATUSES,
    AcceptedItem,
    ActTotals,
    DayTotals,
    EventView,
    ReceiptView,
    RejectedItem,
    counts_of,
    partner_status,
    receipt_bound,
)
from services.ingest.archive.errors import EventNotFound, ReceiptNotFound
from services.ingest.deliveries import service as deliveries
from services.ingest.outcomes import service as outcomes
from services.ingest.receipt_ids import is_issued
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rejections_v1 import ReceiptRejected
from shared.db import Session
from shared.eventlog import StoredRecord
from shared.projection import Items, newest

# Time enough to repair and audit an integration. Accepted events are kept longer.
REJECTIONS_KEPT = timedelta(days=180)
_DELETE_MAX = 5_000
# The partition exists even if the worker was away for a month or a clock is wrong.
PARTITIONS_AHEAD = 2
_MONTH_DAYS_MAX = 31
_DROP_MAX = 3
_RECENT = timedelta(days=20)
_SANDBOX_SINCE = timedelta(days=60)
# The archive catches up within moments, and within this time after the longest outage. Later an issued receipt without
# a record is one that has expired.
_ARCHIVING_MAX = timedelta(days=7)
_INDEX_BITS = 20  # the contracts allow a million events in a receipt

_log = structlog.get_logger(__name__)

_encode = msgspec.json.Encoder().encode


async def handle_reports(session: Session, items: Items[ActivityReported], *, time_zone: str) -> None:
    """Consumer of `ingest.activities.v1`. `time_zone` decides the day of an act."""
    zone = ZoneInfo(time_zone)
    first: dict[int, tuple[StoredRecord, ActivityReported]] = {}
    for one in items:
        first.setdefault(_row_order(one[1]), one)
    await repository.store_events(session, [_archived_row(*first[position], zone) for position in sorted(first)])


def _row_order(item: ActivityReported | ActivityJudged) -> int:
    """Receipt and index as one number. All writers lock rows in this order, so they cannot deadlock."""
    return item.receipt_id.int << _INDEX_BITS | item.index


def _archived_row(record: StoredRecord, report: ActivityReported, zone: ZoneInfo) -> tuple[object, ...]:
    """The columns as a tuple. A poll has thousands of rows, so a dict for each would be expensive."""
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


async def handle_outcomes(session: Session, items: Items[ActivityJudged]) -> None:
    """Consumer of `accounting.outcomes.v1`. Keeps the newest verdict on each copy, in whatever order they come."""
    verdicts = newest((verdict for _, verdict in items), key=_row_order, version=lambda verdict: verdict.sequence)
    ordered = [verdicts[position] for position in sorted(verdicts)]
    stored = await repository.store_verdicts(session, [_judged_row(verdict) for verdict in ordered])
    # A record that the log delivers again, or late, is no news for partners.
    news = [verdict for verdict in ordered if (verdict.receipt_id, verdict.index) in stored]
    await deliveries.queue_results(session, await outcomes.append(session, news))


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


async def handle_rejections(session: Session, items: Items[ReceiptRejected]) -> None:
    """Consumer of `ingest.rejections.v1`."""
    await repository.store_rejections(session, [_rejection_row(receipt) for _, receipt in items])


def _rejection_row(receipt: ReceiptRejected) -> repository.Row:
    return {
        "receipt_id": receipt.receipt_id,
        "partner_id": receipt.partner_id,
        "received_at": receipt.received_at,
        "accepted": receipt.accepted,
        "rejected": len(receipt.rejected),
        "items": msgspec.to_builtins(receipt.rejected),
    }


async def delete_old_rejections(session: Session) -> None:
    """Timed job. Deletes a bounded number per run."""
    await repository.delete_rejections(session, clock.now() - REJECTIONS_KEPT, _DELETE_MAX)


async def keep_partitions(session: Session, *, months_kept: int) -> None:
    """Timed job. Creates the partitions of coming months and drops expired ones, a bounded number per run."""
    now = clock.now()
    made = await repository.make_partitions(session, now, PARTITIONS_AHEAD)
    before = now - timedelta(days=months_kept * _MONTH_DAYS_MAX)
    dropped = await repository.drop_partitions(session, before, _DROP_MAX)
    await repository.delete_undated(session, before, _DELETE_MAX)
    if made or dropped:
        _log.info("archive_partitions", made=made, dropped=dropped)


async def event_view(session: Session, *, partner_id: str, event_id: str) -> EventView:
    """The status of one of the partner's own events. Raises EventNotFound."""
    key = event_key(partner_id, event_id)
    # Most queries are about the last days. The two newest months answer them, however many are kept.
    row = await repository.find_event(session, key, receipt_bound(clock.now() - _RECENT))
    if row is None or not _took_effect(row):
        row = await repository.find_event(session, key, UUID(int=0))
    if row is None:
        raise EventNotFound
    judged = _took_effect(row)
    return EventView(
        event_id=event_id,
        activity_id=key,
        receipt_id=row["receipt_id"],
        received_at=row["received_at"],
        status=partner_status(row["status"]) if judged else "received",
        reason_code=row["reason_code"] if judged else None,
        amount_mg=row["amount_mg"] if judged else None,
    )


async def receipt_view(session: Session, *, partner_id: str, receipt_id: UUID, pepper: str) -> ReceiptView:
    """The status of everything in one of the partner's own requests. Raises ReceiptNotFound."""
    rows = await repository.list_receipt_events(session, receipt_id, partner_id)
    refused = await repository.find_rejections(session, receipt_id, partner_id)
    if not rows and refused is None:
        if not _is_under_way(receipt_id, pepper, partner_id):
            raise ReceiptNotFound
        return ReceiptView(receipt_id, _created_at(receipt_id))
    archived = [row for row in rows if row["received_at"] is not None]
    if refused is not None:
        received_at, accepted, rejected = (refused[name] for name in ("received_at", "accepted", "rejected"))
    elif archived:
        received_at, accepted, rejected = (
            archived[0][name] for name in ("received_at", "receipt_accepted", "receipt_rejected")
        )
    else:  # only verdicts so far
        received_at, accepted, rejected = _created_at(receipt_id), None, None
    return ReceiptView(
        receipt_id=receipt_id,
        received_at=received_at,
        accepted=accepted,
        rejected=rejected,
        archived=len(archived),
        accepted_items=[_accepted_item(row) for row in rows],
        rejected_items=[
            RejectedItem(item["index"], item.get("id"), item["code"], item.get("field"))
            for item in (refused["items"] if refused is not None else [])
        ],
    )


def _took_effect(row: repository.Row) -> bool:
    """Whether the verdict is about the event itself. That of a copy is not: the first one may not be archived yet."""
    return row["sequence"] > 0 and row["status"] not in COPY_STATUSES


def _accepted_item(row: repository.Row) -> AcceptedItem:
    return AcceptedItem(
        index=row["item_index"],
        id=row["event_id"],
        status=partner_status(row["status"]),
        reason_code=row["reason_code"],
        amount_mg=row["amount_mg"] if row["sequence"] else None,
    )


def _created_at(receipt_id: UUID) -> datetime:
    """The time inside a receipt id, which is a UUIDv7."""
    return datetime.fromtimestamp((receipt_id.int >> 80) / 1000, tz=UTC)


def _is_under_way(receipt_id: UUID, pepper: str, partner_id: str) -> bool:
    """Whether the intake issued this id to this partner, and the archive may still come to it."""
    return is_issued(receipt_id, pepper, partner_id) and abs(clock.now() - _created_at(receipt_id)) <= _ARCHIVING_MAX


async def day_totals(session: Session, *, day: date, time_zone: str) -> DayTotals:
    """Events received on one calendar day of the programme, by their present status."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    return DayTotals(
        day=day,
        time_zone=time_zone,
        accepted=await repository.count_accepted(session, start, end),
        rejected=await repository.count_rejected(session, start, end),
    )


async def outcome_counts(session: Session, *, partner_id: str, first: UUID, last: UUID) -> dict[str, int]:
    """Number of events in the receipts from `first` to `last`, by the status that a partner sees."""
    return counts_of(await repository.count_by_status(session, partner_id, first, last))


async def sum_acts_of_day(
    session: Session, *, day: date, time_zone: str, partner_id: str | None
) -> Sequence[ActTotals]:
    """Sums of the acts that happened on one day. Each event counts once. `partner_id` None: all partners."""
    since = first_receipt_about(day, time_zone)
    return [ActTotals(**row) for row in await repository.sum_acts_of_day(session, day, since, partner_id)]


def first_receipt_about(day: date, time_zone: str) -> UUID:
    """No earlier receipt reports an act of that day. One day of margin allows for wrong clocks."""
    return receipt_bound(datetime.combine(day - timedelta(days=1), time.min, ZoneInfo(time_zone)))


async def copies_of(session: Session, event_keys: Collection[UUID]) -> dict[UUID, bytes]:
    """Fingerprints of these events that the last months have already."""
    return await repository.first_fingerprints(session, event_keys, receipt_bound(clock.now() - _SANDBOX_SINCE))


async def taken_back(
    session: Session, partner_id: str, event_id: str, reason_code: str, at: datetime
) -> ActivityJudged | None:
    """The verdict that takes back an event of a sandbox. None if there is no such event in effect."""
    key = event_key(partner_id, event_id)
    row = await repository.find_event(session, key, receipt_bound(at - _SANDBOX_SINCE))
    if row is None or row["partner_id"] != partner_id or row["status"] == "reversed":
        return None
    return ActivityJudged(
        activity_id=key,
        partner_id=partner_id,
        event_id=event_id,
        receipt_id=row["receipt_id"],
        index=row["item_index"],
        status="reversed",
        reason_code=reason_code,
        judged_at=at,
        sequence=row["sequence"] + 1,
    )

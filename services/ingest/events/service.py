"""The intake: decode a verified partner's events, publish the accepted ones, answer for each one.

Imported files use the same decoding and publishing.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
import structlog

from services.ingest import event_types
from services.ingest.events import decoding
from services.ingest.events.answers import EventRefused, EventResult, IntakeAnswer
from services.ingest.events.decoding import BatchContext, ReadEvent, read_events
from services.ingest.events.errors import LogUnavailable
from services.ingest.events.rejections import INVALID_TEXT, INVALID_TIME, EventRejected, message_of, text_of
from services.ingest.limits.service import Limits
from services.ingest.partners.service import Caller, SeenNonces
from services.ingest.receipt_ids import new_receipt_id
from shared import clock, telemetry
from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.envelope import common_headers, event_headers
from shared.contracts.rejections_v1 import RECEIPT_REJECTED_TYPE, ReceiptRejected, RejectedEvent
from shared.errors import TooManyRequests
from shared.eventlog import EventLog, EventLogError, Record
from shared.language import Language

__all__ = [
    "INVALID_TEXT",
    "INVALID_TIME",
    "BatchContext",
    "EventRejected",
    "IntakePorts",
    "ensure_topics",
    "message_of",
    "publish_activities",
    "read_events",
    "report_events",
]

_RETRY_AFTER_S = 2

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


# Judges the events of a sandbox key: the accepted ones, and the rejected ones if there are any.
JudgeSandbox = Callable[[Sequence[ActivityReported], ReceiptRejected | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class IntakePorts:
    """What the intake needs beside a request. `pepper` keys the hashes of account references."""

    limits: Limits
    nonces: SeenNonces
    log: EventLog
    pepper: str = field(repr=False)
    topic_prefix: str
    judge_sandbox: JudgeSandbox


async def report_events(
    ports: IntakePorts, caller: Caller, body: bytes, *, content_type: str | None, dry_run: bool, language: Language
) -> IntakeAnswer:
    """Return once every accepted event is durable in the log.

    Raises the errors of `split_batch`, EventRefused (the one event of a request was rejected), LogUnavailable,
    EventRateExceeded, DailyBudgetExhausted. The last three release the request's nonce: the same signed bytes may be
    sent again.
    """
    events = decoding.split_batch(body, content_type)
    is_single = decoding.is_single(content_type)
    is_kept = not (dry_run or caller.partner.sandbox)
    owner = replace(caller.partner, partner_id=caller.stored_as) if caller.is_apart else caller.partner
    try:
        with ports.limits.reserve(caller.partner, len(events), counts=is_kept) as reservation:
            receipt_id = new_receipt_id(ports.pepper, caller.stored_as)
            batch = BatchContext(owner, ports.pepper, receipt_id, clock.now())
            read = read_events(events, batch)
            if is_kept:
                # Before the log has it: who sends the same bytes again wants to know where to look.
                ports.nonces.note_receipt(caller.app_key, caller.nonce, receipt_id)
                await _publish(ports, batch, read)
                reservation.kept = sum(one.reported is not None for one in read)
                _count(caller.partner.partner_id, read)
            elif not dry_run:
                ports.limits.admit_sandbox(caller.partner, len(events))
                await _judge_sandbox(ports, batch, read)
    except EventLogError as exc:
        ports.nonces.release(caller.app_key, caller.nonce)
        _log.warning("events_not_published", partner=caller.partner.partner_id, error=repr(exc)[:300])
        raise LogUnavailable(retry_after_s=_RETRY_AFTER_S) from exc
    except TooManyRequests:
        ports.nonces.release(caller.app_key, caller.nonce)
        raise
    answer = _answer(batch, read, dry_run=dry_run, language=language)
    rejected = read[0].rejected if is_single else None
    if rejected is not None:
        message = text_of(rejected.code, rejected.field)
        raise EventRefused(rejected.code, rejected.field, message, extensions=msgspec.to_builtins(answer))
    return answer


async def ensure_topics(log: EventLog, prefix: str) -> None:
    """Raises EventLogError while the log is away."""
    await log.ensure_topic(prefix + topics.ACTIVITIES, partitions=topics.PARTITIONS[topics.ACTIVITIES])
    await log.ensure_topic(prefix + topics.REJECTIONS, partitions=topics.PARTITIONS[topics.REJECTIONS])


async def publish_activities(
    log: EventLog, topic_prefix: str, *, source: str, received_at: datetime, reports: Sequence[ActivityReported]
) -> None:
    """Return once the log has all of `reports`, which one partner (`source`) sent. Raises EventLogError."""
    headers = common_headers(source=source, event_type=event_types.ACTIVITY_REPORTED, at=received_at)
    await log.publish(topic_prefix + topics.ACTIVITIES, [decoding.record_of(one, headers) for one in reports])


async def _judge_sandbox(ports: IntakePorts, batch: BatchContext, read: list[ReadEvent]) -> None:
    reports = _sized([one.reported for one in read if one.reported is not None], len(read))
    rejections = _rejections_of(batch, read, len(reports)) if len(reports) < len(read) else None
    await ports.judge_sandbox(reports, rejections)


def _sized(reports: list[ActivityReported], events: int) -> list[ActivityReported]:
    """Tell each event the size of its receipt and its place."""
    # Safe to mutate: nothing else holds these structs yet, and a copy would validate every field again.
    for one in reports:
        msgspec.structs.force_setattr(one, "receipt_accepted", len(reports))
        msgspec.structs.force_setattr(one, "receipt_rejected", events - len(reports))
    return reports


async def _publish(ports: IntakePorts, batch: BatchContext, read: list[ReadEvent]) -> None:
    """Rejections first. If the events fail afterwards, only a receipt is left that no partner knows.

    An empty batch leaves a receipt without rejections, so that its id can be asked for like any other.
    """
    reports = [one.reported for one in read if one.reported is not None]
    if len(reports) < len(read) or not read:
        record = _rejections_record(batch, read, len(reports))
        await ports.log.publish(ports.topic_prefix + topics.REJECTIONS, [record])
    if reports:
        await publish_activities(
            ports.log,
            ports.topic_prefix,
            source=batch.partner.source,
            received_at=batch.received_at,
            reports=_sized(reports, len(read)),
        )


def _rejections_of(batch: BatchContext, read: list[ReadEvent], accepted: int) -> ReceiptRejected:
    rejected = [
        RejectedEvent(index=index, id=one.id, code=one.rejected.code, field=one.rejected.field)
        for index, one in enumerate(read)
        if one.rejected is not None
    ]
    return ReceiptRejected(
        receipt_id=batch.receipt_id,
        partner_id=batch.partner.partner_id,
        received_at=batch.received_at,
        accepted=accepted,
        rejected=rejected,
    )


def _rejections_record(batch: BatchContext, read: list[ReadEvent], accepted: int) -> Record:
    receipt = _rejections_of(batch, read, accepted)
    headers = event_headers(
        str(batch.receipt_id),
        source=batch.partner.source,
        event_type=RECEIPT_REJECTED_TYPE,
        at=batch.received_at,
    )
    return Record(
        key=batch.partner.partner_id.encode(),
        value=_encode(receipt),
        headers=headers,
    )


def _count(partner_id: str, read: list[ReadEvent]) -> None:
    rejected = Counter(one.rejected.code for one in read if one.rejected is not None)
    accepted = len(read) - rejected.total()
    if accepted:
        telemetry.EVENTS_INTAKE.labels(partner_id, "accepted").inc(accepted)
    for code, count in rejected.items():
        telemetry.EVENTS_INTAKE.labels(partner_id, code).inc(count)


def _result(index: int, one: ReadEvent, language: Language) -> EventResult:
    rejected = one.rejected
    if rejected is None:
        return EventResult(index=index, id=one.id, status="accepted")
    return EventResult(
        index=index,
        id=one.id,
        status="rejected",
        code=rejected.code,
        field=rejected.field,
        message=message_of(rejected.code, rejected.field, language),
    )


def _answer(batch: BatchContext, read: list[ReadEvent], *, dry_run: bool, language: Language) -> IntakeAnswer:
    rejected = sum(one.rejected is not None for one in read)
    return IntakeAnswer(
        receipt_id=None if dry_run else batch.receipt_id,
        accepted=len(read) - rejected,
        rejected=rejected,
        results=[_result(index, one, language) for index, one in enumerate(read)],
        dry_run=dry_run,
        environment=batch.partner.environment,
    )

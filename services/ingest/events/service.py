"""The intake: read what a verified partner sent, hand the good events to the log, tell the partner about each one."""

from collections import Counter

import msgspec
import structlog

from services.ingest import event_types
from services.ingest import topics as own_topics
from services.ingest.events import decoding
from services.ingest.events.answers import EventResult, IntakeAnswer
from services.ingest.events.decoding import Intake, Reading
from services.ingest.events.errors import LogUnavailable
from services.ingest.events.rejections import message_of
from services.ingest.partners.service import Caller
from services.ingest.resources import Resources
from services.ingest.topics import ReceiptRejected, RejectedEvent
from shared import clock, telemetry
from shared.contracts import topics
from shared.errors import TooManyRequests
from shared.eventlog import EventLog, EventLogError, Record
from shared.ids import new_id
from shared.language import Language

__all__ = ["ensure_topics", "message_of", "report"]

_RETRY_AFTER_S = 2

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


async def report(
    parts: Resources, caller: Caller, body: bytes, *, content_type: str | None, dry_run: bool, language: Language
) -> IntakeAnswer:
    """Returns when every accepted event is durable in the log.

    Raises UnsupportedMediaType, MalformedBody, BatchTooLarge, LogUnavailable, EventRateExceeded, DailyBudgetExhausted.
    After the last three the same signed bytes may be sent again: their nonce is given back.
    """
    events = decoding.split(body, content_type)
    is_kept = not (dry_run or caller.partner.sandbox)
    try:
        with parts.limits.reserve(caller.partner, len(events), counts=is_kept) as room:
            intake = Intake(caller.partner, parts.settings.account_ref_pepper.get_secret_value(), new_id(), clock.now())
            readings = decoding.read(events, intake)
            if is_kept:
                await _publish(parts, intake, readings)
                room.kept = sum(reading.reported is not None for reading in readings)
                _count(caller.partner.partner_id, readings)
    except EventLogError as exc:
        parts.nonces.release(caller.app_key, caller.nonce)
        _log.warning("events_not_published", partner=caller.partner.partner_id, error=repr(exc)[:300])
        raise LogUnavailable(retry_after_s=_RETRY_AFTER_S) from exc
    except TooManyRequests:
        parts.nonces.release(caller.app_key, caller.nonce)
        raise
    return _answer(intake, readings, dry_run=dry_run, language=language)


async def ensure_topics(log: EventLog, prefix: str) -> None:
    """Raises EventLogError while the log is away."""
    await log.ensure_topic(prefix + topics.ACTIVITIES, partitions=topics.PARTITIONS[topics.ACTIVITIES])
    await log.ensure_topic(prefix + own_topics.REJECTIONS, partitions=own_topics.REJECTIONS_PARTITIONS)


async def _publish(parts: Resources, intake: Intake, readings: list[Reading]) -> None:
    """Refusals first: should the events fail afterwards, a receipt nobody knows of is all that is left."""
    prefix = parts.settings.topic_prefix
    reports = [reading.reported for reading in readings if reading.reported is not None]
    if len(reports) < len(readings):
        await parts.log.publish(prefix + own_topics.REJECTIONS, [_refusals(intake, readings, len(reports))])
    if reports:
        headers = decoding.cloud_event_headers(
            source=intake.partner.source, event_type=event_types.ACTIVITY_REPORTED, at=intake.received_at
        )
        for one in reports:  # made a moment ago, seen by nobody: a copy would check all its fields once more
            msgspec.structs.force_setattr(one, "receipt_accepted", len(reports))
            msgspec.structs.force_setattr(one, "receipt_rejected", len(readings) - len(reports))
        records = [decoding.record_of(one, headers) for one in reports]
        await parts.log.publish(prefix + topics.ACTIVITIES, records)


def _refusals(intake: Intake, readings: list[Reading], accepted: int) -> Record:
    refused = [
        RejectedEvent(index=index, id=reading.id, code=reading.rejected.code, field=reading.rejected.field)
        for index, reading in enumerate(readings)
        if reading.rejected is not None
    ]
    receipt = ReceiptRejected(
        receipt_id=intake.receipt_id,
        partner_id=intake.partner.partner_id,
        received_at=intake.received_at,
        accepted=accepted,
        rejected=refused,
    )
    headers = decoding.cloud_event_headers(
        source=intake.partner.source, event_type=event_types.RECEIPT_REJECTED, at=intake.received_at
    )
    return Record(
        key=intake.partner.partner_id.encode(),
        value=_encode(receipt),
        headers=(("ce_id", str(intake.receipt_id).encode()), *headers),
    )


def _count(partner_id: str, readings: list[Reading]) -> None:
    refused = Counter(reading.rejected.code for reading in readings if reading.rejected is not None)
    accepted = len(readings) - refused.total()
    if accepted:
        telemetry.EVENTS_INTAKE.labels(partner_id, "accepted").inc(accepted)
    for code, count in refused.items():
        telemetry.EVENTS_INTAKE.labels(partner_id, code).inc(count)


def _result(index: int, reading: Reading, language: Language) -> EventResult:
    rejected = reading.rejected
    if rejected is None:
        return EventResult(index=index, id=reading.id, status="accepted")
    return EventResult(
        index=index,
        id=reading.id,
        status="rejected",
        code=rejected.code,
        field=rejected.field,
        message=message_of(rejected.code, rejected.field, language),
    )


def _answer(intake: Intake, readings: list[Reading], *, dry_run: bool, language: Language) -> IntakeAnswer:
    rejected = sum(reading.rejected is not None for reading in readings)
    return IntakeAnswer(
        receipt_id=None if dry_run else intake.receipt_id,
        accepted=len(readings) - rejected,
        rejected=rejected,
        results=[_result(index, reading, language) for index, reading in enumerate(readings)],
        dry_run=dry_run,
        environment=intake.partner.environment,
    )

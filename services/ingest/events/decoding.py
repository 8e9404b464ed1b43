"""Turns the bytes a partner signed into records of the topic, in one pass. A bad event never affects another one."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw

from services.ingest import event_types
from services.ingest.events import event_shapes as shapes
from services.ingest.events import rejections
from services.ingest.events.domain import act_of
from services.ingest.events.errors import BatchExpected, BatchTooLarge, SingleEventExpected
from services.ingest.events.rejections import EventRejected, Rejection, rejection_of
from services.ingest.partners.service import Partner
from shared.contracts import identity
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.errors import MalformedBody, UnsupportedMediaType
from shared.eventlog import Record
from shared.json_keys import repeated_key
from shared.media_types import MediaType, parse_media_type

BATCH_EVENTS_MAX: Final = 500
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_BAD_INPUT: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PHONE_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FOR_MANY: Final = frozenset({"bus", "metro"})
_UTF8: Final = frozenset({None, "utf-8", "utf8"})
_JSON: Final = "application/json"
_JSON_SPACE: Final = b" \t\r\n"

_Operation = Literal["report", "correct", "cancel"]
_REPORTS: Final[dict[str, type[msgspec.Struct]]] = {
    event_types.TRIP: shapes.TripCompleted,
    event_types.TRANSIT: shapes.TransitRidden,
    event_types.RECYCLING: shapes.RecyclingDeposited,
    event_types.BAG: shapes.BagReused,
    event_types.ENERGY: shapes.EnergySaved,
}
_REVISIONS: Final[dict[str, type[msgspec.Struct]]] = {
    event_types.CORRECTED: shapes.EventCorrected,
    event_types.CANCELLED: shapes.EventCancelled,
}
_TYPE_OF_FIELD: Final = {
    "trip_id": event_types.TRIP,
    "ride_id": event_types.TRANSIT,
    "deposit_id": event_types.RECYCLING,
    "receipt_no": event_types.BAG,
    "meter_ref": event_types.ENERGY,
}

_events = msgspec.json.Decoder(list[Raw])
_one = msgspec.json.Decoder(Raw)
_probe = msgspec.json.Decoder(shapes.CorrectionProbe)
_attributes = msgspec.json.Decoder(shapes.TripAttributes)
_encode = msgspec.json.Encoder().encode


class _WithId(msgspec.Struct):
    id: shapes.EventId


_with_id = msgspec.json.Decoder(_WithId)


class _Decoders:
    """The decoders of the envelope and of each event type. `form` changes each type before its decoder is built."""

    def __init__(self, envelope: type[shapes.Envelope], form: Callable[[type[msgspec.Struct]], type[Any]]) -> None:
        self.envelope = msgspec.json.Decoder(envelope)
        self.data: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(form(shape)) for name, shape in (_REPORTS | _REVISIONS).items()
        }


_LENIENT = _Decoders(shapes.Envelope, lambda shape: shape)
_PLAIN = _Decoders(shapes.without_patterns(shapes.Envelope), shapes.without_patterns)
_STRICT = _Decoders(shapes.Envelope, shapes.refusing_unknown_fields)


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What all events of one request have in common. `pepper` keys the hashes of account references."""

    partner: Partner
    pepper: str
    receipt_id: UUID
    received_at: datetime


class ReadEvent(msgspec.Struct, gc=False):
    """One event after decoding. Either `reported` or `rejected` is set."""

    id: str | None
    reported: ActivityReported | None = None
    rejected: Rejection | None = None  # not the exception: its traceback would keep the whole batch in memory


def is_single(content_type: str | None) -> bool:
    """Whether the request is one event in structured mode. Raises UnsupportedMediaType for any type but our two."""
    found = parse_media_type(content_type)
    if found is None or found.name not in {ONE, BATCH} or found.charset not in _UTF8:
        raise UnsupportedMediaType(allowed=f"{ONE}, {BATCH}", headers={"Accept": f"{ONE}, {BATCH}"})
    return found.name == ONE


def split_batch(body: bytes, content_type: str | None) -> list[Raw]:
    """The raw JSON of each event.

    Raises UnsupportedMediaType, MalformedBody, BatchExpected, SingleEventExpected, BatchTooLarge.
    """
    single = is_single(content_type)
    is_array = body.lstrip(_JSON_SPACE)[:1] == b"["
    try:
        events = _events.decode(body) if is_array else [_one.decode(body)]
    except _BAD_INPUT as exc:
        raise MalformedBody from exc
    if is_array == single:
        raise (SingleEventExpected if single else BatchExpected)(batch=BATCH, one=ONE)
    if len(events) > BATCH_EVENTS_MAX:
        raise BatchTooLarge(limit=BATCH_EVENTS_MAX, count=len(events))
    return events


def read_events(events: list[Raw], batch: BatchContext) -> list[ReadEvent]:
    decoders = _decoders_for(events, batch.partner)
    # One search over all is cheaper than one for each. Only where it finds a key, the events are searched one by one.
    are_clean = _has_unique_keys(b"[" + b",".join(events) + b"]")
    read = []
    for index, raw in enumerate(events):
        try:
            if not are_clean:
                _require_unique_keys(raw)
            reported = _read_one(raw, index, batch, decoders)
        except EventRejected as rejected:
            read.append(ReadEvent(_readable_id(raw), rejected=Rejection(rejected.code, rejected.field)))
        else:
            read.append(ReadEvent(reported.event_id, reported=reported))
    return read


def _decoders_for(events: list[Raw], partner: Partner) -> _Decoders:
    """Strict for sandboxes, lenient for live partners. Plain ones accept the same as lenient ones at lower cost.

    They skip the search for control characters. JSON without a backslash and without DEL cannot hold any.
    """
    if partner.sandbox:
        return _STRICT
    text = b"".join(events)
    return _LENIENT if b"\\" in text or b"\x7f" in text else _PLAIN


def _readable_id(raw: Raw) -> str | None:
    try:
        return _with_id.decode(raw).id
    except _BAD_INPUT:
        return None


def _decode(decoder: msgspec.json.Decoder[Any], raw: Raw, prefix: str) -> Any:
    try:
        return decoder.decode(raw)
    except _BAD_INPUT as exc:
        raise rejection_of(exc, prefix) from exc


def _read_one(raw: Raw, index: int, batch: BatchContext, decoders: _Decoders) -> ActivityReported:
    partner = batch.partner
    envelope: shapes.Envelope = _decode(decoders.envelope, raw, "")
    content = _content_of(envelope)
    if envelope.source != partner.source:
        raise EventRejected(rejections.SOURCE_MISMATCH, "source")
    decoder = decoders.data.get(envelope.type)
    if decoder is None:
        raise EventRejected(rejections.UNKNOWN_EVENT_TYPE, "type")
    if envelope.type in _REPORTS:
        _require_allowed(envelope.type, partner, "type")
    data = _decode(decoder, content, "data")
    operation: _Operation = "report"
    original_id: str | None = None
    reason: str | None = None
    account_ref: shapes.AccountRef | None
    act: Act | None = None
    if isinstance(data, shapes.EventCancelled):
        operation, original_id, reason, account_ref = "cancel", data.original_id, data.reason, data.account_ref
    else:
        if isinstance(data, shapes.EventCorrected):
            operation, original_id, reason = "correct", data.original_id, data.reason
            data = _corrected(data.data, partner, decoders)
        account_ref, act = data.account_ref, _act(data, batch)
    account_key = "" if account_ref is None else _account_key(account_ref, batch)
    # Before the keys below are added: fingerprints from before these keys existed must stay equal.
    fingerprint = _fingerprint(envelope.type, account_key, act, original_id, reason)
    if act is not None:
        _add_keys(act, data, batch)
    return ActivityReported(
        operation=operation,
        event_key=identity.event_key(partner.partner_id, envelope.id),
        partner_id=partner.partner_id,
        event_id=envelope.id,
        receipt_id=batch.receipt_id,
        index=index,
        account_key=account_key,
        act=act,
        original_event_id=original_id,
        reason=reason,
        fingerprint=fingerprint,
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        received_at=batch.received_at,
        late_window_s=partner.late_window_s,
    )


def _has_unique_keys(text: bytes) -> bool:
    """False also if a single event keeps the search from reading the rest."""
    try:
        return repeated_key(text) is None
    except (ValueError, RecursionError):
        return False


def _require_unique_keys(raw: Raw) -> None:
    try:
        key = repeated_key(bytes(raw))
    except (ValueError, RecursionError) as exc:
        raise EventRejected(rejections.MALFORMED_EVENT) from exc
    if key is not None:
        raise EventRejected(rejections.DUPLICATE_KEY, key)


def _content_of(envelope: shapes.Envelope) -> Raw:
    """The JSON of `data`. Raises EventRejected for another content type and for binary data."""
    declared = envelope.datacontenttype
    if declared is not None and declared != _JSON:
        media_type: MediaType | None = parse_media_type(declared)
        if media_type is None or not media_type.is_json:
            raise EventRejected(rejections.INVALID_VALUE, "datacontenttype")
    binary = envelope.data_base64
    if isinstance(binary, Raw) and bytes(binary) != b"null":
        both = isinstance(envelope.data, Raw)
        raise EventRejected(rejections.DATA_TWICE if both else rejections.DATA_BASE64, "data_base64")
    if not isinstance(envelope.data, Raw):
        raise EventRejected(rejections.MISSING_FIELD, "data")
    return envelope.data


def _require_allowed(event_type: str, partner: Partner, field: str) -> None:
    if event_type not in partner.event_types:
        raise EventRejected(rejections.EVENT_TYPE_NOT_ALLOWED, field)


def _corrected(raw: Raw, partner: Partner, decoders: _Decoders) -> shapes.Report:
    """The new data of a correction. The one field that only that event type has identifies the type."""
    present = _decode(_probe, raw, "data.data")
    found = [event_type for name, event_type in _TYPE_OF_FIELD.items() if getattr(present, name) is not UNSET]
    if len(found) != 1:
        raise EventRejected(rejections.AMBIGUOUS_CORRECTION, "data.data")
    _require_allowed(found[0], partner, "data.data")
    corrected: shapes.Report = _decode(decoders.data[found[0]], raw, "data.data")
    return corrected


def _act(data: shapes.Report, batch: BatchContext) -> Act:
    act, name = act_of(data)
    cities = batch.partner.cities
    if cities and act.city_code not in cities:
        raise EventRejected(rejections.CITY_NOT_ALLOWED, "data.city_code")
    natural_key = identity.keyed(batch.pepper, f"{batch.partner.partner_id}\x00{act.kind}\x00{name}")
    # Safe to mutate: nothing else holds this struct yet. Five times cheaper than rebuilding it.
    msgspec.structs.force_setattr(act, "natural_key", natural_key)
    return act


def _add_keys(act: Act, data: shapes.Report, batch: BatchContext) -> None:
    """Set the keyed hash of the meter or of the vehicle, and the passengers that MDS counts among the attributes.

    Nobody hires a bus or a train, so these have no key.
    """
    if isinstance(data, shapes.EnergySaved):
        msgspec.structs.force_setattr(act, "meter_key", identity.meter_key(batch.pepper, data.meter_ref))
    if not isinstance(data, shapes.TripCompleted):
        return
    if data.vehicle_ref is not None and data.vehicle_type not in _FOR_MANY:
        vehicle_key = identity.vehicle_key(batch.pepper, batch.partner.partner_id, data.vehicle_type, data.vehicle_ref)
        msgspec.structs.force_setattr(act, "vehicle_key", vehicle_key)
    if data.passenger_count is None and isinstance(data.trip_attributes, Raw):
        msgspec.structs.force_setattr(act, "passenger_count", _passengers_of(data.trip_attributes))


def _passengers_of(attributes: Raw) -> int | None:
    """Of attributes in another form nothing is read: their form is the mode's and none of ours."""
    try:
        return _attributes.decode(attributes).passenger_count
    except _BAD_INPUT:
        return None


def _account_key(ref: shapes.AccountRef, batch: BatchContext) -> str:
    value = ref.value
    if ref.type == "phone_hash":
        value = value.lower()
        if not _PHONE_HASH.fullmatch(value):
            raise EventRejected(rejections.INVALID_ACCOUNT_REF, "data.account_ref.value")
    return identity.account_key(batch.pepper, batch.partner.partner_id, ref.type, value)


def _fingerprint(
    event_type: str, account_key: str, act: Act | None, original_id: str | None, reason: str | None
) -> str:
    return hashlib.sha256(_encode((event_type, account_key, act, original_id, reason))).hexdigest()


def record_of(report: ActivityReported, headers: tuple[tuple[str, bytes], ...]) -> Record:
    """The topic's record. Without an account its key holds the id of the revised event, for lack of the account key."""
    owner = report.account_key or report.original_event_id or ""
    return Record(
        key=f"{report.partner_id}:{owner}".encode(),
        value=_encode(report),
        headers=(("ce_id", report.event_id.encode()), *headers),
    )

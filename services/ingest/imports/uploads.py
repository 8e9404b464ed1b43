"""What an upload request brings: signed bytes, and the file that its headers or its JSON describe."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pydantic
from fastapi import Depends, Request

from services.ingest import event_types, signed
from services.ingest.imports import columns
from services.ingest.imports.domain import PART_BYTES, Compression, FileFormat
from services.ingest.imports.schemas import NewImport
from services.ingest.imports.service import NewFile
from services.ingest.in_flight import RequestsInFlight
from services.ingest.partners.service import Caller, require_live_data
from shared.errors import FieldError, InvalidRequest, MalformedBody, UnsupportedMediaType

# A line of one megabit carries a part in half of this time.
PART_TIMEOUT_S = 60

FORMATS: dict[str, FileFormat] = {"text/csv": "csv", "application/x-ndjson": "ndjson"}

FILE_CONTENT: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}, "example": columns.template(event_types.TRIP)},
    "application/x-ndjson": {"schema": {"type": "string"}},
}
"""The media types of a file in the API's documentation."""


async def _signed_bytes(
    request: Request, callers: signed.Callers, in_flight: RequestsInFlight
) -> AsyncIterator[tuple[Caller, bytes]]:
    """The bytes of one part and who signed them. The limit on requests in flight bounds the memory they take."""
    declared = request.headers.get("content-length", "")
    with in_flight.admit(int(declared) if declared.isdecimal() else PART_BYTES):
        body = await signed.read_body(request, timeout_s=PART_TIMEOUT_S)
        caller = await signed.caller_of(request, callers, body)
        require_live_data(callers.checks.registry, caller, method=request.method)
        yield caller, body


SignedBytes = Annotated[tuple[Caller, bytes], Depends(_signed_bytes)]


def media_type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def described_by_headers(request: Request, body: bytes, **more: Any) -> NewFile:
    """The file that was sent as the body; `more`: further fields of NewFile. Raises UnsupportedMediaType."""
    media_type = media_type_of(request)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type not in FORMATS:
        raise UnsupportedMediaType(allowed=f"application/json, {', '.join(FORMATS)}")
    if encoding not in {"identity", "gzip"}:
        raise UnsupportedMediaType(allowed="Content-Encoding: gzip")
    compression: Compression = "gzip" if encoding == "gzip" else "identity"
    return NewFile(
        format=FORMATS[media_type],
        compression=compression,
        size_bytes=len(body),
        sha256=hashlib.sha256(body).digest(),
        **more,
    )


def announced_as_json(body: bytes) -> NewFile:
    """The file that will follow in parts. Raises MalformedBody, InvalidRequest."""
    try:
        new = NewImport.model_validate_json(body)
    except pydantic.ValidationError as exc:
        issues = exc.errors(include_url=False, include_input=False)
        if any(issue["type"] == "json_invalid" for issue in issues):
            raise MalformedBody from exc
        fields = [FieldError(".".join(map(str, i["loc"])), i["type"].upper(), i["msg"]) for i in issues]
        raise InvalidRequest(field_errors=fields) from exc
    return NewFile(
        mode=new.mode,
        format=new.format,
        compression=new.compression,
        size_bytes=new.size_bytes,
        sha256=bytes.fromhex(new.sha256),
        dry_run=new.dry_run,
        event_type=full_event_type(new.event_type),
        file_name=new.file_name,
        day=new.day,
    )


def full_event_type(name: str | None) -> str | None:
    """Raises InvalidRequest."""
    if name is None:
        return None
    try:
        return event_types.full_name(name)
    except ValueError as exc:
        raise InvalidRequest(field_errors=[FieldError("event_type", "UNKNOWN_EVENT_TYPE", str(exc))]) from exc

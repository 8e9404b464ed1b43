"""What an upload request brings: signed bytes, and the file that its headers or its JSON describe."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pydantic
from fastapi import Depends, Query, Request

from services.ingest import event_types, signed
from services.ingest.imports import columns
from services.ingest.imports.cells import ZONE_CHARS_MAX, zone_of
from services.ingest.imports.domain import PART_BYTES, Compression, FileFormat
from services.ingest.imports.schemas import NewImport
from services.ingest.imports.service import NewFile
from services.ingest.imports.text import CHARSETS, Charset, charset_of
from services.ingest.in_flight import RequestsInFlight
from services.ingest.partners.service import Caller, require_live_data
from shared.auth import schemes
from shared.errors import FieldError, InvalidRequest, MalformedBody, UnsupportedMediaType
from shared.json_keys import refuse_repeated_keys
from shared.language import Text
from shared.media_types import parse_media_type
from shared.problems import field_errors

# A line of one megabit carries a part in half of this time.
PART_TIMEOUT_S = 60

FORMATS: dict[str, FileFormat] = {"text/csv": "csv", "application/x-ndjson": "ndjson"}

FILE_CONTENT: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}, "example": columns.template(event_types.TRIP)},
    "application/x-ndjson": {"schema": {"type": "string"}},
}
"""The media types of a file in the API's documentation."""


async def _signed_bytes(
    request: Request,
    callers: signed.Callers,
    in_flight: RequestsInFlight,
    _documented: Annotated[Any, Depends(schemes.CP1)],
) -> AsyncIterator[tuple[Caller, bytes]]:
    """The bytes of one part and who signed them. The limit on requests in flight bounds the memory they take."""
    declared = request.headers.get("content-length", "")
    sender = signed.sender_of(request, callers)
    with in_flight.admit(int(declared) if declared.isdecimal() else PART_BYTES, sender) as place:
        body = await signed.read_body(request, timeout_s=PART_TIMEOUT_S)
        caller = await signed.caller_of(request, callers, body)
        place.verify(caller.partner.intake_share)
        require_live_data(callers.checks.registry, caller, method=request.method)
        yield caller, body


SignedBytes = Annotated[tuple[Caller, bytes], Depends(_signed_bytes)]


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a partner says that its file is written. None: not said."""

    charset: str | None
    zone: str | None


async def _text_form(
    charset: Annotated[
        str | None,
        Query(max_length=40, description="文件编码：utf-8 或 gb18030（含 GBK） · its encoding", examples=["gb18030"]),
    ] = None,
    zone: Annotated[
        str | None,
        Query(
            max_length=ZONE_CHARS_MAX,
            description="CSV 中不带时区的时间所用的时区 · of times without an offset in CSV",
            examples=["Asia/Shanghai"],
        ),
    ] = None,
) -> TextForm:
    return TextForm(charset, zone)


StatedForm = Annotated[TextForm, Depends(_text_form)]


def in_form(file: NewFile, stated: TextForm) -> NewFile:
    """The file with the stated charset and zone; those of the file itself stay if nothing is stated.

    Raises InvalidRequest for an unknown one, and for a zone with a file that is not CSV.
    """
    charset = _known_charset(stated.charset) if stated.charset is not None else file.charset
    zone = stated.zone if stated.zone is not None else file.zone
    if zone is not None and zone_of(zone) is None:
        raise _invalid(
            "zone",
            "UNKNOWN_ZONE",
            Text("没有这个时区，请写如 Asia/Shanghai。", "It is a name of the tz database, such as Asia/Shanghai."),
        )
    if zone is not None and file.format != "csv":
        raise _invalid(
            "zone",
            "CSV_ONLY",
            Text(
                "只有 CSV 文件可以写明 zone；JSON 里的时间须带时区。",
                "Only CSV files have a zone. Times in JSON carry their offset.",
            ),
        )
    return replace(file, charset=charset, zone=zone)


def _known_charset(name: str) -> Charset:
    found = charset_of(name)
    if found is None:
        raise _invalid(
            "charset",
            "UNKNOWN_CHARSET",
            Text(f"可以写：{'、'.join(CHARSETS)}。", f"It is one of {', '.join(CHARSETS)}."),
        )
    return found


def _invalid(field: str, code: str, message: Text) -> InvalidRequest:
    return InvalidRequest(field_errors=[FieldError(field, code, message)])


def media_type_of(request: Request) -> str:
    found = parse_media_type(request.headers.get("content-type"))
    return found.name if found is not None else ""


def _declared_charset(request: Request) -> Charset | None:
    """The charset in the Content-Type. One that no file may have is ignored: libraries add their own default there."""
    found = parse_media_type(request.headers.get("content-type"))
    return charset_of(found.charset) if found is not None and found.charset is not None else None


def described_by_headers(request: Request, body: bytes, stated: TextForm, **more: Any) -> NewFile:
    """The file that was sent as the body; `more`: further fields of NewFile.

    Raises UnsupportedMediaType, InvalidRequest.
    """
    media_type = media_type_of(request)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type not in FORMATS:
        raise UnsupportedMediaType(allowed=f"application/json, {', '.join(FORMATS)}")
    if encoding not in {"identity", "gzip"}:
        raise UnsupportedMediaType(allowed="Content-Encoding: gzip")
    compression: Compression = "gzip" if encoding == "gzip" else "identity"
    file = NewFile(
        format=FORMATS[media_type],
        compression=compression,
        size_bytes=len(body),
        sha256=hashlib.sha256(body).digest(),
        charset=_declared_charset(request),
        **more,
    )
    return in_form(file, stated)


def announced_as_json(body: bytes, stated: TextForm) -> NewFile:
    """The file that will follow in parts. Raises MalformedBody, InvalidRequest."""
    refuse_repeated_keys(body)
    try:
        new = NewImport.model_validate_json(body)
    except pydantic.ValidationError as exc:
        issues = exc.errors(include_url=False, include_input=False)
        if any(issue["type"] == "json_invalid" for issue in issues):
            raise MalformedBody from exc
        raise InvalidRequest(field_errors=field_errors(issues)) from exc
    file = NewFile(
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
    return in_form(file, TextForm(stated.charset or new.charset, stated.zone or new.zone))


def full_event_type(name: str | None) -> str | None:
    """Raises InvalidRequest."""
    if name is None:
        return None
    try:
        return event_types.full_name(name)
    except ValueError as exc:
        raise InvalidRequest(
            field_errors=[
                FieldError("event_type", "UNKNOWN_EVENT_TYPE", Text("没有这种事件类型，请改正。", f"It is an {exc}."))
            ]
        ) from exc

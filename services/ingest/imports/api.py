"""Routes of imported files: a small one at once, a large one in parts, how far it is, which lines were refused."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import PlainTextResponse

from services.ingest import event_types, signed
from services.ingest.imports import columns, service
from services.ingest.imports.domain import PART_BYTES, PARTS_MAX, Compression, FileFormat
from services.ingest.imports.schemas import Import, LineError, NewImport
from services.ingest.imports.service import NewFile
from services.ingest.partners.service import Caller, require_live_data
from services.ingest.resources import Parts
from services.ingest.signed import SignedBy
from shared.db import Session
from shared.errors import FieldError, InvalidRequest, MalformedBody, UnsupportedMediaType
from shared.language import Language, language_of
from shared.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor

IMPORTS_PATH = "/api/v1/ingest/imports"
# Every route under it that takes bytes takes at most one part.
IMPORTS_PATHS = f"{IMPORTS_PATH}/*"
# A part over a line of one megabit takes half of it.
PART_TIMEOUT_S = 60

FORMATS: dict[str, FileFormat] = {"text/csv": "csv", "application/x-ndjson": "ndjson"}

router = APIRouter(tags=["文件导入 Imports"], prefix=IMPORTS_PATH)


def _language(request: Request) -> Language:
    return language_of(request.headers.get("accept-language"))


Spoken = Annotated[Language, Depends(_language)]


async def _signed_bytes(request: Request, parts: Parts) -> AsyncIterator[tuple[Caller, bytes]]:
    """The bytes of one part and who signed them; as many at a time as the process has memory for."""
    declared = request.headers.get("content-length", "")
    with parts.in_flight.admit(int(declared) if declared.isdecimal() else PART_BYTES):
        body = await signed.read_body(request, timeout_s=PART_TIMEOUT_S)
        caller = await signed.caller_of(request, parts, body)
        require_live_data(parts.registry, caller, method=request.method)
        yield caller, body


SignedBytes = Annotated[tuple[Caller, bytes], Depends(_signed_bytes)]


def file_of(request: Request, body: bytes, **more: Any) -> NewFile:
    """A file sent as it is, described by its headers. Raises UnsupportedMediaType."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
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


def full_type(name: str | None) -> str | None:
    """Raises InvalidRequest."""
    if name is None:
        return None
    try:
        return event_types.full_name(name)
    except ValueError as exc:
        raise InvalidRequest(field_errors=[FieldError("event_type", "UNKNOWN_EVENT_TYPE", str(exc))]) from exc


def _announced(body: bytes) -> NewFile:
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
        event_type=full_type(new.event_type),
        file_name=new.file_name,
        day=new.day,
    )


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": NewImport.model_json_schema(),
                "example": NewImport.model_config["json_schema_extra"]["example"],  # type: ignore[index]
            },
            "text/csv": {"schema": {"type": "string"}, "example": columns.template(event_types.TRIP)},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@router.post(
    "",
    summary="导入文件（小文件直接上传，大文件先登记） · Import a file, or announce a large one",
    status_code=202,
    openapi_extra=_BODY,
)
async def begin_import(
    request: Request,
    received: SignedBytes,
    session: Session,
    language: Spoken,
    event_type: Annotated[str | None, Query(max_length=100, description="没有 type 列时 · of lines without it")] = None,
    dry_run: Annotated[bool, Query(description="只校验，不入账 · check only")] = False,
) -> Import:
    """需要 `CP1` 签名。4 MiB 以内可直接以 `text/csv` 或 `application/x-ndjson` 上传（可 gzip）；
    更大的文件先以 JSON 登记，再逐片 PUT，最后 complete。同一文件传两次不会重复生效：事件以 id 去重。

    Signed with `CP1`. Up to 4 MiB as `text/csv` or `application/x-ndjson` (gzip allowed) at once; larger files are
    announced as JSON, put in parts and completed. A file sent twice takes effect once: events are told by their ids.
    """
    caller, body = received
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        import_id = await service.begin(session, caller.partner, _announced(body))
    else:
        file = file_of(request, body, mode="import", dry_run=dry_run, event_type=full_type(event_type))
        import_id = await service.upload(session, caller.partner, file, body)
    return Import.of(await service.view(session, caller.partner, import_id), language)


@router.get("", summary="贵方的导入 · Your imports, newest first")
async def list_imports(
    caller: SignedBy, session: Session, language: Spoken, cursor: Cursor = None, limit: Limit = 20
) -> Page[Import]:
    before = decode_cursor(cursor, UUID)
    found = await service.own_imports(session, caller.partner, before[0] if before else None, limit + 1)
    items = [Import.of(view, language) for view in found[:limit]]
    more = len(found) > limit
    return Page(items=items, has_more=more, next_cursor=encode_cursor(str(items[-1].import_id)) if more else None)


_Kind = Literal["trip.completed", "transit.ridden", "recycling.deposited", "bag.reused", "energy.saved"]


@router.get(
    "/template.csv",
    summary="CSV 模板 · A header and one row to start from",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/csv": {"example": columns.template(event_types.TRIP)}}}},
)
async def get_import_template(
    kind: Annotated[_Kind, Query(alias="type", description="事件类型 · type of event")] = "trip.completed",
) -> PlainTextResponse:
    return PlainTextResponse(columns.template(event_types.full_name(kind)), media_type="text/csv")


@router.get("/{import_id}", summary="导入进度与结果 · How far an import is and what came of it")
async def get_import(import_id: UUID, caller: SignedBy, session: Session, language: Spoken) -> Import:
    return Import.of(await service.view(session, caller.partner, import_id), language)


@router.put(
    "/{import_id}/parts/{part_no}",
    summary="上传一片 · Upload one part",
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def put_import_part(
    import_id: UUID,
    part_no: Annotated[int, Path(ge=0, lt=PARTS_MAX)],
    received: SignedBytes,
    session: Session,
    language: Spoken,
) -> Import:
    """每片单独签名，可乱序、可重传 · Each part is signed by itself; any order, safe to repeat."""
    caller, body = received
    await service.put_part(session, caller.partner, import_id, part_no, body)
    return Import.of(await service.view(session, caller.partner, import_id), language)


@router.post("/{import_id}/complete", summary="上传完毕 · All parts are there", status_code=202)
async def complete_import(import_id: UUID, caller: SignedBy, session: Session, language: Spoken) -> Import:
    await service.complete(session, caller.partner, import_id)
    return Import.of(await service.view(session, caller.partner, import_id), language)


@router.get("/{import_id}/errors", summary="未通过的行 · Lines that were refused")
async def list_import_errors(
    import_id: UUID,
    caller: SignedBy,
    session: Session,
    language: Spoken,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[LineError]:
    after = decode_cursor(cursor, int)
    rows = await service.line_errors(session, caller.partner, import_id, after[0] if after else 0, limit + 1)
    more = len(rows) > limit
    items = [LineError.of(row, language) for row in rows[:limit]]
    return Page(items=items, has_more=more, next_cursor=encode_cursor(items[-1].line) if more else None)

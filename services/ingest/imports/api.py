"""Routes of imports: upload a small file at once or a large one in parts, show progress and rejected lines."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import PlainTextResponse

from services.ingest import event_types
from services.ingest.imports import columns, service
from services.ingest.imports.domain import PARTS_MAX
from services.ingest.imports.schemas import Import, LineError, NewImport
from services.ingest.imports.uploads import (
    FILE_CONTENT,
    SignedBytes,
    StatedForm,
    announced_as_json,
    described_by_headers,
    full_event_type,
    media_type_of,
)
from services.ingest.signed import SignedBy
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import Cursor, Limit, Page, position_of

IMPORTS_PATH = "/api/v1/ingest/imports"
# A body on any path below it is at most one part.
IMPORTS_PATHS = f"{IMPORTS_PATH}/*"

router = APIRouter(tags=["文件导入 Imports"], prefix=IMPORTS_PATH)


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": NewImport.model_json_schema(),
                "example": NewImport.model_config["json_schema_extra"]["example"],  # type: ignore[index]
            },
            **FILE_CONTENT,
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
    stated: StatedForm,
    session: Session,
    language: AskedLanguage,
    event_type: Annotated[
        str | None, Query(max_length=100, description="没有 type 列时 · for lines without a type")
    ] = None,
    dry_run: Annotated[bool, Query(description="只校验，不入账 · check only")] = False,
) -> Import:
    """需要 `CP1` 签名。4 MiB 以内可直接以 `text/csv` 或 `application/x-ndjson` 上传（可 gzip）；
    更大的文件先以 JSON 登记，再逐片 PUT，最后 complete。同一文件传两次不会重复生效：事件以 id 去重。
    GBK 文件写明 `charset=gb18030`；CSV 里的时间不带时区时写明 `zone=Asia/Shanghai`。
    编码有误的文件整体拒绝，一行也不生效。

    Signed with `CP1`. Files up to 4 MiB can be sent at once as `text/csv` or `application/x-ndjson`, also gzipped.
    Larger files are announced as JSON, uploaded in parts with PUT, and completed. A file sent twice has no second
    effect, because events are identified by their ids. A GBK file needs `charset=gb18030`, times without an offset in a
    CSV file need `zone=Asia/Shanghai`. A file in the wrong encoding is refused as a whole.
    """
    caller, body = received
    if media_type_of(request) == "application/json":
        import_id = await service.begin_import(session, caller.partner, announced_as_json(body, stated))
    else:
        file = described_by_headers(
            request, body, stated, mode="import", dry_run=dry_run, event_type=full_event_type(event_type)
        )
        import_id = await service.upload_file(session, caller.partner, file, body)
    return Import.of(await service.view_import(session, caller.partner, import_id), language)


@router.get("", summary="贵方的导入 · Your imports, newest first")
async def list_imports(
    caller: SignedBy, session: Session, language: AskedLanguage, cursor: Cursor = None, limit: Limit = 20
) -> Page[Import]:
    views = await service.list_imports(session, caller.partner, position_of(cursor, UUID), limit + 1)
    return Page.of(
        views, limit, item=lambda view: Import.of(view, language), cursor=lambda view: (view.row["import_id"],)
    )


_Kind = Literal["trip.completed", "transit.ridden", "recycling.deposited", "bag.reused", "energy.saved"]


@router.get(
    "/template.csv",
    summary="CSV 模板 · CSV template with one row",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/csv": {"example": columns.template(event_types.TRIP)}}}},
)
async def get_import_template(
    kind: Annotated[_Kind, Query(alias="type", description="事件类型 · type of event")] = "trip.completed",
) -> PlainTextResponse:
    return PlainTextResponse(columns.template(event_types.full_name(kind)), media_type="text/csv")


@router.get("/{import_id}", summary="导入进度与结果 · Progress and result of an import")
async def get_import(import_id: UUID, caller: SignedBy, session: Session, language: AskedLanguage) -> Import:
    return Import.of(await service.view_import(session, caller.partner, import_id), language)


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
    language: AskedLanguage,
) -> Import:
    """每片单独签名，可乱序、可重传 · Each part is signed separately. Any order, safe to repeat."""
    caller, body = received
    await service.put_part(session, caller.partner, import_id, part_no, body)
    return Import.of(await service.view_import(session, caller.partner, import_id), language)


@router.post("/{import_id}/complete", summary="上传完毕 · Complete the upload", status_code=202)
async def complete_import(import_id: UUID, caller: SignedBy, session: Session, language: AskedLanguage) -> Import:
    await service.complete_upload(session, caller.partner, import_id)
    return Import.of(await service.view_import(session, caller.partner, import_id), language)


@router.get("/{import_id}/errors", summary="未通过的行 · Rejected lines")
async def list_import_errors(
    import_id: UUID,
    caller: SignedBy,
    session: Session,
    language: AskedLanguage,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[LineError]:
    rows = await service.list_line_errors(session, caller.partner, import_id, position_of(cursor, int) or 0, limit + 1)
    return Page.of(rows, limit, item=lambda row: LineError.of(row, language), cursor=lambda row: (row["line_no"],))

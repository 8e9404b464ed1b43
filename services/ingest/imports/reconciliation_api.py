"""The route that uploads a file to reconcile. It is an import whose lines are compared instead of published."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.ingest.imports import service
from services.ingest.imports.schemas import Import
from services.ingest.imports.uploads import (
    FILE_CONTENT,
    SignedBytes,
    StatedForm,
    described_by_headers,
    full_event_type,
)
from services.ingest.reconciliation.schemas import ChosenDay
from shared.db import Session
from shared.http_language import AskedLanguage

RECONCILIATION_PATH = "/api/v1/ingest/reconciliation"

router = APIRouter()
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": FILE_CONTENT}}


@router.post(
    RECONCILIATION_PATH,
    tags=["对账 Reconciliation"],
    summary="上传某日文件对账 · Compare a day's file with ours",
    status_code=202,
    openapi_extra=_BODY,
)
async def post_reconciliation(
    request: Request,
    day: ChosenDay,
    received: SignedBytes,
    stated: StatedForm,
    session: Session,
    language: AskedLanguage,
    event_type: Annotated[
        str | None, Query(max_length=100, description="没有 type 列时 · for lines without a type")
    ] = None,
) -> Import:
    """格式同文件导入，什么都不入账。4 MiB 以上以 `mode: reconcile` 走 imports。完成后报告的 id 即 import_id。

    The formats are those of an import. Nothing in the file is credited. Above 4 MiB use imports with
    `mode: reconcile`. The finished report has the id of the import.
    """
    caller, body = received
    file = described_by_headers(
        request, body, stated, mode="reconcile", day=day, event_type=full_event_type(event_type)
    )
    import_id = await service.upload_file(session, caller.partner, file, body)
    return Import.of(await service.view_import(session, caller.partner, import_id), language)

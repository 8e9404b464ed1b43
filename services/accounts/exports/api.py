import uuid
from typing import Any

from fastapi import APIRouter, Response

from services.accounts.exports import service
from services.accounts.exports.schemas import ExportOut
from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts", tags=["导出 Export"])

_ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "已备好：压缩包，内有每个服务的 JSON 文件和一个中文网页 Ready: JSON files and a page in Chinese",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    202: {"model": ExportOut, "description": "正在准备 Being built"},
}


@router.post("/me/export", status_code=202, summary="导出我的全部信息 · Export all that is held about me")
async def request_export(citizen: LiveCitizen, session: Session) -> ExportOut:
    """在后台准备。正在准备时再次申请，得到同一个；每天两次。

    Built in the background. While one is being built, a further request returns the same. Two a day.
    """
    return ExportOut.of(await service.request(session, user_id=citizen.user_id))


@router.get(
    "/me/export/{export_id}",
    response_model=None,
    responses=_ARCHIVE,
    summary="导出的进度或压缩包 · Progress of the export, then the archive",
)
async def read_export(
    export_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> Response | ExportOut:
    """保留 7 天，只有本人能打开。Kept for seven days; only its person can open it."""
    view = await service.read(session, vault=resources.vault, user_id=citizen.user_id, export_id=export_id)
    if view.archive is None:
        return Response(ExportOut.of(view).model_dump_json(), status_code=202, media_type="application/json")
    return Response(
        view.archive,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="carbon-{export_id}.zip"',
            "Cache-Control": "no-store",
        },
    )

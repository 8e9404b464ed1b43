"""Routes of pictures. An address is the hash of its content, so that caches may keep the answer for ever."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from services.rewards.pictures import service
from services.rewards.pictures.domain import PICTURE_BYTES_MAX, PICTURES_PATH, SHA256_PATTERN
from services.rewards.pictures.schemas import PictureView
from shared.accepting import matches_etag
from shared.auth.tokens import Operator, require_scope
from shared.db import Database, Session
from shared.fair_gate import FairGate
from shared.media_types import parse_media_type

UPLOADS_PATH: Final = "/api/v1/rewards/ops/pictures"
BODY_LIMITS: Final = {UPLOADS_PATH: PICTURE_BYTES_MAX}

router = APIRouter(tags=["商城 Mall"])
ops_router = APIRouter(tags=["运营 Operations"])

_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_CONTENT: Final[dict[str, Any]] = dict.fromkeys(_TYPES, _BINARY)
_SERVED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "图片 The picture", "content": _CONTENT},
    304: {"description": "与已缓存的相同 The caller has it already"},
}
_SAME_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": PictureView, "description": "已上传过的同一图片 The same content was uploaded before"}
}


def upload_gate() -> FairGate:
    """Bound how many bodies a process holds, and keep one operator from delaying the others."""
    return FairGate(active_max=4, active_per_key=2, waiting_max=32, waiting_per_key=8, wait_s=5.0)


@router.get(
    PICTURES_PATH + "/{sha256}", response_class=Response, responses=_SERVED, summary="商品图片 · A picture of an item"
)
async def get_picture(
    session: Session,
    sha256: Annotated[str, Path(pattern=SHA256_PATTERN)],
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """内容永不改变，可一直缓存。The content never changes: keep it as long as you like."""
    tag = f'"{sha256}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    picture = await service.get_picture(session, sha256=sha256)
    if matches_etag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(picture.content, media_type=picture.media_type, headers=headers)


@ops_router.post(
    UPLOADS_PATH,
    status_code=201,
    responses=_SAME_AGAIN,
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
    summary="上传商品图片 · Upload a picture",
)
async def upload_picture(
    operator: Annotated[Operator, Depends(require_scope("ops:rewards"))],
    sha256: Annotated[str, Query(pattern=SHA256_PATTERN, description="文件的 SHA-256 Of the file")],
    request: Request,
    response: Response,
) -> PictureView:
    """PNG、JPEG 或 WebP，最大 1 MiB；按文件内容判断。PNG, JPEG or WebP up to 1 MiB, as the first bytes show."""
    database: Database = request.app.state.db
    gate: FairGate = request.app.state.picture_gate
    async with gate.admit(operator.subject):
        content = await request.body()
        declared = parse_media_type(request.headers.get("content-type", ""))
        async with database.transaction() as session:
            picture, is_new = await service.store(
                session,
                content=content,
                declared_type="" if declared is None else declared.name,
                declared_sha256=sha256,
                operator=operator.subject,
            )
    if not is_new:
        response.status_code = 200
    return PictureView.of(picture)

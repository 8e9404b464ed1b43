from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.accounts.qr_codes.domain import PAGE, PAGE_CHARS_MAX, scene_of
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen

router = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])

# Codes that are not in the cache. A mini-program has a handful of pages with a code.
FETCHES_QUOTA = Quota("qr_code", at_most=60, window_s=86_400)
_PHONE_KEEPS_S = 3600


@router.get(
    "/me/qrcode",
    summary="我的小程序码 · My code of the mini-program",
    response_class=Response,
    responses={
        200: {"description": "PNG 或 JPEG 图像 An image", "content": {"image/png": {}, "image/jpeg": {}}},
        304: {"description": "图像没有变化 The image is unchanged"},
    },
)
async def read_qr_code(
    citizen: Citizen,
    resources: RequestResources,
    request: Request,
    page: Annotated[
        str,
        Query(
            pattern=PAGE,
            max_length=PAGE_CHARS_MAX,
            description="小程序页面路径，不带开头的 / 和参数 A page, without leading slash and query",
            examples=["pages/invite/index"],
        ),
    ],
) -> Response:
    """扫码打开该页面，scene 里带有我的邀请标识，看不出我是谁。图像缓存 6 小时，支持 If-None-Match。

    The code opens the page with my invitation mark as its scene, which does not tell who I am. Kept for 6 hours.
    """
    scene = scene_of(citizen.user_id)
    found = resources.qr_codes.find(page=page, scene=scene)
    if found is None:
        async with resources.database.transaction() as session:
            await quotas.count_use(session, user_id=citizen.user_id, quota=FETCHES_QUOTA)
        found = await resources.qr_codes.get(
            resources.wechat, page=page, scene=scene, version=resources.settings.wechat_version
        )
    headers = {"ETag": found.etag, "Cache-Control": f"private, max-age={_PHONE_KEEPS_S}"}
    if found.etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.image, media_type=found.media_type, headers=headers)

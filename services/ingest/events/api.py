"""The route partners push their events to."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.ingest import signed
from services.ingest.events import schemas, service
from services.ingest.resources import Parts
from shared.errors import UnsupportedMediaType
from shared.problems import language_of
from shared.settings import MIB

EVENTS_PATH = "/api/v1/ingest/events"
EVENTS_BODY_BYTES = MIB

router = APIRouter(tags=["事件接入 Events"])
_encode = msgspec.json.Encoder().encode


@router.post(
    EVENTS_PATH,
    summary="上报事件（单条或一批，最多 500 条）· Report events, one or up to 500",
    status_code=202,
    responses={202: schemas.ANSWER},
    response_class=Response,
    openapi_extra={"requestBody": schemas.REQUEST_BODY},
)
async def report_events(
    request: Request,
    parts: Parts,
    dry_run: Annotated[bool, Query(description="只校验，不写入 · check only, write nothing")] = False,
) -> Response:
    """需要 `CP1` 签名。写入日志后才应答 202；坏事件逐条说明，不影响其他事件。

    Signed with `CP1`. Answers 202 once the log has the accepted events; each bad one is explained and harms no other.
    """
    declared = request.headers.get("content-length", "")
    with parts.in_flight.admit(int(declared) if declared.isdecimal() else EVENTS_BODY_BYTES):
        body = await signed.read_body(request)
        caller = await signed.caller_of(request, parts, body)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType(allowed="Content-Encoding: identity")
        answer = await service.report(
            parts,
            caller,
            body,
            content_type=request.headers.get("content-type"),
            dry_run=dry_run,
            language=language_of(request.headers.get("accept-language")),
        )
    return Response(_encode(answer), status_code=202, media_type="application/json")

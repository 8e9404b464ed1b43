"""The route that receives events from partners."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.ingest import signed
from services.ingest.events import schemas, service
from services.ingest.events.decoding import BATCH, ONE
from services.ingest.events.decompression import decompress
from services.ingest.events.errors import BinaryModeNotSupported
from services.ingest.in_flight import InFlightLimit
from shared.auth import schemes
from shared.errors import UnsupportedMediaType
from shared.language import language_of
from shared.media_types import parse_media_type
from shared.query_parameters import accept_any_parameters
from shared.settings import MIB

EVENTS_PATH = "/api/v1/ingest/events"
EVENTS_BODY_BYTES = MIB
# Any of these headers says that an SDK sent the event in binary mode.
_BINARY_MODE = ("ce-specversion", "ce-id", "ce-type", "ce-source")

router = APIRouter(tags=["事件接入 Events"])
_encode = msgspec.json.Encoder().encode


def _is_binary_mode(request: Request) -> bool:
    """Whether an SDK sent the attributes as headers. A structured event may repeat them there, whatever its format."""
    media_type = parse_media_type(request.headers.get("content-type"))
    is_structured = media_type is not None and media_type.name.startswith("application/cloudevents")
    return not is_structured and any(name in request.headers for name in _BINARY_MODE)


def _bytes_at_most(request: Request) -> int:
    """Upper bound of the body's memory. A body without a length, or compressed, counts as the largest one allowed."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or "content-encoding" in request.headers:
        return EVENTS_BODY_BYTES
    return int(declared)


@router.post(
    EVENTS_PATH,
    summary="上报事件（单条或一批，最多 500 条）· Report events, one or up to 500",
    status_code=202,
    responses={202: schemas.ANSWER},
    response_class=Response,
    openapi_extra={"requestBody": schemas.REQUEST_BODY, **schemas.SCHEMAS, **schemes.SIGNED},
    dependencies=[Depends(accept_any_parameters)],
)
async def report_events(
    request: Request,
    dry_run: Annotated[bool, Query(description="只校验，不写入 · check only, write nothing")] = False,
) -> Response:
    """需要 `CP1` 签名，对发出的原始字节。写入日志后才应答 202；批量中的坏事件逐条说明，不影响其他事件；
    单条事件未通过校验时应答 422，`code` 即原因。只收结构化与批量模式。可用 gzip，解压后同样限 1 MiB。

    Signed with `CP1` over the bytes as sent. The answer 202 means that the log has the accepted events. In a batch each
    rejected event is explained and does not affect the others. A single event that is rejected is answered with 422 and
    its code. CloudEvents in structured or batch mode only. The body may be gzip, at most 1 MiB when decompressed. 429
    and 503 carry Retry-After: send the same ids again.
    """
    # Not dependencies: FastAPI would resolve each of them for every request of the hot path.
    state = request.app.state
    in_flight: InFlightLimit = state.in_flight
    sender = signed.sender_of(request, state.caller_ports)
    with in_flight.admit(_bytes_at_most(request), sender) as place:
        body = await signed.read_body(request)
        caller = await signed.caller_of(request, state.caller_ports, body)
        place.verify(caller.partner.intake_share)
        body = decompress(body, request.headers.get("content-encoding"), limit_bytes=EVENTS_BODY_BYTES)
        content_type = request.headers.get("content-type")
        if caller.payload is not None:
            body, content_type = caller.payload.body, caller.payload.content_type
        try:
            answer = await service.report_events(
                state.intake_ports,
                caller,
                body,
                content_type=content_type,
                dry_run=dry_run,
                language=language_of(request.headers.get("accept-language")),
            )
        except UnsupportedMediaType as exc:
            if _is_binary_mode(request):
                raise BinaryModeNotSupported(one=ONE, batch=BATCH, headers=exc.headers) from exc
            raise
    return Response(_encode(answer), status_code=202, media_type="application/json")

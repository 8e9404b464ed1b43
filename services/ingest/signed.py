"""Dependency of every route that partners call: the request's bytes, and who signed them."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from services.ingest.partners.service import Caller, SignedRequest, authenticate, require_live_data
from services.ingest.resources import Parts, Resources
from shared.auth import cp1
from shared.client_address import client_address
from shared.errors import AppError, MalformedBody, TooManyRequests

# A client that trickles its body must not hold a place in the intake; 1 MiB in this time is a poor mobile line.
BODY_TIMEOUT_S = 15


class BodyTooSlow(AppError):
    code = "BODY_TOO_SLOW"
    status = 408
    retryable = True
    title_zh = "请求体发送过慢"
    title_en = "The body arrived too slowly"


async def read_body(request: Request, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Raises BodyTooSlow, MalformedBody (the client went away)."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request.body()
    except TimeoutError as exc:
        raise BodyTooSlow from exc
    except ClientDisconnect as exc:
        raise MalformedBody from exc


async def caller_of(request: Request, parts: Resources, body: bytes) -> Caller:
    """Raises the refusals of partners/errors.py, RequestRateExceeded."""
    signed = SignedRequest(
        method=request.method,
        target=cp1.target_of(request.scope),
        authorization=request.headers.get("authorization"),
        body=body,
        content_type=request.headers.get("content-type"),
        address=client_address(request, parts.settings.trusted_proxies),
    )
    caller = await authenticate(parts.registry, parts.slow_lane, parts.nonces, signed)
    try:
        parts.limits.admit_request(caller.partner)
    except TooManyRequests:
        parts.nonces.release(caller.app_key, caller.nonce)  # the very same bytes may be sent again
        raise
    return caller


async def _signed(request: Request, parts: Parts) -> Caller:
    caller = await caller_of(request, parts, await read_body(request))
    require_live_data(parts.registry, caller, method=request.method)
    return caller


SignedBy = Annotated[Caller, Depends(_signed)]

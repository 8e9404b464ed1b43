"""The dependency of every route that partners call: it reads the body and finds out who signed it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.ingest.in_flight import RequestsInFlight, Sender
from services.ingest.limits.service import Limits, quota_headers
from services.ingest.partners.service import (
    Caller,
    SignatureChecks,
    SignedRequest,
    authenticate,
    claimed_share,
    require_live_data,
)
from services.ingest.sentences import refusals
from shared.app import BODY_LIMIT_BYTES
from shared.auth import cp1, schemes
from shared.client_address import client_address
from shared.errors import AppError, MalformedBody, TooManyRequests
from shared.query_parameters import accept_any_parameters
from shared.settings import KIB

# A client that trickles its body must not hold a place in the intake. A poor mobile line sends 1 MiB in this time.
BODY_TIMEOUT_S = 15
# After these seconds a body must have come at this rate on average. A line of 128 kbit/s keeps it.
PATIENCE_S = 5.0
BYTES_PER_S_MIN = 16 * KIB
_QUOTAS = "quotas"


class BodyTooSlow(AppError):
    code = "BODY_TOO_SLOW"
    status = 408
    retryable = True
    says = refusals.BODY_TOO_SLOW


async def read_body(request: Request, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Raises BodyTooSlow (late, or below the minimum rate), MalformedBody (the client went away)."""
    pieces: list[bytes] = []
    received = 0
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(min(timeout_s, PATIENCE_S)) as deadline:
            async for piece in request.stream():
                pieces.append(piece)
                received += len(piece)
                # So late that the minimum rate is still kept.
                deadline.reschedule(began + min(timeout_s, PATIENCE_S + received / BYTES_PER_S_MIN))
    except TimeoutError as exc:
        raise BodyTooSlow from exc
    except ClientDisconnect as exc:
        raise MalformedBody from exc
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class CallerPorts:
    """What it takes to identify and admit the sender of a request.

    `trusted_proxies`: networks whose header about the client's address is believed.
    """

    checks: SignatureChecks
    limits: Limits
    trusted_proxies: Sequence[IPv4Network | IPv6Network]


async def _caller_ports(request: Request, _any: Annotated[None, Depends(accept_any_parameters)]) -> CallerPorts:
    """Partners sign the query as they send it; older ones put the signature itself there."""
    ports: CallerPorts = request.app.state.caller_ports
    return ports


Callers = Annotated[CallerPorts, Depends(_caller_ports)]


def _signed_request(request: Request, ports: CallerPorts, body: bytes) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        target=cp1.target_of(request.scope),
        authorization=request.headers.get("authorization"),
        body=body,
        content_type=request.headers.get("content-type"),
        address=client_address(request, ports.trusted_proxies),
    )


def sender_of(request: Request, ports: CallerPorts) -> Sender:
    """Return who the header claims to be, before a byte of the body is read or counted.

    Raises the refusals of partners/errors.py that need no body.
    """
    head = _signed_request(request, ports, b"")
    return Sender(claimed_share(ports.checks, head), head.address or "-")


async def caller_of(request: Request, ports: CallerPorts, body: bytes) -> Caller:
    """Raises the refusals of partners/errors.py, RequestRateExceeded."""
    caller = await authenticate(ports.checks, _signed_request(request, ports, body))
    # The frame asks when the answer begins: a limit may have been used by then.
    request.scope.setdefault("state", {})[_QUOTAS] = partial(ports.limits.quotas, caller.partner)
    try:
        ports.limits.admit_request(caller.partner)
    except TooManyRequests:
        ports.checks.nonces.release(caller.app_key, caller.nonce)  # the same bytes may be sent again
        raise
    return caller


class QuotaHeaders:
    """ASGI layer: rate-limit headers on every answer to a verified signature, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_quotas(message: Message) -> None:
            if message["type"] == "http.response.start":
                quotas = scope.get("state", {}).get(_QUOTAS)
                if quotas is not None:
                    headers = MutableHeaders(scope=message)
                    for name, value in quota_headers(quotas()):
                        headers[name] = value
            await send(message)

        await self._app(scope, receive, with_quotas if scope["type"] == "http" else send)


async def _identified(
    request: Request, ports: Callers, in_flight: RequestsInFlight, _documented: Annotated[Any, Depends(schemes.CP1)]
) -> Caller:
    sender = sender_of(request, ports)
    with in_flight.admit(_small_body_bytes(request), sender) as place:
        caller = await caller_of(request, ports, await read_body(request))
        place.verify(caller.partner.intake_share)
    return caller


# For routes that a sandbox key of a live partner may call: they read `Caller.stored_as`, or nothing that is stored.
IdentifiedBy = Annotated[Caller, Depends(_identified)]


async def _signed(
    request: Request, ports: Callers, in_flight: RequestsInFlight, _documented: Annotated[Any, Depends(schemes.CP1)]
) -> Caller:
    caller = await _identified(request, ports, in_flight, None)
    require_live_data(ports.checks.registry, caller, method=request.method)
    return caller


def _small_body_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        return int(declared)
    return BODY_LIMIT_BYTES if "transfer-encoding" in request.headers else 0


SignedBy = Annotated[Caller, Depends(_signed)]

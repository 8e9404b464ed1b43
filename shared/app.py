"""Builds the HTTP application of a service, with the same request ids, errors, limits, health and docs in all four."""

import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import structlog
from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import problems, telemetry
from shared.auth.tokens import TokenVerifier
from shared.db import Database
from shared.errors import AppError, PayloadTooLarge
from shared.json_keys import refuse_repeated_keys
from shared.media_types import parse_media_type
from shared.openapi.document import ApiDocument, document_router
from shared.query_parameters import refuse_unknown_parameters
from shared.settings import KIB, ServiceSettings

WARNING = "warning: "
BODY_LIMIT_BYTES = 64 * KIB
# JSON bodies of paths with a limit up to this are searched for repeated keys here. Routes with larger bodies decode
# them themselves, after they verified who sent them.
_SEARCHED_BYTES_MAX = 256 * KIB
_GC_THRESHOLDS = (50_000, 50, 50)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Check = Callable[[], Awaitable[str | None]]
"""A part of `/readyz`. It returns a warning or None, and raises an exception when the part is not ready."""

_log = structlog.get_logger(__name__)


class _Exchange:
    """One request and its response: counts the bytes received, records the status sent."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, limit_bytes: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit_bytes, self._received_bytes = limit_bytes, 0
        self.headers = Headers(scope=scope)
        self._pieces: list[bytes] | None = [] if self._is_searched() else None
        self.request_id = telemetry.begin_request(self.headers.get("x-request-id"))
        self.status, self.has_started = 500, False

    def is_declared_too_large(self) -> bool:
        declared = self.headers.get("content-length", "")
        return declared.isdecimal() and int(declared[:18]) > self._limit_bytes

    def _is_searched(self) -> bool:
        if self._limit_bytes > _SEARCHED_BYTES_MAX or "content-type" not in self.headers:
            return False
        media_type = parse_media_type(self.headers["content-type"])
        return media_type is not None and media_type.is_json

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            piece = message.get("body", b"")
            self._received_bytes += len(piece)
            if self._received_bytes > self._limit_bytes:
                raise problems.RefusedBody(PayloadTooLarge(limit_bytes=self._limit_bytes))
            if self._pieces is not None:
                self._search(piece, is_last=not message.get("more_body", False))
        return message

    def _search(self, piece: bytes, *, is_last: bool) -> None:
        """Collect the body. Raises RefusedBody at its end if a JSON key occurs twice."""
        assert self._pieces is not None
        self._pieces.append(piece)
        if not is_last:
            return
        body, self._pieces = b"".join(self._pieces), None
        try:
            refuse_repeated_keys(body, may_be_no_json=True)
        except AppError as exc:
            raise problems.RefusedBody(exc) from exc

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.has_started = message["status"], True
            MutableHeaders(scope=message)["X-Request-Id"] = self.request_id
        await self._send(message)

    async def refuse(self, error: AppError) -> None:
        response = problems.problem_response(
            error, headers=self.headers, path=self._scope["path"], request_id=self.request_id
        )
        await response(self._scope, self._receive, self.send)


class RequestFrame:
    """Outermost ASGI layer: request id in and out, a limit on the bytes received, one metric per request.

    Pure ASGI, because BaseHTTPMiddleware cancels the inner task when a client hangs up and leaks connections.
    """

    def __init__(self, app: ASGIApp, *, body_limits: Mapping[str, int]) -> None:
        self._app = app
        self._body_limits = body_limits
        self._subtrees = [(path.removesuffix("*"), n) for path, n in body_limits.items() if path.endswith("/*")]

    def _limit_of(self, path: str) -> int:
        subtree = next((limit for prefix, limit in self._subtrees if path.startswith(prefix)), BODY_LIMIT_BYTES)
        return self._body_limits.get(path, subtree)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_bytes = self._limit_of(scope["path"])
        exchange = _Exchange(scope, receive, send, limit_bytes=limit_bytes)
        started = time.perf_counter()
        try:
            if exchange.is_declared_too_large():
                await exchange.refuse(PayloadTooLarge(limit_bytes=limit_bytes))
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except Exception as exc:
            refusal = exc.error if isinstance(exc, problems.RefusedBody) else problems.unexpected(exc, scope["path"])
            if exchange.has_started:
                raise
            await exchange.refuse(refusal)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            telemetry.HTTP_SECONDS.labels(scope["method"], route, exchange.status).observe(
                time.perf_counter() - started
            )


def health_router(service: str, readiness: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"service": service, "status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        state: dict[str, str] = {}
        for name, check in readiness.items():
            try:
                warning = await check()
                state[name] = f"{WARNING}{warning}" if warning else "ok"
            except Exception as exc:
                _log.warning("not_ready", part=name, error=repr(exc))
                state[name] = "unavailable"
        ready = all(value == "ok" or value.startswith(WARNING) for value in state.values())
        return JSONResponse({"service": service, "ready": ready, "parts": state}, status_code=200 if ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(telemetry.registry()), media_type=CONTENT_TYPE_LATEST)

    return router


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


def build_app(
    *,
    service: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    title_zh: str,
    title_en: str,
    description: str = "",
    lifespan: Lifespan | None = None,
    readiness: Mapping[str, Check] | None = None,
    body_limits: Mapping[str, int] | None = None,
    signed_headers: Mapping[str, Any] | None = None,
    jwks_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application of a service.

    `body_limits` maps a path, or all paths under `…/*`, to bytes; other paths get 64 KiB. Sets `app.state.settings`,
    `app.state.db`, `app.state.tokens`, `app.state.service` and `app.state.api_document`. `signed_headers` are those of
    every answer to a partner's signature, for the document. `lifespan` is entered after them and left before them.
    """
    telemetry.configure_logging(service, settings.log_level)
    # Requests make few reference cycles, but batches make thousands of objects, and a full collection takes 0.1 s.
    gc.set_threshold(*_GC_THRESHOLDS)
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name=f"{service}-api")
    tokens = TokenVerifier(settings, transport=jwks_transport)

    @asynccontextmanager
    async def outer_lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with database.watched(), (lifespan or _nothing)(app):
                yield
        finally:
            await tokens.stop()
            await database.stop()

    app = FastAPI(
        title=f"{title_zh} {title_en}",
        description=description,
        version="1.0.0",
        openapi_url=None,  # served by `document_router`
        docs_url=None,
        redoc_url=None,
        lifespan=outer_lifespan,
        dependencies=[Depends(refuse_unknown_parameters)],
        generate_unique_id_function=lambda route: route.name,  # stable names for generated clients
    )
    app.state.settings, app.state.db, app.state.tokens, app.state.service = settings, database, tokens, service
    app.include_router(health_router(service, {"database": database.ping, **(readiness or {})}))
    for router in routers:
        app.include_router(router)
    document = ApiDocument(app, signed_headers=signed_headers or {})
    app.state.api_document = document
    app.include_router(document_router(service, document))
    app.openapi = lambda: document.document  # type: ignore[method-assign] # the documented way to replace it
    problems.install(app)
    app.add_middleware(RequestFrame, body_limits=dict(body_limits or {}))
    return app

"""Renders every error as RFC 9457 `application/problem+json`."""

import errno
import json
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared import field_sentences, telemetry
from shared.db import is_protocol_broken
from shared.errors import (
    AppError,
    FieldError,
    Forbidden,
    InternalError,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.language import Language, language_of

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:carbon-inclusion:problem:"
RETRY_AFTER_S = 1
# Validators' messages can quote input. Both limits keep an answer small, whatever was sent.
_MESSAGE_CHARS_MAX = 300
_FIELD_ERRORS_MAX = 20

_log = structlog.get_logger(__name__)


def problem_document(error: AppError, *, language: Language, instance: str, request_id: str) -> dict[str, Any]:
    return {
        "type": TYPE_PREFIX + error.code.lower().replace("_", "-"),
        "title": error.title(language),
        "status": error.status,
        "detail": error.detail(language),
        "instance": instance,
        "code": error.code,
        "retryable": error.retryable,
        "request_id": request_id,
        "errors": [
            {"field": e.field, "code": e.code, "message": e.message.pick(language)[:_MESSAGE_CHARS_MAX]}
            for e in error.field_errors[:_FIELD_ERRORS_MAX]
        ],
        **error.extensions,
    }


def problem_response(error: AppError, *, headers: Mapping[str, str], path: str, request_id: str) -> Response:
    document = problem_document(
        error, language=language_of(headers.get("accept-language")), instance=path, request_id=request_id
    )
    answer_headers = dict(error.headers)
    if error.retryable:
        answer_headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    # A lone surrogate quoted from the input must not make the encoding of the answer fail.
    content = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, status_code=error.status, headers=answer_headers, media_type=MEDIA_TYPE)


def _respond(request: Request, error: AppError) -> Response:
    telemetry.PROBLEMS.labels(code=error.code).inc()
    return problem_response(
        error, headers=request.headers, path=request.url.path, request_id=telemetry.current_request_id()
    )


async def _app_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, AppError)
    return _respond(request, exc)


def field_errors(issues: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Return pydantic's issues with sentences in both languages."""
    return [
        FieldError(".".join(map(str, issue["loc"])), issue["type"].upper(), field_sentences.sentence_of(issue))
        for issue in issues
    ]


async def _validation_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    issues = list(exc.errors())
    if any(issue["type"] == "json_invalid" for issue in issues):
        return _respond(request, MalformedBody())
    return _respond(request, InvalidRequest(field_errors=field_errors(issues)))


class RefusedBody(HTTPException):
    """A refusal raised while a body is being read: the framework lets only its own exceptions pass there."""

    def __init__(self, error: AppError) -> None:
        super().__init__(error.status)
        self.error = error


_BY_STATUS: dict[int, AppError] = {
    400: MalformedBody(),
    401: Unauthenticated(),
    403: Forbidden(),
    404: NotFound(),
    405: MethodNotAllowed(),
    413: PayloadTooLarge(),
    503: Unavailable(),
}


async def _http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if isinstance(exc, RefusedBody):
        return _respond(request, exc.error)
    error = _BY_STATUS.get(exc.status_code) or (MalformedBody() if exc.status_code < 500 else InternalError())
    response = _respond(request, error)
    for name, value in (exc.headers or {}).items():
        response.headers[name] = value
    return response


# SQLSTATE classes of transient errors: connection, login, conflict of transactions, resources, locks, operator, system.
# Two more states: a transaction that idled too long, and a server that became read-only.
_TRANSIENT_CLASSES = frozenset({"08", "28", "40", "53", "55", "57", "58"})
_TRANSIENT_STATES = frozenset({"25P03", "25006"})
# Characters that PostgreSQL can neither store nor search for: NUL in a text, \u0000 in a JSON document.
_UNSTORABLE_STATES = frozenset({"22021", "22P05"})
# Error numbers of an unreachable server that have no exception class such as ConnectionError.
_UNREACHABLE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def _cause_and_state(exc: Exception) -> tuple[Exception, str | None]:
    """Return the driver's error and its SQLSTATE."""
    cause = getattr(exc, "orig", None) or exc
    return cause, getattr(cause, "sqlstate", None)


def is_transient(exc: Exception) -> bool:
    """Whether a database error comes from the state of the database, not from the statement."""
    cause, state = _cause_and_state(exc)
    if state is None:
        # Errors of the driver itself: the connection closed in the middle of an operation, or is not open yet.
        is_closed = type(exc) is sqlalchemy.exc.DBAPIError or isinstance(cause, asyncpg.InterfaceError)
        return is_closed or is_protocol_broken(cause)
    return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES


async def _database_error(request: Request, exc: Exception) -> Response:
    """Answer 503 if the database is unreachable, too slow or full. The caller may repeat; the cause is only logged."""
    _log.warning("database_unavailable", error=type(exc).__name__, path=request.url.path, exc_info=exc)
    return _respond(request, Unavailable())


async def _driver_error(request: Request, exc: Exception) -> Response:
    """Answer a database error that has no class of its own: its SQLSTATE decides between 503, 422 and 500.

    The 422 is for search texts. Fields that are stored are validated by their own types.
    """
    if is_transient(exc):
        return await _database_error(request, exc)
    if _cause_and_state(exc)[1] in _UNSTORABLE_STATES:
        fault = FieldError("", "UNSTORABLE_CHARACTER", field_sentences.UNSTORABLE)
        return _respond(request, InvalidRequest(field_errors=[fault]))
    return _respond(request, unexpected(exc, request.url.path))


async def _system_error(request: Request, exc: Exception) -> Response:
    """Answer 503 for a network error and 500 for an error of a local file."""
    assert isinstance(exc, OSError)
    # asyncio raises one error without a number if several addresses failed.
    several_addresses = type(exc) is OSError and exc.errno is None
    if several_addresses or isinstance(exc, socket.gaierror) or exc.errno in _UNREACHABLE:
        return await _database_error(request, exc)
    return _respond(request, unexpected(exc, request.url.path))


def unexpected(exc: Exception, path: str) -> AppError:
    """Log an unexpected exception and return the error to answer, which reveals nothing of it."""
    _log.error("unexpected_error", error=type(exc).__name__, path=path, exc_info=exc)
    telemetry.PROBLEMS.labels(code=InternalError.code).inc()
    return InternalError()


def install(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(sqlalchemy.exc.OperationalError, _database_error)
    app.add_exception_handler(sqlalchemy.exc.InterfaceError, _database_error)
    app.add_exception_handler(sqlalchemy.exc.TimeoutError, _database_error)
    app.add_exception_handler(sqlalchemy.exc.DBAPIError, _driver_error)
    app.add_exception_handler(asyncpg.PostgresError, _driver_error)
    app.add_exception_handler(asyncpg.InterfaceError, _driver_error)
    app.add_exception_handler(asyncpg.InternalClientError, _driver_error)
    app.add_exception_handler(ConnectionError, _database_error)
    app.add_exception_handler(TimeoutError, _database_error)
    app.add_exception_handler(OSError, _system_error)

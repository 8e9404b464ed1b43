"""An httpx transport for addresses of partners: it connects to public addresses only and follows no redirect.

httpx builds its connections itself. This transport gives httpcore, its engine, the guarded backend.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from shared.public_addresses import ForbiddenAddress, GuardedBackend, Resolve, UnsafeUrl, check_url, resolve

CONNECTIONS_MAX = 16
KEPT_ALIVE_S = 15.0


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for chunk in self._answer.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """`allow_loopback` is for development. Raises httpx.TransportError, also for a forbidden address."""

    def __init__(
        self, *, allow_loopback: bool, ssl_context: ssl.SSLContext | None = None, resolve: Resolve = resolve
    ) -> None:
        self._allow_loopback = allow_loopback
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEPT_ALIVE_S,
            network_backend=GuardedBackend(allow_loopback=allow_loopback, resolve=resolve),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _errors_of_httpx():
            check_url(str(request.url), allow_loopback=self._allow_loopback)
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=dict(answer.extensions)
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except UnsafeUrl as exc:
        raise httpx.UnsupportedProtocol(str(exc)) from None
    except httpcore.TimeoutException as exc:
        raise httpx.TimeoutException(str(exc)) from exc
    except (ForbiddenAddress, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as exc:
        raise httpx.TransportError(f"{type(exc).__name__}: {exc}") from exc

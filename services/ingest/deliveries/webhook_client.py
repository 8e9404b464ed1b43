"""Sends one HTTP request to a partner's address, bounded in time and size.

Uses httpcore, the engine of httpx, because it lets GuardedBackend open the connection.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpcore
import standardwebhooks

from services.ingest.deliveries.addresses import ForbiddenAddress, GuardedBackend, Resolve, check_url, resolve
from services.ingest.deliveries.domain import Attempt
from services.ingest.deliveries.errors import AddressRefused

CONNECT_TIMEOUT_S = 5.0
# Standard Webhooks recommends 15 to 30 s. A receiver that needs longer should answer first and work afterwards.
TOTAL_TIMEOUT_S = 15.0
# Enough to reuse the connection for the next delivery. Only the status code of the answer is used.
RESPONSE_BYTES_MAX = 16_384
CONNECTIONS_MAX = 32
KEPT_ALIVE_S = 15.0
_ERROR_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """`secrets`: the current one first, then the previous one while it still signs."""

    delivery_id: str
    url: str
    payload: bytes
    secrets: Sequence[str]


def headers_of(message: WebhookMessage, at: datetime) -> list[tuple[str, str]]:
    """The headers of Standard Webhooks. `at` is converted to UTC, because the package ignores the time zone."""
    webhook_id = f"msg_{message.delivery_id}"
    body = message.payload.decode()
    signatures = [
        standardwebhooks.Webhook(secret).sign(webhook_id, at.astimezone(UTC), body) for secret in message.secrets
    ]
    return [
        ("Content-Type", "application/json"),
        ("User-Agent", "carbon-inclusion-webhooks/1"),
        ("webhook-id", webhook_id),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("webhook-signature", " ".join(signatures)),
    ]


class WebhookClient:
    """An async context manager, which closes its connections at the end."""

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def send(self, message: WebhookMessage, *, at: datetime) -> Attempt:
        """Never raises for errors of the network or the receiver."""
        started = time.monotonic()
        status, retry_after, error = None, None, None
        try:
            check_url(message.url, allow_loopback=self._allow_loopback)
            async with asyncio.timeout(TOTAL_TIMEOUT_S):
                status, retry_after = await self._exchange(message, at)
        except TimeoutError:
            error = f"no answer within {TOTAL_TIMEOUT_S:.0f} s"
        except AddressRefused as exc:
            error = f"address refused: {exc.detail('en')}"
        except ForbiddenAddress as exc:
            error = f"address refused: {exc}"
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
            error = f"{type(exc).__name__}: {exc}"
        if status is not None and 300 <= status < 400:
            error = "redirects are not followed"
        return Attempt(
            duration_ms=int((time.monotonic() - started) * 1000),
            status_code=status,
            error=error[:_ERROR_CHARS_MAX] if error else None,
            retry_after_s=retry_after,
        )

    async def _exchange(self, message: WebhookMessage, at: datetime) -> tuple[int, int | None]:
        timeouts = {
            "connect": CONNECT_TIMEOUT_S,
            "read": TOTAL_TIMEOUT_S,
            "write": TOTAL_TIMEOUT_S,
            "pool": TOTAL_TIMEOUT_S,
        }
        async with self._pool.stream(
            "POST",
            message.url,
            headers=headers_of(message, at),
            content=message.payload,
            extensions={"timeout": timeouts},
        ) as response:
            received = 0
            async for chunk in response.aiter_stream():
                received += len(chunk)
                if received > RESPONSE_BYTES_MAX:
                    break
            return response.status, _retry_after_s(response.headers)


def _retry_after_s(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) <= 9:
            return int(value)
    return None

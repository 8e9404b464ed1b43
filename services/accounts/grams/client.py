"""Client of the accounting service for messages: a page of people at a time."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeVar

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from shared.auth.tokens import ServiceTokens
from shared.contracts.arrivals import (
    Arrival,
    Arrivals,
    ArrivalsQuestion,
    Expiring,
    ExpiringGrams,
    ExpiringQuestion,
)
from shared.httpclient import ServiceAuth, new_client

Answer = TypeVar("Answer", bound=BaseModel)

_CALL_TIMEOUT_S = 5

_log = structlog.get_logger(__name__)


class GramsUnknown(Exception):
    """Accounting does not answer, or not as agreed."""


class GramsReader:
    """Without an address of accounting every question raises GramsUnknown."""

    def __init__(
        self, *, base_url: str, service_key: SecretStr, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = new_client(base_url, transport=transport) if base_url else None
        self._auth = ServiceAuth(ServiceTokens(service_key.get_secret_value(), "accounts"), "accounting")

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def arrivals(self, people: Sequence[uuid.UUID], *, since: datetime, until: datetime) -> Sequence[Arrival]:
        """Return what became available in [since, until). Raises GramsUnknown."""
        question = ArrivalsQuestion(account_ids=list(people), since=since, until=until)
        return (await self._ask("/internal/accounting/arrivals", question, Arrivals)).items

    async def expiring(self, people: Sequence[uuid.UUID], *, upto: date) -> Sequence[ExpiringGrams]:
        """Return what expires first, if it expires by that day. Raises GramsUnknown."""
        question = ExpiringQuestion(account_ids=list(people), upto=upto)
        return (await self._ask("/internal/accounting/expiring", question, Expiring)).items

    async def _ask(self, path: str, question: BaseModel, kind: type[Answer]) -> Answer:
        if self._http is None:
            raise GramsUnknown
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                answer = await self._http.post(path, json=question.model_dump(mode="json"), auth=self._auth)
            if answer.status_code != 200:
                raise ValueError  # noqa: TRY301 - one exit for all unusable answers
            return kind.model_validate_json(answer.content)
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, ValidationError) as exc:
            _log.warning("accounting_call_failed", path=path, error=type(exc).__name__)
            raise GramsUnknown from None

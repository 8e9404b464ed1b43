"""The client that asks accounting what an enterprise has. Without an answer nothing is closed."""

import asyncio
import uuid

import httpx
import structlog
from pydantic import SecretStr, ValidationError

from services.accounts.holdings.errors import HoldingsUnavailable
from shared.auth.tokens import ServiceTokens
from shared.contracts.enterprise_holdings import EnterpriseHoldings
from shared.httpclient import ServiceAuth, new_client

_CALL_TIMEOUT_S = 3.0

_log = structlog.get_logger(__name__)


class HoldingsReader:
    def __init__(
        self, *, base_url: str, service_key: SecretStr, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = new_client(base_url, transport=transport) if base_url else None
        self._auth = ServiceAuth(ServiceTokens(service_key.get_secret_value(), "accounts"), "accounting")

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def read(self, enterprise_id: uuid.UUID) -> EnterpriseHoldings:
        """Raises HoldingsUnavailable when accounting does not answer, or has no address."""
        if self._http is None:
            raise HoldingsUnavailable(retry_after_s=60)
        path = f"/internal/accounting/enterprises/{enterprise_id}/holdings"
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                answer = await self._http.get(path, auth=self._auth)
            answer.raise_for_status()
            return EnterpriseHoldings.model_validate_json(answer.content)
        except (httpx.HTTPError, TimeoutError, OSError, ValidationError) as exc:
            _log.warning("holdings_unavailable", error=type(exc).__name__)
            raise HoldingsUnavailable(retry_after_s=5) from exc

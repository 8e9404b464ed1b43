"""The client that asks accounting whether an account is frozen."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime

import httpx
import structlog
from pydantic import SecretStr, ValidationError

from shared.auth.tokens import ServiceTokens
from shared.contracts.account_state import AccountState, FreezeReason
from shared.httpclient import ServiceAuth, new_client

# A profile without this answer is better than a late one.
_CALL_TIMEOUT_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Freeze:
    """`frozen` is None if accounting did not answer."""

    frozen: bool | None
    since: datetime | None = None
    reason: FreezeReason | None = None


UNKNOWN = Freeze(None)


class FreezeReader:
    """Without a base URL every answer is UNKNOWN."""

    def __init__(
        self, *, base_url: str, service_key: SecretStr, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = new_client(base_url, transport=transport) if base_url else None
        self._auth = ServiceAuth(ServiceTokens(service_key.get_secret_value(), "accounts"), "accounting")

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def read(self, account_id: uuid.UUID) -> Freeze:
        """Return whether the account is frozen. Never raises."""
        if self._http is None:
            return UNKNOWN
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                answer = await self._http.get(f"/internal/accounting/accounts/{account_id}", auth=self._auth)
            if answer.status_code != 200:
                _log.warning("account_state_refused", status=answer.status_code)
                return UNKNOWN
            state = AccountState.model_validate_json(answer.content)
        except (httpx.HTTPError, TimeoutError, OSError, ValidationError) as exc:
            _log.warning("account_state_unavailable", error=type(exc).__name__)
            return UNKNOWN
        return Freeze(state.frozen_since is not None, state.frozen_since, state.frozen_reason)

"""Reads from accounting what all citizens have earned."""

from typing import Final

import httpx
import structlog
from pydantic import BaseModel, Field, ValidationError

_STATS: Final = "/api/v1/accounting/public/stats"
_log = structlog.get_logger(__name__)


class _Stats(BaseModel):
    amount_mg: int = Field(ge=0, lt=2**63)


class CreditsReader:
    """`client` calls the accounting service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def credited_mg(self) -> int | None:
        """Return all credited milligrams minus reversals, None if accounting does not answer."""
        try:
            answer = await self._client.get(_STATS)
            if answer.is_success:
                return _Stats.model_validate_json(answer.content).amount_mg
            fault = f"http_{answer.status_code}"
        except (httpx.HTTPError, ValidationError) as exc:
            fault = type(exc).__name__
        _log.warning("credits_unknown", error=fault)
        return None

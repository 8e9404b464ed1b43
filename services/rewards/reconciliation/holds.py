"""The client that reads accounting's holds page by page."""

import uuid
from typing import Final

import httpx
from pydantic import ValidationError

from shared.contracts.holds import HoldPage
from shared.httpclient import ServiceAuth

_HOLDS: Final = "/internal/accounting/holds"


class HoldsUnavailable(Exception):
    """Accounting gave no page of holds. The message is short and without personal data."""


class HoldReader:
    def __init__(self, client: httpx.AsyncClient, auth: ServiceAuth) -> None:
        self._client, self._auth = client, auth

    async def read_page(self, *, after: uuid.UUID, limit: int) -> HoldPage:
        """Raises HoldsUnavailable."""
        try:
            response = await self._client.get(_HOLDS, params={"after": str(after), "limit": limit}, auth=self._auth)
            if not response.is_success:
                raise HoldsUnavailable(f"http_{response.status_code}")
            return HoldPage.model_validate_json(response.content)
        except httpx.HTTPError as exc:
            raise HoldsUnavailable(type(exc).__name__) from exc
        except ValidationError as exc:
            raise HoldsUnavailable("unreadable_answer") from exc

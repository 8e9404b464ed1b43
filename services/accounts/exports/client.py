"""Client of the internal routes that give the rows of a person: one for each other service."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
from pydantic import SecretStr, ValidationError

from shared.auth.tokens import ServiceTokens
from shared.contracts.personal_rows import PersonalDataPage
from shared.httpclient import ServiceAuth, new_client

_CALL_TIMEOUT_S = 20


class RowsUnavailable(Exception):
    """A service did not give the rows. The export is tried again."""


class RowsReader:
    """Reads from services by name. `base_urls` may be empty for a service that is not there."""

    def __init__(
        self,
        *,
        base_urls: Mapping[str, str],
        service_key: SecretStr,
        transports: Mapping[str, httpx.AsyncBaseTransport | None] | None = None,
    ) -> None:
        given = transports or {}
        tokens = ServiceTokens(service_key.get_secret_value(), "accounts")
        self._clients = {name: new_client(url, transport=given.get(name)) for name, url in base_urls.items() if url}
        self._auth = {name: ServiceAuth(tokens, name) for name in base_urls}

    async def stop(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def pages(
        self, service: str, *, user_id: uuid.UUID, account_id: uuid.UUID, events: Sequence[uuid.UUID] = ()
    ) -> AsyncIterator[PersonalDataPage]:
        """Yield the rows of a person in one service, page by page. Raises RowsUnavailable."""
        after: str | None = None
        while True:
            question: dict[str, Any] = {
                "user_id": str(user_id),
                "account_id": str(account_id),
                "events": [str(key) for key in events],
                "after": after,
            }
            page = await self._ask(service, question)
            yield page
            after = page.after
            if after is None:
                return

    async def _ask(self, service: str, question: Mapping[str, Any]) -> PersonalDataPage:
        client = self._clients.get(service)
        if client is None:
            raise RowsUnavailable(service)
        try:
            answer = await client.post(
                f"/internal/{service}/personal-data",
                json=question,
                auth=self._auth[service],
                timeout=_CALL_TIMEOUT_S,
            )
            if answer.status_code != 200:
                raise RowsUnavailable(service)
            return PersonalDataPage.model_validate_json(answer.content)
        except (httpx.HTTPError, OSError, ValidationError) as exc:
            raise RowsUnavailable(service) from exc

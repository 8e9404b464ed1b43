"""Exchange of a partner's authorization code for the open id by which the partner knows the citizen."""

import asyncio
import json
import re

import httpx
import structlog

from services.accounts.partners.domain import OauthConfig
from services.accounts.partners.errors import PartnerCodeInvalid, PartnerUnavailable
from shared.httpclient import new_client

_ANSWER_BYTES_MAX = 64 * 1024
_EXCHANGE_TIMEOUT_S = 5
_REFUSED = frozenset({400, 401, 403, 404, 422})
_OPEN_ID = re.compile(r"[\x21-\x7e]{1,128}")

_log = structlog.get_logger(__name__)


class PartnerOauth:
    """Client of the partners' token endpoints. URLs come from the partner registry only. Redirects are not followed."""

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = new_client("", transport=transport)

    async def stop(self) -> None:
        await self._http.aclose()

    async def exchange_code(self, config: OauthConfig, *, partner_id: str, code: str) -> str:
        """Return the open id for an authorization code. Raises PartnerCodeInvalid, PartnerUnavailable."""
        body = {
            "grant_type": "authorization_code",
            "client_id": config.client_id,
            "client_secret": config.client_secret.get_secret_value(),
            "code": code,
        }
        content = bytearray()
        try:
            async with (
                asyncio.timeout(_EXCHANGE_TIMEOUT_S),
                self._http.stream("POST", config.token_url, json=body) as answer,
            ):
                status = answer.status_code
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > _ANSWER_BYTES_MAX:
                        break
            if status in _REFUSED:
                raise PartnerCodeInvalid
            document = json.loads(content) if status == 200 and len(content) <= _ANSWER_BYTES_MAX else None
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, RecursionError) as exc:
            _log.warning("partner_exchange_failed", partner=partner_id, error=type(exc).__name__)
            raise PartnerUnavailable from None
        open_id = document.get(config.open_id_field) if isinstance(document, dict) else None
        if not isinstance(open_id, str) or not _OPEN_ID.fullmatch(open_id):
            _log.warning("partner_exchange_malformed", partner=partner_id, status=status)
            raise PartnerUnavailable
        return open_id

"""Client of the partners' OAuth servers: where a citizen confirms, the exchange of the code, the end of the tokens.

A partner's server may be slow, large or wrong. Each call has a deadline and a bound in bytes. Addresses come from the
partner registry only, lead to public hosts only, and redirects are not followed.
"""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog

from services.accounts.partners.domain import OauthConfig
from services.accounts.partners.errors import PartnerCodeInvalid, PartnerUnavailable
from shared.guarded_transport import GuardedTransport
from shared.httpclient import new_client

_ANSWER_BYTES_MAX = 64 * 1024
_CALL_TIMEOUT_S = 5
_REFUSED = frozenset({400, 401, 403, 404, 422})
_OPEN_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TOKEN = re.compile(r"[\x20-\x7e]{1,4096}")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a partner gave for a code. `tokens` by their kind (`refresh_token`, `access_token`)."""

    open_id: str = field(repr=False)
    tokens: Mapping[str, str] = field(repr=False)


class RevocationFailed(Exception):
    """The partner did not confirm that the token has ended. The text holds no token."""


def authorization_url(config: OauthConfig, *, state: str, verifier: str) -> str:
    """Return where the citizen confirms (RFC 6749 4.1.1 with PKCE S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": config.redirect_uri,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        **({"scope": config.scope} if config.scope else {}),
    }
    joint = "&" if urlsplit(config.authorize_url).query else "?"
    return f"{config.authorize_url}{joint}{urlencode(asked)}"


class PartnerOauth:
    """One pool of connections for all partners."""

    def __init__(self, *, allow_loopback: bool, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = new_client("", transport=transport or GuardedTransport(allow_loopback=allow_loopback))

    async def stop(self) -> None:
        await self._http.aclose()

    async def exchange_code(self, config: OauthConfig, *, partner_id: str, code: str, verifier: str) -> Grant:
        """Exchange an authorization code with its verifier. Raises PartnerCodeInvalid, PartnerUnavailable."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": config.redirect_uri,
            "code_verifier": verifier,
        }
        try:
            status, content = await self._post(config, config.token_url, asked)
            if status in _REFUSED:
                raise PartnerCodeInvalid
            document = json.loads(content) if status == 200 else None
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, RecursionError) as exc:
            _log.warning("partner_exchange_failed", partner=partner_id, error=type(exc).__name__)
            raise PartnerUnavailable from None
        open_id = document.get(config.open_id_field) if isinstance(document, dict) else None
        if not isinstance(open_id, str) or not _OPEN_ID.fullmatch(open_id):
            _log.warning("partner_exchange_malformed", partner=partner_id, status=status)
            raise PartnerUnavailable
        assert isinstance(document, dict)
        return Grant(open_id, _tokens_of(document))

    async def revoke(self, config: OauthConfig, *, kind: str, token: str) -> None:
        """End one token (RFC 7009). A token that has ended already is a success there. Raises RevocationFailed."""
        if config.revocation_url is None:
            raise RevocationFailed("no revocation address")
        try:
            status, _ = await self._post(config, config.revocation_url, {"token": token, "token_type_hint": kind})
        except (httpx.HTTPError, TimeoutError, OSError, ValueError) as exc:
            raise RevocationFailed(type(exc).__name__) from None
        if status not in {200, 204}:
            raise RevocationFailed(f"status {status}")

    async def _post(self, config: OauthConfig, url: str, asked: dict[str, str]) -> tuple[int, bytes]:
        """Return status and content. Raises httpx.HTTPError, TimeoutError, OSError, ValueError (too large)."""
        body = {**asked, "client_id": config.client_id, "client_secret": config.client_secret.get_secret_value()}
        sent: dict[str, Any] = {"json": body} if config.request_form == "json" else {"data": body}
        content = bytearray()
        async with (
            asyncio.timeout(_CALL_TIMEOUT_S),
            self._http.stream("POST", url, headers={"Accept": "application/json"}, **sent) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > _ANSWER_BYTES_MAX:
                    raise ValueError("answer too large")
            return answer.status_code, bytes(content)


def _tokens_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The tokens worth ending. A refresh token comes first: at most partners it ends the access token as well."""
    found = {kind: document.get(kind) for kind in ("refresh_token", "access_token")}
    return {kind: token for kind, token in found.items() if isinstance(token, str) and _TOKEN.fullmatch(token)}

"""Client of the identity provider: discovery, keys, token endpoint. Answers are small and bounded in time."""

import asyncio
import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import jwt
import structlog

from services.accounts.identity_provider import domain
from services.accounts.identity_provider.domain import Identity, Metadata
from services.accounts.identity_provider.errors import IdentityRefused, ProviderUnavailable
from services.accounts.settings import Settings
from shared.httpclient import new_client

_ANSWER_BYTES_MAX = 256 * 1024
_TIMEOUT_S = 5
_KEPT_S = 3600
# Keys are fetched again for an unknown key id, but not more often.
_KEYS_MIN_INTERVAL_S = 5
_LEEWAY_S = 30
_REFUSED = frozenset({400, 401, 403})

_log = structlog.get_logger(__name__)


class IdentityProvider:
    """The provider of the settings. `is_configured` is False in a city that has none."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer
        self._http = new_client("", transport=transport)
        self._metadata: Metadata | None = None
        self._metadata_until = float("-inf")
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def is_configured(self) -> bool:
        return bool(self._issuer)

    @property
    def issuer(self) -> str:
        return self._issuer

    async def stop(self) -> None:
        await self._http.aclose()

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where the operator's browser goes. Raises ProviderUnavailable."""
        metadata = await self._discover()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._settings.oidc_redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": domain.challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return metadata.authorization_endpoint + separator + urlencode(asked)

    async def redeem(self, *, code: str, verifier: str, nonce: str, issuer: str | None) -> Identity:
        """Exchange an authorization code for a verified identity. Raises IdentityRefused, ProviderUnavailable.

        `issuer`: the parameter `iss` of the redirect (RFC 9207), against a provider that plays another's answer.
        """
        metadata = await self._discover()
        if issuer != self._issuer and (issuer is not None or metadata.names_issuer):
            raise self._refusal("iss")
        token = await self._exchange(metadata, code=code, verifier=verifier)
        claims = await self._verify(metadata, token)
        try:
            return domain.read_identity(
                claims,
                client_id=self._settings.oidc_client_id,
                nonce=nonce,
                roles_claim=self._settings.oidc_roles_claim,
            )
        except ValueError as exc:
            raise self._refusal(str(exc)) from None

    async def _exchange(self, metadata: Metadata, *, code: str, verifier: str) -> str:
        secret = self._settings.oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.oidc_redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if secret and not metadata.posts_secret:
            # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
            pair = f"{quote_plus(self._settings.oidc_client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self._settings.oidc_client_id, **({"client_secret": secret} if secret else {})}
        status, document = await self._fetch("POST", metadata.token_endpoint, data=form, headers=headers)
        if status in _REFUSED:
            raise self._refusal(str(document.get("error", status))[:60])
        token = document.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise self._failure("token endpoint", f"status {status}")
        return token

    async def _verify(self, metadata: Metadata, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in domain.ALGORITHMS:
                raise self._refusal("alg")
            key = await self._key(metadata, str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self._settings.oidc_client_id,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as exc:
            raise self._refusal(type(exc).__name__) from None
        return claims

    async def _key(self, metadata: Metadata, key_id: str) -> jwt.PyJWK:
        """The key with this id. A token without an id fits a provider with a single key."""
        async with self._lock:
            age_s = time.monotonic() - self._keys_at
            if age_s > _KEPT_S or (self._find_key(key_id) is None and age_s > _KEYS_MIN_INTERVAL_S):
                status, document = await self._fetch("GET", metadata.jwks_uri)
                try:
                    keys = jwt.PyJWKSet.from_dict(document).keys if status == 200 else []
                except jwt.PyJWTError:
                    keys = []
                if not keys:
                    raise self._failure("keys", f"status {status}")
                self._keys = {str(key.key_id): key for key in keys if key.public_key_use in {None, "sig"}}
                self._keys_at = time.monotonic()
        key = self._find_key(key_id)
        if key is None:
            raise self._refusal("kid")
        return key

    def _find_key(self, key_id: str) -> jwt.PyJWK | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _discover(self) -> Metadata:
        if self._metadata is None or time.monotonic() > self._metadata_until:
            url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
            status, document = await self._fetch("GET", url)
            try:
                self._metadata = domain.read_metadata(document if status == 200 else None, issuer=self._issuer)
            except ValueError as exc:
                raise self._failure("discovery", str(exc)) from None
            self._metadata_until = time.monotonic() + _KEPT_S
        return self._metadata

    async def _fetch(
        self, method: str, url: str, *, data: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object, {} if it is none. Raises ProviderUnavailable."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self._http.stream(
                    method, url, data=data, headers={"Accept": "application/json", **(headers or {})}
                ) as got,
            ):
                async for chunk in got.aiter_bytes():
                    content += chunk
                    if len(content) > _ANSWER_BYTES_MAX:
                        raise self._failure(url, "too large")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as exc:
            raise self._failure(url, type(exc).__name__) from None
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = {}
        return got.status_code, document if isinstance(document, dict) else {}

    def _failure(self, what: str, why: str) -> ProviderUnavailable:
        _log.warning("identity_provider_failed", what=what, why=why)
        return ProviderUnavailable(retry_after_s=2)

    def _refusal(self, why: str) -> IdentityRefused:
        _log.warning("identity_refused", why=why)
        return IdentityRefused()

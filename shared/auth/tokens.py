"""Tokens according to RFC 8725: one algorithm per kind; issuer, audience, type and expiry are checked; keys by id.

* Citizens and operators: EdDSA, header `typ: at+jwt`, keys published by the accounts service as JWKS.
* Services: EdDSA with the caller's own key, header `typ: svc+jwt`, audience = the called service, 60 s at most. The
  called service knows the public key of each caller, and each of its internal routes lists its callers.
"""

import asyncio
import base64
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from fastapi import Depends, Request, Security

from shared import clock
from shared.auth import schemes
from shared.contracts.identity import person_account_id
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.ids import new_id
from shared.settings import ServiceSettings, public_keys

ACCESS_TYPE = "at+jwt"
SERVICE_TYPE = "svc+jwt"
CITIZEN_SCOPE = "citizen"
SERVICE_TOKEN_LIFE_S = 60
# An operator's session can be revoked at once. Its last token is then refused everywhere within this time.
OPERATOR_TOKEN_LIFE_S = 300
_TOKEN_CHARS_MAX = 4096
_JWKS_MAX_AGE_S = 300
# An unknown key id makes us fetch the keys again, but not more often: forged tokens must not flood accounts.
_JWKS_MIN_INTERVAL_S = 5
_JWKS_TIMEOUT_S = 3
_CLOCK_LEEWAY_S = 5
# Verified tokens kept in memory, some 2 KiB each.
REMEMBERED_TOKENS_MAX = 4096
_REMEMBERED_CALLS_MAX = 256

# OpenID Connect gives a person's `sub` as at most 255 ASCII characters. Without spaces and other scripts, two subjects
# that look alike are alike.
_OPERATOR_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CitizenIdentity:
    user_id: uuid.UUID
    account_id: uuid.UUID
    token_id: str


@dataclass(frozen=True, slots=True)
class Operator:
    """`session_id`: the log-in that made the token. A token of development or of a test may have none."""

    subject: str
    scopes: frozenset[str]
    session_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class _Verified:
    """The claims of a verified token and the key that verified it."""

    key: jwt.PyJWK
    key_id: str
    expires_at_s: int
    claims: dict[str, Any]


class TokenVerifier:
    """Verifies access tokens with the published keys and service tokens with the keys of the callers."""

    def __init__(self, settings: ServiceSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(timeout=_JWKS_TIMEOUT_S, transport=transport)
        self._published: Any = None
        self._keys: dict[str, jwt.PyJWK] = {}
        # Keyed by hash: this memory does not reveal a token.
        self._verified: dict[bytes, _Verified] = {}
        self._callers = {
            (name, _key_id(key)): key for name, pem in settings.service_callers.items() for key in public_keys(pem)
        }
        self._calls: dict[tuple[bytes, str], tuple[float, dict[str, Any]]] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def is_production(self) -> bool:
        return self._settings.profile == "production"

    async def stop(self) -> None:
        await self._client.aclose()

    async def _key(self, key_id: str) -> jwt.PyJWK:
        age_s = time.monotonic() - self._fetched_at
        known = self._keys.get(key_id)
        if (known and age_s < _JWKS_MAX_AGE_S) or (not known and self._keys and age_s < _JWKS_MIN_INTERVAL_S):
            if known is None:
                raise Unauthenticated
            return known
        async with self._lock:
            if time.monotonic() - self._fetched_at >= _JWKS_MIN_INTERVAL_S or not self._keys:
                await self._refresh()
        found = self._keys.get(key_id)
        if found is None:
            raise Unauthenticated
        return found

    async def _refresh(self) -> None:
        try:
            answer = await self._client.get(self._settings.jwks_url)
            answer.raise_for_status()
            published = answer.json()
            keys = jwt.PyJWKSet.from_dict(published).keys
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as exc:
            _log.warning("jwks_unavailable", error=repr(exc))
            if not self._keys:
                raise Unavailable from exc
        else:
            if published != self._published:
                self._published = published
                self._keys = {str(key.key_id): key for key in keys if key.key_type == "OKP"}
                self._verified.clear()
        self._fetched_at = time.monotonic()

    async def access_claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid access token. Do not modify them. Raises Unauthenticated, Unavailable.

        A signature is verified once and remembered until the token expires or the published keys change.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is not None and await self._is_still_valid(known):
            return known.claims
        header = _header(token, ACCESS_TYPE, "EdDSA")
        key_id = str(header.get("kid", ""))
        key = await self._key(key_id)
        claims = _decode(
            token,
            key,
            "EdDSA",
            audience=self._settings.token_audience,
            issuer=self._settings.token_issuer,
            required=["exp", "iat", "sub", "aud", "iss", "jti", "scope"],
        )
        self._verified.pop(digest, None)
        if len(self._verified) >= REMEMBERED_TOKENS_MAX:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = _Verified(key, key_id, int(claims["exp"]), claims)
        return claims

    async def _is_still_valid(self, known: _Verified) -> bool:
        """Look up the key as for a new token, so that a withdrawn key is noticed as soon."""
        return known.expires_at_s > time.time() - _CLOCK_LEEWAY_S and await self._key(known.key_id) is known.key

    def service_claims(self, token: str, *, audience: str) -> dict[str, Any]:
        """Return the claims of a valid service token for this service. Raises Unauthenticated.

        The issuer is one whose key this service knows. A signature is verified once, as those of access tokens.
        """
        digest = (hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), audience)
        known = self._calls.get(digest)
        if known is not None and known[0] > time.time():
            return known[1]
        header = _header(token, SERVICE_TYPE, "EdDSA")
        issuer = _claimed_issuer(token)
        key = self._callers.get((issuer, str(header.get("kid", ""))))
        if key is None:
            raise Unauthenticated
        claims = _decode(
            token, key, "EdDSA", audience=audience, issuer=issuer, required=["exp", "iat", "aud", "iss", "jti"]
        )
        if claims["exp"] - claims["iat"] > SERVICE_TOKEN_LIFE_S:
            raise Unauthenticated
        if len(self._calls) >= _REMEMBERED_CALLS_MAX:
            self._calls.clear()
        self._calls[digest] = (float(claims["exp"]), claims)
        return claims


def _header(token: str, expected_type: str, algorithm: str) -> dict[str, Any]:
    if len(token) > _TOKEN_CHARS_MAX:
        raise Unauthenticated
    # Only the first segment: the whole token is read and checked when its key is known.
    segment = token.partition(".")[0]
    try:
        header: Any = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError) as exc:
        raise Unauthenticated from exc
    if not isinstance(header, dict) or header.get("typ") != expected_type or header.get("alg") != algorithm:
        raise Unauthenticated
    return header


def _claimed_issuer(token: str) -> str:
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
    except jwt.PyJWTError as exc:
        raise Unauthenticated from exc


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _decode(
    token: str, key: Any, algorithm: str, *, audience: str, issuer: str | None, required: list[str]
) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            leeway=_CLOCK_LEEWAY_S,
            options={"require": required},
        )
    except jwt.PyJWTError as exc:
        raise Unauthenticated from exc
    return claims


class ServiceTokens:
    """Issues the short-lived tokens with which a service calls `/internal/…` routes of another.

    `key_pem` is the issuer's Ed25519 private key. A token serves all calls of a third of its life.
    """

    def __init__(self, key_pem: str, issuer: str) -> None:
        key = load_pem_private_key(key_pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("a service signs with an Ed25519 key")
        self._key, self._key_id = key, _key_id(key.public_key())
        self._issuer = issuer
        self._issued: dict[str, tuple[float, str]] = {}

    def issue(self, audience: str) -> str:
        until, token = self._issued.get(audience, (0.0, ""))
        if time.monotonic() >= until:
            token = self._new(audience)
            self._issued[audience] = (time.monotonic() + SERVICE_TOKEN_LIFE_S / 3, token)
        return token

    def _new(self, audience: str) -> str:
        issued = clock.now()
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "iat": issued,
            "exp": issued + timedelta(seconds=SERVICE_TOKEN_LIFE_S),
            "jti": str(new_id()),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": SERVICE_TYPE, "kid": self._key_id})


def bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    return token.strip()


async def _access_claims(request: Request) -> dict[str, Any]:
    verifier: TokenVerifier = request.app.state.tokens
    return await verifier.access_claims(bearer_token(request))


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(claims["scope"]).split())


async def _citizen(
    claims: Annotated[dict[str, Any], Depends(_access_claims)], _documented: Annotated[Any, Depends(schemes.CITIZEN)]
) -> CitizenIdentity:
    if CITIZEN_SCOPE not in _scopes(claims):
        raise Forbidden(scope=CITIZEN_SCOPE)
    try:
        user_id = uuid.UUID(str(claims["sub"]))
    except ValueError as exc:
        raise Unauthenticated from exc
    return CitizenIdentity(user_id=user_id, account_id=person_account_id(user_id), token_id=str(claims["jti"]))


Citizen = Annotated[CitizenIdentity, Depends(_citizen)]


def require_scope(scope: str) -> Callable[..., Coroutine[Any, Any, Operator]]:
    """Make the dependency of an operator's route: `Annotated[Operator, Depends(require_scope("ops:ledger"))]`."""

    async def operator(
        request: Request,
        claims: Annotated[dict[str, Any], Depends(_access_claims)],
        _documented: Annotated[Any, Security(schemes.OPERATOR, scopes=[scope])],
    ) -> Operator:
        verifier: TokenVerifier = request.app.state.tokens
        session_id = _session_of(claims)
        if verifier.is_production and not _comes_from_log_in(claims, session_id):
            raise Unauthenticated
        scopes = _scopes(claims)
        if scope not in scopes:
            raise Forbidden(scope=scope)
        subject = str(claims["sub"])
        if not _OPERATOR_SUBJECT.fullmatch(subject):
            raise Unauthenticated
        return Operator(subject=subject, scopes=scopes, session_id=session_id)

    return operator


def _session_of(claims: dict[str, Any]) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(claims["sid"])) if "sid" in claims else None
    except ValueError as exc:
        raise Unauthenticated from exc


def _comes_from_log_in(claims: dict[str, Any], session_id: uuid.UUID | None) -> bool:
    """Whether accounts made this operator's token for a session. A long-lived one could not be revoked."""
    return session_id is not None and claims["exp"] - claims["iat"] <= OPERATOR_TOKEN_LIFE_S


def require_service(own_name: str, *, callers: Collection[str]) -> Callable[[Request], Coroutine[Any, Any, str]]:
    """Make the dependency of an internal route of service `own_name`. It returns the name of the calling service.

    `callers` are the services that may call the route. Others get 403, also with a valid key.
    """

    async def caller(request: Request) -> str:
        verifier: TokenVerifier = request.app.state.tokens
        name = str(verifier.service_claims(bearer_token(request), audience=own_name)["iss"])
        if name not in callers:
            raise Forbidden(scope=f"service:{'|'.join(sorted(callers))}")
        return name

    return caller

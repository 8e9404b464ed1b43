"""Access tokens, and the public keys (JWKS) with which services verify them."""

import base64
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from services.accounts.settings import Settings, split_pem
from shared import clock
from shared.auth.tokens import ACCESS_TYPE, CITIZEN_SCOPE, OPERATOR_TOKEN_LIFE_S
from shared.ids import new_id

# A stolen access token cannot be revoked, so it is short-lived. The refresh token compensates.
ACCESS_LIFE_S = 30 * 60
_KEY_ID_CHARS = 16


@dataclass(frozen=True, slots=True)
class ScheduledKey:
    """A key of the schedule. `pem`: its private key, None for the key of the settings."""

    key_id: str
    pem: str | None = field(repr=False)
    signs_from: datetime
    ends_at: datetime | None


class TokenSigner:
    """Signs access tokens of citizens and operators (Ed25519) and publishes the public keys that verify them.

    Without a schedule the key of the settings signs. With one, the key whose time has come.
    """

    def __init__(self, settings: Settings) -> None:
        private = load_pem_private_key(settings.token_signing_key.get_secret_value().encode(), password=None)
        assert isinstance(private, Ed25519PrivateKey)  # checked by the settings
        self._issuer, self._audience = settings.token_issuer, settings.token_audience
        self._own_id, own = _public_entry(private.public_key())
        self._private = {self._own_id: private}
        self._entries = {self._own_id: own}
        for block in split_pem(settings.token_published_keys):
            other = load_pem_public_key(block.encode())
            assert isinstance(other, Ed25519PublicKey)
            key_id, entry = _public_entry(other)
            self._entries[key_id] = entry
        self._settings_ids = tuple(self._entries)
        self._schedule: dict[str, ScheduledKey] = {}

    @property
    def key_id(self) -> str:
        """The key that signs now."""
        now = clock.now()
        due = [one for one in self._schedule.values() if one.key_id in self._private and one.signs_from <= now]
        return max(due, key=lambda one: one.signs_from).key_id if due else self._own_id

    def settings_key_ids(self) -> tuple[str, ...]:
        return self._settings_ids

    def learn(self, schedule: Iterable[ScheduledKey]) -> None:
        """Take over the schedule of the database."""
        self._schedule = {one.key_id: one for one in schedule}
        for one in self._schedule.values():
            if one.pem is not None and one.key_id not in self._private:
                private = load_pem_private_key(one.pem.encode(), password=None)
                assert isinstance(private, Ed25519PrivateKey)
                self._private[one.key_id] = private
                self._entries[one.key_id] = _public_entry(private.public_key())[1]

    def issue_token(self, *, user_id: uuid.UUID, token_id: str, issued_at: datetime) -> str:
        return self._sign(
            sub=str(user_id),
            iat=issued_at,
            exp=issued_at + timedelta(seconds=ACCESS_LIFE_S),
            jti=token_id,
            scope=CITIZEN_SCOPE,
        )

    def issue_operator_token(
        self, *, subject: str, scopes: Iterable[str], session_id: uuid.UUID, issued_at: datetime, ends_at: datetime
    ) -> tuple[str, int]:
        """Return a token and its life in seconds. It does not outlive the session, which ends at `ends_at`."""
        expires_at = min(issued_at + timedelta(seconds=OPERATOR_TOKEN_LIFE_S), ends_at)
        token = self._sign(
            sub=subject,
            iat=issued_at,
            exp=expires_at,
            jti=str(new_id()),
            scope=" ".join(sorted(scopes)),
            sid=str(session_id),
        )
        return token, int((expires_at - issued_at).total_seconds())

    def _sign(self, **claims: Any) -> str:
        claims |= {"iss": self._issuer, "aud": [self._audience]}
        key_id = self.key_id
        headers = {"typ": ACCESS_TYPE, "kid": key_id}
        return jwt.encode(claims, self._private[key_id], algorithm="EdDSA", headers=headers)

    def jwks(self) -> dict[str, Any]:
        now = clock.now()
        ended = {one.key_id for one in self._schedule.values() if one.ends_at is not None and one.ends_at <= now}
        return {"keys": [entry for key_id, entry in self._entries.items() if key_id not in ended]}


def new_private_key() -> tuple[str, str]:
    """Return the id and the PEM of a new key."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return _public_entry(key.public_key())[0], pem


def _public_entry(key: Ed25519PublicKey) -> tuple[str, dict[str, str]]:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(raw).hexdigest()[:_KEY_ID_CHARS]
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return key_id, {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id, "alg": "EdDSA", "use": "sig"}


class LocalJwks(httpx.AsyncBaseTransport):
    """Transport that answers this service's own token verifier from memory, so that it need not call itself."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer
        self.before_answer: Callable[[], Awaitable[None]] | None = None
        """Brings the signer up to date: the first token of a new key may arrive before any other request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.before_answer is not None:
            await self.before_answer()
        return httpx.Response(200, content=json.dumps(self._signer.jwks()).encode(), request=request)

"""Access tokens, and the public keys (JWKS) with which services verify them."""

import base64
import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from services.accounts.settings import Settings, split_pem
from shared.auth.tokens import ACCESS_TYPE, CITIZEN_SCOPE, OPERATOR_TOKEN_LIFE_S
from shared.ids import new_id

# A stolen access token cannot be revoked, so it is short-lived. The refresh token compensates.
ACCESS_LIFE_S = 30 * 60
_KEY_ID_CHARS = 16


class TokenSigner:
    """Signs access tokens of citizens and operators (Ed25519) and publishes the current and the former public keys."""

    def __init__(self, settings: Settings) -> None:
        private = load_pem_private_key(settings.token_signing_key.get_secret_value().encode(), password=None)
        assert isinstance(private, Ed25519PrivateKey)  # checked by the settings
        self._private = private
        self._issuer, self._audience = settings.token_issuer, settings.token_audience
        self.key_id, own = _public_entry(private.public_key())
        self._entries = [own]
        for block in split_pem(settings.token_published_keys):
            other = load_pem_public_key(block.encode())
            assert isinstance(other, Ed25519PublicKey)
            self._entries.append(_public_entry(other)[1])

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
        return jwt.encode(claims, self._private, algorithm="EdDSA", headers={"typ": ACCESS_TYPE, "kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        return {"keys": self._entries}


def _public_entry(key: Ed25519PublicKey) -> tuple[str, dict[str, str]]:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(raw).hexdigest()[:_KEY_ID_CHARS]
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return key_id, {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id, "alg": "EdDSA", "use": "sig"}


class LocalJwks(httpx.AsyncBaseTransport):
    """Transport that answers this service's own token verifier from memory, so that it need not call itself."""

    def __init__(self, signer: TokenSigner) -> None:
        self._document = json.dumps(signer.jwks()).encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self._document, request=request)

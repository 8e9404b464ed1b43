"""Tokens for tests: real ones, and forged ones that must be refused."""

import base64
import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared import clock
from shared.auth.tokens import ACCESS_TYPE, ServiceTokens


def _new_pem() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(private_pem: str) -> str:
    key = load_pem_private_key(private_pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


# The key of each calling service, and what a called service knows of them.
SERVICE_KEYS = {name: _new_pem() for name in ("accounts", "accounting", "rewards")}
SERVICE_CALLERS = {name: _public_pem(pem) for name, pem in SERVICE_KEYS.items()}


def service_token(issuer: str, audience: str, *, key_of: str | None = None) -> str:
    """The token of a calling service, signed with its own key or with that of another."""
    return ServiceTokens(SERVICE_KEYS[key_of or issuer], issuer).issue(audience)


ALL_OPS = "ops:read ops:accounts ops:partners ops:methodologies ops:ledger ops:rewards"


class TokenFactory:
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]
        self._x = base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @property
    def pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def jwks(self) -> dict[str, Any]:
        entry = {"kty": "OKP", "crv": "Ed25519", "x": self._x, "kid": self.key_id, "alg": "EdDSA", "use": "sig"}
        return {"keys": [entry]}

    def access(self, subject: str | uuid.UUID, scope: str = "citizen", **overrides: Any) -> str:
        """An access token; `overrides` replace claims (None removes one), `header=` replaces header fields."""
        now = clock.now()
        header = {"typ": ACCESS_TYPE, "kid": self.key_id, **overrides.pop("header", {})}
        claims = {
            "iss": "carbon-inclusion",
            "sub": str(subject),
            "aud": ["carbon-api"],
            "iat": now,
            "exp": now + timedelta(minutes=30),
            "jti": str(uuid.uuid4()),
            "scope": scope,
            **overrides,
        }
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, self.key, "EdDSA", headers=header)

    def citizen(self, user_id: uuid.UUID) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access(user_id)}"}

    def operator(self, scope: str = ALL_OPS, *, subject: str = "operator-1") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access(subject, scope)}"}

    def unsigned(self, subject: uuid.UUID) -> str:
        """`alg: none` with otherwise perfect claims."""
        signed = self.access(subject)
        header = json.dumps({"typ": ACCESS_TYPE, "alg": "none", "kid": self.key_id}).encode()
        return base64.urlsafe_b64encode(header).decode().rstrip("=") + "." + signed.split(".")[1] + "."

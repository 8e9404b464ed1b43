"""Secrets of the local stack, generated once and kept in `.run/secrets.json` (mode 0600)."""

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
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

from deploy.local.database import ROLES

TOKEN_ISSUER = "carbon-inclusion"
TOKEN_AUDIENCE = "carbon-api"
# As long as an operator's session. The supervisor renews `credentials.json` in time.
OPS_TOKEN_LIFE_S = 8 * 3600
FIRST_OPERATOR, SECOND_OPERATOR = "ops-local", "ops-second"
OPS_SCOPES = (
    "ops:read",
    "ops:operators",
    "ops:accounts",
    "ops:partners",
    "ops:methodologies",
    "ops:ledger",
    "ops:issuance",
    "ops:market",
    "ops:rewards",
    "ops:reports",
)


def write_private(path: Path, text: str) -> None:
    """Replace the file atomically. Only the owner can read it, from its first byte on."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _password() -> str:
    return secrets.token_urlsafe(24)


def _totp_secret() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _bytes_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _key_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(private_pem: str) -> str:
    key = load_pem_private_key(private_pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


_GENERATORS: Mapping[str, Callable[[], str]] = {
    "postgres_password": _password,
    "token_signing_key": _key_pem,
    "digest_signing_key": _key_pem,
    "ingest_digest_signing_key": _key_pem,
    "accounts_service_key": _key_pem,
    "accounting_service_key": _key_pem,
    "rewards_service_key": _key_pem,
    "phone_pepper": lambda: secrets.token_urlsafe(32),
    "phone_encryption_key": _bytes_key,
    "key_encryption_key": _bytes_key,
    "voucher_key": _bytes_key,
    "account_ref_pepper": lambda: secrets.token_urlsafe(32),
    "wechat_app_id": lambda: f"wxdev{secrets.token_hex(6)}",
    "wechat_app_secret": lambda: secrets.token_hex(16),
    "bike_oauth_secret": lambda: secrets.token_urlsafe(32),
    "metro_phone_pepper": lambda: secrets.token_urlsafe(32),
    "oidc_client_secret": lambda: secrets.token_urlsafe(32),
}


class Secrets:
    """The secrets of the stack. A missing secret is generated and kept, also in a file of an older version."""

    def __init__(self, path: Path, partner_ids: Mapping[str, str]) -> None:
        """`partner_ids`: partner id → environment (`live`, `sandbox`) of every partner that needs a key."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        before = json.dumps(found, sort_keys=True)
        for name, make in _GENERATORS.items():
            found.setdefault(name, make())
        roles = found.setdefault("roles", {})
        for role in ROLES:
            roles.setdefault(role, _password())
        operators = found.setdefault("operators", {})
        for name in (FIRST_OPERATOR, SECOND_OPERATOR):
            operators.setdefault(name, {"password": _password(), "totp_secret": _totp_secret()})
        partners = found.setdefault("partners", {})
        for partner_id, environment in partner_ids.items():
            kind = "test" if environment == "sandbox" else "live"
            key = {
                "app_key": f"ak_{kind}_{partner_id}_{secrets.token_hex(4)}",
                "secret": f"cpsk_{kind}_{secrets.token_urlsafe(32)}",
            }
            partners.setdefault(partner_id, key)
        if json.dumps(found, sort_keys=True) != before:
            write_private(path, json.dumps(found, indent=2))
        path.chmod(0o600)
        self._values = found

    def __getitem__(self, name: str) -> str:
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def service_callers(self, *names: str) -> str:
        """Return the public keys of calling services, as the called service's SERVICE_CALLERS."""
        return json.dumps({name: _public_pem(self[f"{name}_service_key"]) for name in names})

    @property
    def roles(self) -> dict[str, str]:
        """Passwords of the database roles, by role."""
        return dict(self._values["roles"])

    def partner_key(self, partner_id: str) -> tuple[str, str]:
        """Return (app_key, secret) of a partner."""
        key = self._values["partners"][partner_id]
        return key["app_key"], key["secret"]

    def operator(self, name: str) -> tuple[str, str]:
        """Return (password, TOTP secret) of a local operator."""
        operator = self._values["operators"][name]
        return operator["password"], operator["totp_secret"]

    def ops_token(self, subject: str = FIRST_OPERATOR) -> str:
        """Return a token of development: every scope, no log-in behind it. Each subject is one person.

        Services with PROFILE=production refuse it, because nobody can revoke it.
        """
        key = load_pem_private_key(self["token_signing_key"].encode(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        now_s = int(time.time())
        claims = {
            "iss": TOKEN_ISSUER,
            "sub": subject,
            "aud": [TOKEN_AUDIENCE],
            "iat": now_s,
            "exp": now_s + OPS_TOKEN_LIFE_S,
            "jti": secrets.token_hex(16),
            "scope": " ".join(OPS_SCOPES),
        }
        header = {"typ": "at+jwt", "kid": hashlib.sha256(raw).hexdigest()[:16]}
        return jwt.encode(claims, key, algorithm="EdDSA", headers=header)

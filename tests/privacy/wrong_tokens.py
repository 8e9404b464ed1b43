"""Tokens that would be right but for one thing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import clock
from tests.tokens import ALL_OPS, TokenFactory, service_token

EVERY_SCOPE = f"{ALL_OPS} ops:operators ops:reports ops:issuance ops:market"
Forge = Callable[[TokenFactory, str, str], str]


def _hs256(tokens: TokenFactory, subject: str, scope: str) -> str:
    """HMAC with our public key as its secret."""

    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    claims = jwt.decode(tokens.access(subject, scope), options={"verify_signature": False})
    signed = part({"typ": "at+jwt", "alg": "HS256", "kid": tokens.key_id}) + "." + part(claims)
    pem = tokens.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signed + "." + base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).decode()


def _none(tokens: TokenFactory, subject: str, scope: str) -> str:
    header = json.dumps({"typ": "at+jwt", "alg": "none", "kid": tokens.key_id}).encode()
    payload = tokens.access(subject, scope).split(".")[1]
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}."


WRONG: dict[str, Forge] = {
    "garbage": lambda _tokens, _subject, _scope: "a.b.c",
    "expired": lambda t, subject, scope: t.access(subject, scope, exp=clock.now() - timedelta(seconds=30)),
    "not yet valid": lambda t, subject, scope: t.access(subject, scope, nbf=clock.now() + timedelta(minutes=5)),
    "wrong audience": lambda t, subject, scope: t.access(subject, scope, aud=["another-api"]),
    "wrong issuer": lambda t, subject, scope: t.access(subject, scope, iss="somebody"),
    "alg none": _none,
    "HS256 with the public key": _hs256,
    "unknown key id": lambda t, subject, scope: t.access(subject, scope, header={"kid": "0123456789abcdef"}),
    "a stranger's key": lambda t, subject, scope: TokenFactory(Ed25519PrivateKey.generate()).access(
        subject, scope, header={"kid": t.key_id}
    ),
    "no expiry": lambda t, subject, scope: t.access(subject, scope, exp=None),
    "wrong type": lambda t, subject, scope: t.access(subject, scope, header={"typ": "JWT"}),
    "a service's token": lambda _tokens, _subject, _scope: service_token("rewards", "accounting"),
}

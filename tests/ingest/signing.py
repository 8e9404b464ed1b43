"""Key pairs for the four algorithms, and clients that sign with them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared import clock
from shared.auth import cp1, sm2
from shared.auth.signers import signed_header, signer_of
from tests.ingest.samples import BATCH, EVENTS
from tests.sm2_keys import sm2_public_pem

SHORT = {cp1.HMAC_SHA256: "hmac", cp1.ED25519: "ed", cp1.RSA_SHA256: "rsa", cp1.SM2_SM3: "sm2"}


@dataclass(frozen=True)
class Pair:
    """The partner signs with `private`. The platform has `registered`."""

    algorithm: str
    private: str = field(repr=False)
    registered: str

    def seed(self, app_key: str, **changes: Any) -> dict[str, Any]:
        held = "secret" if self.algorithm == cp1.HMAC_SHA256 else "public_key"
        return {"app_key": app_key, "algorithm": self.algorithm, held: self.registered, **changes}


@cache
def pair(algorithm: str, name: str = "") -> Pair:
    """One pair for each name, the same during a test run."""
    if algorithm == cp1.HMAC_SHA256:
        secret = f"cpsk_{name}_" + secrets.token_urlsafe(24)
        return Pair(algorithm, secret, secret)
    if algorithm == cp1.SM2_SM3:
        number = secrets.randbits(255)
        return Pair(algorithm, f"{number:064x}", sm2_public_pem(sm2.public_point(number)))
    rsa_key = algorithm == cp1.RSA_SHA256
    key = rsa.generate_private_key(65537, 2048) if rsa_key else ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Pair(algorithm, private, public)


@dataclass
class Signer:
    """Sends requests signed with one key of any algorithm. Every signed part can be made wrong."""

    http: httpx.AsyncClient
    app_key: str
    pair: Pair

    def header(self, body: bytes, **wrong: Any) -> str:
        parts = {
            "algorithm": self.pair.algorithm,
            "app_key": self.app_key,
            "method": "POST",
            "target": EVENTS,
            "timestamp": int(clock.now().timestamp()),
            "nonce": secrets.token_hex(16),
            "body": body,
            **wrong,
        }
        key = parts.pop("private", self.pair.private)
        return signed_header(signer_of(self.pair.algorithm, key), **parts)

    async def post(
        self,
        body: bytes,
        *,
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str = BATCH,
        to: str = EVENTS,
        **wrong: Any,
    ) -> httpx.Response:
        """Post `body`. `wrong` changes signed parts, `authorization` replaces the header."""
        signed = authorization or self.header(wrong.pop("signed", body), **({"target": to} | wrong))
        sent = {"Content-Type": media_type, "Authorization": signed, **(headers or {})}
        return await self.http.post(to, content=body, headers=sent)

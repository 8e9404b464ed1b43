"""Pure rules of OpenID Connect Core 1.0: what an ID token and the provider's metadata must say."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Asymmetric only: with HS256 anybody who knows the public key could sign.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
# OpenID Connect Core 2: at most 255 ASCII characters. Spaces are left out, so that no two subjects look alike.
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ROLES_MAX = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the provider knows them. `groups`: the values of the roles claim, not yet roles of ours."""

    subject: str
    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_issuer: bool
    posts_secret: bool


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def read_metadata(document: Any, *, issuer: str) -> Metadata:
    """Check a discovery document. Raises ValueError.

    It must name the issuer exactly, else another provider could answer in its place (OpenID Connect Discovery 4.3).
    """
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ValueError("the document is of another issuer")
    endpoints = {name: document.get(name) for name in _ENDPOINTS}
    scheme = urlsplit(issuer).scheme
    for name, url in endpoints.items():
        if not isinstance(url, str) or urlsplit(url).scheme not in {"https", scheme} or not urlsplit(url).hostname:
            raise ValueError(f"{name} is missing or less safe than the issuer")
    methods = document.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ValueError("the provider does not support PKCE with S256")
    # Without the member it is client_secret_basic (Discovery 3).
    ways = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        **{name: str(url) for name, url in endpoints.items()},
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        posts_secret="client_secret_basic" not in ways and "client_secret_post" in ways,
    )


def read_identity(claims: Mapping[str, Any], *, client_id: str, nonce: str, roles_claim: str) -> Identity:
    """Check what the signature does not: nonce, authorized party, subject. Raises ValueError."""
    if claims.get("nonce") != nonce:
        raise ValueError("nonce")
    audience = claims.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise ValueError("azp")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise ValueError("sub")
    name = next((claims[key] for key in ("name", "preferred_username") if isinstance(claims.get(key), str)), subject)
    return Identity(subject, name[:100], groups_of(claims, roles_claim))


def groups_of(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The values of a claim, or of a member of an object: `roles`, `realm_access.roles`. A text is one value."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        found = [found]
    return tuple(one for one in found[:_ROLES_MAX] if isinstance(one, str)) if isinstance(found, list) else ()

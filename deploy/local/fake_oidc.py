"""An OpenID provider for development: discovery, keys, authorize with PKCE, token. Operators log in with it.

It behaves like a real one: a code works once, for a minute, for the client, redirect address and verifier that asked
for it. Settings are variables: OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_REDIRECT_URI, OIDC_USERS. The last
is a JSON list of {"sub", "name", "password", "roles"}.
"""

import base64
import hashlib
import hmac
import html
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

CODE_LIFE_S = 60
ID_TOKEN_LIFE_S = 300
_ASKED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


@dataclass(frozen=True)
class User:
    """A person of the provider."""

    sub: str
    name: str
    password: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Client:
    """The only client: the accounts service."""

    client_id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True)
class _Grant:
    user: User
    redirect_uri: str
    nonce: str
    challenge: str
    until_s: float


class FakeProvider:
    """State of one provider: its signing key and the codes that nobody has redeemed."""

    def __init__(self, issuer: str, client: Client, users: Mapping[str, User]) -> None:
        self.issuer, self.client, self._users = issuer, client, users
        self._grants: dict[str, _Grant] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(8)

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks.json",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> dict[str, Any]:
        """The public key."""
        entry = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**entry, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def fault_of(self, asked: Mapping[str, str]) -> str | None:
        """What is wrong with an authorization request. None if it is fine."""
        if asked.get("client_id") != self.client.client_id:
            return "client_id"
        if asked.get("redirect_uri") != self.client.redirect_uri:
            return "redirect_uri"
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return "response_type or scope"
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            return "code_challenge"
        return None

    def grant(self, asked: Mapping[str, str], sub: str, password: str) -> str | None:
        """Return the address to which the browser returns with a code. None for a wrong password."""
        user = self._users.get(sub)
        if user is None or not hmac.compare_digest(user.password.encode(), password.encode()):
            return None
        code = secrets.token_urlsafe(24)
        until_s = time.monotonic() + CODE_LIFE_S
        self._grants[code] = _Grant(
            user, asked["redirect_uri"], asked.get("nonce", ""), asked["code_challenge"], until_s
        )
        answer = {"code": code, "state": asked.get("state", ""), "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the tokens for a code, once. None if anything does not fit; the code is gone then too."""
        grant = self._grants.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if (
            grant is None
            or time.monotonic() > grant.until_s
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != grant.redirect_uri
            or challenge != grant.challenge
        ):
            return None
        return {
            "access_token": secrets.token_urlsafe(24),
            "token_type": "Bearer",
            "expires_in": ID_TOKEN_LIFE_S,
            "id_token": self.id_token(grant.user, grant.nonce),
        }

    def id_token(self, user: User, nonce: str, **overrides: Any) -> str:
        """Sign an ID token. Tests override claims."""
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": user.sub,
            "aud": self.client.client_id,
            "iat": now_s,
            "exp": now_s + ID_TOKEN_LIFE_S,
            "nonce": nonce,
            "name": user.name,
            "roles": list(user.roles),
            **overrides,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def is_client(self, authorization: str) -> bool:
        """Whether the header is the client's `client_secret_basic`."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return False
        right = unquote_plus(user) == self.client.client_id and hmac.compare_digest(
            unquote_plus(secret).encode(), self.client.secret.encode()
        )
        return scheme.lower() == "basic" and right


def _from_environment() -> FakeProvider:
    users = [
        User(one["sub"], one["name"], one["password"], tuple(one["roles"]))
        for one in json.loads(os.environ["OIDC_USERS"])
    ]
    client = Client(os.environ["OIDC_CLIENT_ID"], os.environ["OIDC_CLIENT_SECRET"], os.environ["OIDC_REDIRECT_URI"])
    return FakeProvider(os.environ["OIDC_ISSUER"], client, {user.sub: user for user in users})


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    text = f"<!doctype html><html lang=zh><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{body}</html>"
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _form(asked: Mapping[str, str], note: str = "", status: int = 200) -> HTMLResponse:
    hidden = "".join(
        f'<input type=hidden name="{name}" value="{html.escape(asked[name], quote=True)}">'
        for name in _ASKED
        if name in asked
    )
    return _page(
        "开发用身份认证 Development log-in",
        f"<p>{note}</p><form method=post action=authorize>{hidden}<label>用户 user <input name=sub></label> "
        "<label>密码 password <input name=password type=password></label> <button>登录 Log in</button></form>",
        status,
    )


def create_app(provider: FakeProvider | None = None) -> FastAPI:
    """Create the server. Without a provider it is made from the environment."""
    fake = provider or _from_environment()
    app = FastAPI(title="Fake OpenID provider", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return fake.metadata()

    @app.get("/jwks.json")
    async def jwks() -> dict[str, Any]:
        return fake.jwks()

    @app.get("/authorize")
    async def show_form(request: Request) -> Response:
        asked = dict(request.query_params)
        fault = fake.fault_of(asked)
        return _form(asked) if fault is None else _page("400", html.escape(f"invalid {fault}"), 400)

    @app.post("/authorize")
    async def log_in(request: Request) -> Response:
        asked = dict(parse_qsl((await request.body()).decode()))
        fault = fake.fault_of(asked)
        if fault is not None:
            return _page("400", html.escape(f"invalid {fault}"), 400)
        back = fake.grant(asked, asked.get("sub", ""), asked.get("password", ""))
        return (
            _form(asked, "用户或密码有误 Wrong user or password", 401) if back is None else RedirectResponse(back, 303)
        )

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        if not fake.is_client(request.headers.get("authorization", "")):
            return JSONResponse({"error": "invalid_client"}, 401)
        tokens = fake.redeem(dict(parse_qsl((await request.body()).decode())))
        return JSONResponse({"error": "invalid_grant"} if tokens is None else tokens, 400 if tokens is None else 200)

    @app.get("/callback")
    async def callback(request: Request) -> Response:
        """Stands for the operators' console: shows what to send to POST /api/v1/accounts/ops/sessions."""
        shown = html.escape(json.dumps({"method": "oidc", **dict(request.query_params)}, indent=2))
        return _page(
            "已通过认证 Proven", f"<p>POST /api/v1/accounts/ops/sessions + log_in_secret</p><pre>{shown}</pre>"
        )

    return app

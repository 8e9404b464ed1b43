"""Operators of tests: an identity provider, local accounts, and what a browser and a console do."""

import base64
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local import fake_oidc
from deploy.local.fake_oidc import Client, FakeProvider, User
from services.accounts.identity_provider.client import IdentityProvider
from services.accounts.operator_accounts import service
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared import clock

OPS = "/api/v1/accounts/ops"
ISSUER = "http://id.test"
REDIRECT = "http://console.test/callback"
CLIENT = Client("carbon-operators", "client-secret-of-the-tests", REDIRECT)
LEAD, LEDGER = ("programme-lead",), ("ledger",)
USERS = {
    user.sub: user
    for user in (
        User("wang", "王敏", "password-of-wang", LEAD),
        User("li", "李伟", "password-of-li", LEDGER),
        User("guest", "访客", "password-of-guest", ("visitors",)),
        User("local:anna", "冒名", "password-of-fraud", LEAD),
    )
}


def with_provider(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "oidc_issuer": ISSUER,
            "oidc_client_id": CLIENT.client_id,
            "oidc_client_secret": SecretStr(CLIENT.secret),
            "oidc_redirect_uri": REDIRECT,
        }
    )


def make_provider() -> FakeProvider:
    return FakeProvider(ISSUER, CLIENT, USERS)


@asynccontextmanager
async def provider_of(app: FastAPI, settings: Settings, fake: FakeProvider) -> AsyncIterator[httpx.AsyncClient]:
    """Let the service know a provider meanwhile. The client is the operator's browser."""
    transport = httpx.ASGITransport(fake_oidc.create_app(fake))
    before = app.state.resources
    identity_provider = IdentityProvider(with_provider(settings), transport=transport)
    app.state.resources = dataclasses.replace(before, identity_provider=identity_provider)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as browser:
        yield browser
    await identity_provider.stop()
    app.state.resources = dataclasses.replace(app.state.resources, identity_provider=before.identity_provider)


@dataclass
class Started:
    """A log-in at the provider, as a console holds it."""

    state: str
    secret: str
    asked: dict[str, str]


async def start(client: httpx.AsyncClient) -> Started:
    answer = await client.post(f"{OPS}/log-ins")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return Started(body["state"], body["log_in_secret"], dict(parse_qsl(urlsplit(body["authorization_url"]).query)))


async def browse(provider: httpx.AsyncClient, asked: dict[str, str], sub: str) -> dict[str, str]:
    """What the person does in the browser. Returns the parameters of the redirect."""
    form = {**asked, "sub": sub, "password": USERS[sub].password}
    answer = await provider.post("/authorize", data=form)
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def finish_body(started: Started, back: dict[str, str], **overrides: Any) -> dict[str, Any]:
    return {"method": "oidc", **back, "log_in_secret": started.secret, **overrides}


async def log_in_by_provider(client: httpx.AsyncClient, provider: httpx.AsyncClient, sub: str) -> httpx.Response:
    started = await start(client)
    back = await browse(provider, started.asked, sub)
    return await client.post(f"{OPS}/sessions", json=finish_body(started, back))


@dataclass
class LocalOperator:
    """A local account with its secrets."""

    name: str
    password: str
    totp: pyotp.TOTP

    def body(self, *, steps: int = 0, **overrides: Any) -> dict[str, Any]:
        """A log-in with the code of this moment, or of some steps later."""
        code = self.totp.generate_otp(int(clock.now().timestamp()) // 30 + steps)
        return {"method": "local", "name": self.name, "password": self.password, "code": code, **overrides}


async def make_local(app: FastAPI, name: str = "anna", roles: Sequence[str] = LEAD) -> LocalOperator:
    vault: Vault = app.state.resources.vault
    password, secret = f"password-of-{name}", base64.b32encode(name.ljust(20, "x").encode()[:20]).decode()
    async with app.state.db.transaction() as session:
        assert await service.import_local(
            session, vault=vault, name=name, roles=roles, password=password, totp_secret=secret
        )
    return LocalOperator(name, password, pyotp.TOTP(secret))


def bearer(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code in {200, 201}, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}

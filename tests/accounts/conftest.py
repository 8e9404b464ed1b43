import base64
import dataclasses
import io
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg
import httpx
import jwt
import msgspec
import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local import fake_wechat
from deploy.local.fake_wechat.state import FakeWechat
from services.accounts.main import create_app
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.settings import MessageTemplate, Settings
from services.accounts.vault import Vault
from shared import clock, telemetry
from shared.auth import cp1
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Database
from tests.accounts.fakes import KEYS, FakeIngest, Hello
from tests.cloud_events import read_event
from tests.databases import Dsns, empty_tables, make_database
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
BASE = "/api/v1/accounts"
WX_SECRET = "wechat-secret-canary-91c7"
REF_PEPPER = "reference-pepper-for-tests"
MESSAGE_KINDS = (
    "credited_today", "order_confirmed", "expiring", "consent_expiring", "account_frozen", "binding_ended",
    "export_ready", "erasure_planned", "looked_up", "household_stay_ended", "certificate_revoked",
)  # fmt: skip


@pytest.fixture(scope="session")
def dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "accounts_test", ["accounts"])


@pytest.fixture(scope="session")
def settings(dsns: Dsns, tokens: TokenFactory) -> Settings:
    return Settings(
        database_url=dsns.app("accounts"),
        event_log_url=dsns.event_log,
        jwks_url="http://nobody.invalid/jwks.json",
        service_key=SecretStr(SERVICE_KEYS["accounts"]),
        service_callers=SERVICE_CALLERS,
        wechat_base_url="http://wechat.test",
        wechat_app_id="wx-test",
        wechat_app_secret=SecretStr(WX_SECRET),
        token_signing_key=SecretStr(tokens.pem),
        phone_pepper=SecretStr("phone-pepper-for-tests"),
        phone_encryption_key=SecretStr(base64.b64encode(bytes(range(32))).decode()),
        account_ref_pepper=SecretStr(REF_PEPPER),
        ingest_base_url="http://ingest.test",
        message_templates={
            kind: MessageTemplate(template_id=f"dev-{kind.replace('_', '-')}") for kind in MESSAGE_KINDS
        },
    )


@pytest.fixture(scope="session")
def ingest() -> FakeIngest:
    return FakeIngest()


@pytest.fixture(scope="session")
def hello() -> Hello:
    return Hello()


@pytest.fixture(scope="session")
def wechat_server() -> FastAPI:
    return fake_wechat.create_app("wx-test", WX_SECRET)


@pytest.fixture
def fake(wechat_server: FastAPI) -> FakeWechat:
    """What the WeChat of this test knows and received."""
    state: FakeWechat = wechat_server.state.fake
    return state


@pytest.fixture(scope="session")
async def app(settings: Settings, ingest: FakeIngest, hello: Hello, wechat_server: FastAPI) -> AsyncIterator[FastAPI]:
    built = create_app(
        settings,
        wechat_transport=httpx.ASGITransport(wechat_server),
        ingest_transport=ingest.transport(),
        partner_transport=httpx.ASGITransport(hello.app),
    )
    async with built.router.lifespan_context(built):
        yield built


@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts.test") as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with little memory: 64 MiB for each log-in of a test would be a minute for the folder."""
    monkeypatch.setattr(operator_accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def early_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service begin a test in the first second of a step of one-time codes: none changes meanwhile."""
    real = clock.now
    late = timedelta(seconds=real().timestamp() % 30 - 1)
    monkeypatch.setattr(clock, "now", lambda: real() - late)


@pytest.fixture(autouse=True)
async def fresh(dsns: Dsns, app: FastAPI, ingest: FakeIngest, hello: Hello, wechat_server: FastAPI) -> None:
    """Empty the tables, reset the fake ingest and the fake WeChat, and drop the cached partner list."""
    await empty_tables(dsns, "accounts", keep=["policy"])
    ingest.reset()
    wechat_server.state.fake.reset()
    hello.reset()
    old = app.state.resources
    old.wechat._wechat._token = ""  # an earlier test may have renewed it: a call with the old one would be two calls
    app.state.resources = dataclasses.replace(old, partners=PartnerDirectory(old.ingest))


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The service's own connections, for use cases without a route."""
    opened = Database(settings.database_url)
    yield opened
    await opened.stop()


@pytest.fixture
async def db(dsns: Dsns) -> AsyncIterator[Db]:
    """A superuser's connection, for rows that no route shows."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def logs(settings: Settings) -> Iterator[io.StringIO]:
    """Everything that is logged during one test."""
    buffer = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=buffer))
    yield buffer
    telemetry.configure_logging("accounts", settings.log_level)


class Person:
    """A logged-in citizen."""

    def __init__(
        self, client: httpx.AsyncClient, answer: dict[str, Any], code: str = "", hello: Hello | None = None
    ) -> None:
        self._client, self._hello = client, hello
        self.code = code
        self.user_id = uuid.UUID(answer["user_id"])
        self.refresh_token: str = answer["refresh_token"]
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        self.account: dict[str, Any] = {}

    @property
    def token_id(self) -> str:
        """The claim `jti` of the access token."""
        token = self.headers["Authorization"].removeprefix("Bearer ")
        return str(jwt.decode(token, options={"verify_signature": False})["jti"])

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> httpx.Response:
        """`headers`: besides the token."""
        return await self._client.request(method, BASE + path, headers={**self.headers, **(headers or {})}, **kwargs)

    async def step_up(self) -> None:
        """Confirm the session: the fake WeChat takes a code of the same open id any number of times."""
        answer = await self.call("POST", "/sessions/step-up", json={"code": self.code})
        assert answer.status_code == 204, answer.text

    async def unbind(self, binding_id: str) -> httpx.Response:
        """Step up, then end a binding."""
        await self.step_up()
        return await self.call("DELETE", f"/me/bindings/{binding_id}")

    async def open_account(self) -> dict[str, Any]:
        answer = await self.call("POST", "/me/carbon-account", json={"consent": {"policy_version": "2026-11"}})
        assert answer.status_code in {200, 201}, answer.text
        self.account = answer.json()
        return self.account

    async def bind(self, partner_id: str = "didi", mode: str = "account_no", **more: Any) -> httpx.Response:
        return await self.call("POST", "/me/bindings", json={"partner_id": partner_id, "mode": mode, **more})

    async def authorize(self, partner_id: str = "hello") -> httpx.Response:
        return await self.call("POST", "/me/bindings/authorizations", json={"partner_id": partner_id})

    async def confirmed(self, customer: str = "rider-7", partner_id: str = "hello") -> dict[str, str]:
        """Confirm at the partner and return what its redirect brings: `code`, `state` and `iss`."""
        started = await self.authorize(partner_id)
        assert started.status_code == 201, started.text
        assert self._hello is not None
        return await self._hello.confirm(started.json()["authorization_url"], customer)

    async def bind_hello(self, customer: str = "rider-7", **more: Any) -> httpx.Response:
        """Bind as a customer of `hello`, by a confirmation there. A refused start is returned."""
        started = await self.authorize()
        if started.status_code != 201:
            return started
        assert self._hello is not None
        redirect = await self._hello.confirm(started.json()["authorization_url"], customer)
        return await self.bind("hello", "oauth", **redirect, **more)

    async def token(self, **body: Any) -> str:
        answer = await self.call("POST", "/me/bindings/token", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


class People:
    def __init__(self, client: httpx.AsyncClient, hello: Hello) -> None:
        self._client, self._hello = client, hello
        self._numbers = itertools.count(1)

    async def new(self, openid: str | None = None, *, with_account: bool = True) -> Person:
        code = f"dev:{openid or f'openid-{next(self._numbers)}'}"
        answer = await self._client.post(f"{BASE}/sessions", json={"code": code})
        assert answer.status_code == 201, answer.text
        person = Person(self._client, answer.json(), code, self._hello)
        if with_account:
            await person.open_account()
        return person


@pytest.fixture
def vault(app: FastAPI) -> Vault:
    found: Vault = app.state.resources.vault
    return found


@pytest.fixture
def people(client: httpx.AsyncClient, hello: Hello) -> People:
    return People(client, hello)


class PartnerClient:
    """A partner that signs its requests (CP1)."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def confirm(
        self,
        token: str,
        account: str = "member-1",
        *,
        app_key: str = "ak_didi",
        nonce: str = "",
        secret: str = "",
        sent: bytes | None = None,
        path: str = f"{BASE}/partner/bindings",
    ) -> httpx.Response:
        body = json.dumps({"token": token, "partner_account": account}).encode()
        header = cp1.authorization(
            app_key=app_key,
            secret=secret or KEYS[app_key][1],
            method="POST",
            target=path,
            timestamp=int(clock.now().timestamp()),
            nonce=nonce or uuid.uuid4().hex,
            body=body,
        )
        headers = {"Authorization": header, "Content-Type": "application/json"}
        return await self._client.post(path, content=body if sent is None else sent, headers=headers)


@pytest.fixture
def partners(client: httpx.AsyncClient) -> PartnerClient:
    return PartnerClient(client)


async def published(db: Db) -> list[BindingChanged]:
    """Read the binding records in the outbox, in order, and check topic and keys."""
    found: list[BindingChanged] = []
    for row in await db.fetch("SELECT topic, records FROM accounts.outbox ORDER BY id"):
        if row["topic"] == "accounts.consents.v1":
            continue
        assert row["topic"] == "accounts.bindings.v1"
        for key, value, headers in msgspec.msgpack.decode(row["records"]):
            read_event(row["topic"], key, value, headers)
            change = msgspec.json.decode(value, type=BindingChanged)
            assert key == str(change.binding_id).encode()
            found.append(change)
    return found


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]

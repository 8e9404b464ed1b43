"""Helpers of tests that change keys: further processes with settings of their own, and the commands."""

import base64
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local import fake_wechat
from services.accounts import keys
from services.accounts.main import create_app
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from shared.db import Database
from shared.rotation import seal_anew
from tests.accounts.conftest import BASE, WX_SECRET, Person
from tests.accounts.fakes import FakeIngest

SECOND_PEPPER = "another-phone-pepper-for-tests"
SECOND_KEY = "2:" + base64.b64encode(bytes(range(32, 64))).decode()


def changed(settings: Settings, **values: Any) -> Settings:
    """The settings with other values, validated as a start would."""
    given = {name: getattr(settings, name) for name in type(settings).model_fields} | values
    return Settings(**{name: value for name, value in given.items() if name != "profile"})


@contextlib.asynccontextmanager
async def process(settings: Settings, ingest: FakeIngest) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """A further process of the service with settings of its own."""
    app = create_app(
        settings,
        wechat_transport=httpx.ASGITransport(fake_wechat.create_app("wx-test", WX_SECRET)),
        ingest_transport=ingest.transport(),
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts.test") as client,
    ):
        yield client, app


@contextlib.asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, pool_size=2, application_name="test-keys")
    try:
        yield database
    finally:
        await database.stop()


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables of a process with these settings."""
    found = {"PATH": os.environ.get("PATH", "")}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(plain, str) and plain and name != "profile":
            found[f"ACCOUNTS_{name.upper()}"] = plain
    return found


async def log_in(client: httpx.AsyncClient, openid: str) -> Person:
    code = f"dev:{openid}"
    answer = await client.post(f"{BASE}/sessions", json={"code": code})
    assert answer.status_code == 201, answer.text
    return Person(client, answer.json(), code)


async def set_phone(person: Person, number: str) -> httpx.Response:
    return await person.call("PUT", "/me/phone", json={"code": f"dev-phone:{number}"})


async def rotate_index(settings: Settings) -> int:
    async with database_of(settings) as database:
        return await keys.rotate_index(database, vault_of(settings))


async def seal_all(settings: Settings) -> int:
    vault = vault_of(settings)
    async with database_of(settings) as database:
        return await seal_anew(database, name=keys.SEAL, columns=keys.sealed_columns(vault))

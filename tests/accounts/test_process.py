"""Settings, migrations, jobs of the worker and the OpenAPI document."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr, ValidationError

from services.accounts import worker as accounts_worker
from services.accounts.main import create_app
from services.accounts.settings import Settings
from shared import clock, migrations
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Database
from shared.eventlog import TopicPartition
from tests.accounts.conftest import BASE, Db, PartnerClient, People
from tests.databases import Dsns
from tests.tokens import TokenFactory


async def test_the_migrations_create_the_tables_of_the_models(dsns: Dsns) -> None:
    await asyncio.to_thread(migrations.check, "accounts", dsns.owner("accounts"))


def replaced(settings: Settings, **values: Any) -> Settings:
    return Settings(**{**{name: getattr(settings, name) for name in Settings.model_fields}, **values})


def test_invalid_settings_are_refused_without_showing_the_key(settings: Settings) -> None:
    wrong = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for values in (
        {"token_signing_key": SecretStr(wrong)},
        {"token_signing_key": SecretStr("no key")},
        {"phone_encryption_key": SecretStr("short")},
        {"phone_pepper": SecretStr("x")},
        {"account_no_prefix": "wh1"},
    ):
        with pytest.raises(ValidationError) as refused:
            replaced(settings, **values)
        assert "PRIVATE KEY" not in str(refused.value)


def test_every_setting_is_read_from_the_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    one_line = settings.token_signing_key.get_secret_value().replace("\n", "\\n")
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if isinstance(value, tuple):
            text = json.dumps([str(one) for one in value])
        if isinstance(value, dict):
            text = json.dumps(value, default=lambda one: one.model_dump())
        monkeypatch.setenv(f"ACCOUNTS_{name.upper()}", one_line if name == "token_signing_key" else text)
    assert Settings() == settings


async def test_tokens_of_a_former_key_are_accepted_while_the_key_is_published(
    settings: Settings, people: People, tokens: TokenFactory
) -> None:
    anna = await people.new(with_account=False)
    former_public = tokens.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    rotated = replaced(
        settings,
        token_signing_key=SecretStr(TokenFactory(Ed25519PrivateKey.generate()).pem),
        token_published_keys=former_public,
    )
    app = create_app(rotated)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts.test") as client,
    ):
        keys = (await client.get(f"{BASE}/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in keys][1:] == [tokens.key_id]
        assert (await client.get(f"{BASE}/me", headers=anna.headers)).status_code == 200


async def test_the_worker_publishes_the_outbox(settings: Settings, people: People, db: Db) -> None:
    anna = await people.new()
    binding_id = (await anna.bind("didi")).json()["binding_id"]
    await anna.step_up()
    await anna.call("DELETE", f"/me/bindings/{binding_id}")
    worker = accounts_worker.build(settings)
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run_until(stopping))
    try:
        async with asyncio.timeout(20):
            while await db.fetchval("SELECT count(*) FROM accounts.outbox"):
                await asyncio.sleep(0.05)
        topic = "accounts.bindings.v1"
        partitions = [TopicPartition(topic, n) for n in range(await worker.log.partition_count(topic))]
        fetched = await worker.log.fetch(dict.fromkeys(partitions, 0), max_records=100, max_wait_s=1)
    finally:
        stopping.set()
        await running
    assert len(partitions) == 4
    [records] = [records for records in fetched.values() if records]
    changes = [msgspec.json.decode(record.value or b"", type=BindingChanged) for record in records]
    assert [(str(c.binding_id), c.version, c.status) for c in changes] == [
        (binding_id, 1, "active"),
        (binding_id, 2, "ended"),
    ]


async def test_the_purge_deletes_expired_rows_only(
    settings: Settings, people: People, partners: PartnerClient, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    await partners.confirm(await anna.token())
    await anna.token()
    old = clock.now() - timedelta(days=8)
    await db.execute("UPDATE accounts.login_session SET expires_at = $1 WHERE user_id = $2", old, anna.user_id)
    await db.execute("UPDATE accounts.binding_token SET expires_at = $1 WHERE binding_id IS NULL", old)
    await db.execute(
        "INSERT INTO accounts.partner_nonce (partner_id, nonce, seen_at) VALUES ('didi', 'of-last-week', $1)", old
    )
    await db.execute("UPDATE accounts.quota_use SET window_ends_at = $1 WHERE purpose = 'binding_token'", old)
    await db.execute(
        "INSERT INTO accounts.idempotency_key (subject, route, key, request_sha256, created_at)"
        " VALUES ('s', 'r', 'k', 'x', $1)",
        old,
    )
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await accounts_worker.purge(session)
    await database.stop()
    counts = {
        table: await db.fetchval(f"SELECT count(*) FROM accounts.{table}")
        for table in ("login_session", "refresh_token", "binding_token", "partner_nonce", "idempotency_key")
    }
    assert counts == {
        "login_session": 1,
        "refresh_token": 1,
        "binding_token": 1,
        "partner_nonce": 1,
        "idempotency_key": 0,
    }
    assert await db.fetchval("SELECT user_id FROM accounts.login_session") == bert.user_id
    assert await db.fetchval("SELECT count(*) FROM accounts.quota_use WHERE purpose = 'binding_token'") == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.binding") == 1


async def test_every_operation_has_an_id_a_tag_and_a_bilingual_summary(client: httpx.AsyncClient) -> None:
    document = (await client.get(f"{BASE}/openapi.json")).json()
    operations = [(path, method, op) for path, item in document["paths"].items() for method, op in item.items()]
    assert len(operations) > 60
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations:
        assert path.startswith(BASE)
        assert method != "patch"
        assert operation["tags"]
        assert " · " in operation["summary"]

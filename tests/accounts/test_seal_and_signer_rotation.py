"""Sealing keys and the signer of tokens change while people log in."""

import asyncio
import base64
import io
import secrets
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from services.accounts.signing_keys import service as signing_keys
from services.accounts.vault import Vault
from shared.auth.tokens import TokenVerifier
from shared.rotation import ProgressBar
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.fakes import FakeIngest
from tests.accounts.rotating import (
    SECOND_KEY,
    changed,
    database_of,
    log_in,
    process,
    seal_all,
    set_phone,
)

PUBLISHED = timedelta(seconds=signing_keys.PUBLISHED_S)


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def begin(settings: Settings, vault: Vault, app: FastAPI, **times: int) -> signing_keys.Change:
    async with database_of(settings) as database, database.transaction() as session:
        return await signing_keys.begin_change(session, vault, app.state.resources.signer, **times)


async def test_a_new_sealing_key_takes_over_and_the_former_one_can_go(
    settings: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    await set_phone(anna, "13812345678")
    first = settings.phone_encryption_key.get_secret_value()
    prepared = changed(settings, phone_encryption_keys_former=SecretStr(SECOND_KEY))
    both = changed(
        settings, phone_encryption_key=SecretStr(SECOND_KEY), phone_encryption_keys_former=SecretStr(f"1:{first}")
    )
    alone = changed(settings, phone_encryption_key=SecretStr(SECOND_KEY))
    async with process(both, ingest) as (client, _):
        bert = await log_in(client, "bert")
        await set_phone(bert, "13900000000")
        # The process before the change, and the one of the first step, which knows the next key already.
        async with process(prepared, ingest) as (earlier, _):
            mine = await earlier.get(f"{BASE}/me", headers=bert.headers)
            assert mine.json()["phone_masked"] == "139****0000"
        assert (await client.get(f"{BASE}/me", headers=anna.headers)).json()["phone_masked"] == "138****5678"
    assert await seal_all(both) == 2  # the open id and the number of anna
    assert await seal_all(both) == 0
    versions = await db.fetch(
        "SELECT get_byte(openid_sealed, 0) AS n FROM accounts.app_user"
        " UNION ALL SELECT get_byte(phone_sealed, 0) FROM accounts.phone"
    )
    assert [row["n"] for row in versions] == [2, 2, 2, 2]
    async with process(alone, ingest) as (client, _):
        assert (await client.get(f"{BASE}/me", headers=anna.headers)).json()["phone_masked"] == "138****5678"


async def test_sealing_anew_twice_at_once_while_numbers_change(
    settings: Settings, ingest: FakeIngest, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.rotation.ROWS_PER_STEP", 2)
    first = settings.phone_encryption_key.get_secret_value()
    both = changed(settings, phone_encryption_key=SecretStr(SECOND_KEY), phone_encryption_keys_former=SecretStr(first))
    prepared = changed(settings, phone_encryption_keys_former=SecretStr(SECOND_KEY))
    async with process(prepared, ingest) as (client, _):
        crowd = [await log_in(client, f"anna-{n}") for n in range(12)]
        for n, person in enumerate(crowd):
            await set_phone(person, f"138{n:08}")
            await person.step_up()
        changes = [set_phone(person, f"139{n:08}") for n, person in enumerate(crowd)]
        sealing = [asyncio.create_task(seal_all(both)) for _ in range(2)]
        answers = await asyncio.gather(*changes)
        assert {answer.status_code for answer in answers} == {200}
        await asyncio.gather(*sealing)
        await seal_all(both)  # what the earlier process sealed meanwhile
        shown = [(await person.call("GET", "/me")).json()["phone_masked"] for person in crowd]
        assert shown == [f"139****{n:04}" for n in range(12)]
    assert await db.fetchval("SELECT count(*) FROM accounts.phone WHERE get_byte(phone_sealed, 0) = 1") == 0


@pytest.mark.parametrize(
    "values",
    [
        {"phone_encryption_keys_former": SecretStr(base64.b64encode(bytes(range(9, 41))).decode())},  # both number 1
        {"phone_encryption_key": SecretStr("0:" + secrets.token_hex(32))},
        {"phone_encryption_key": SecretStr("2:short")},
        {"phone_peppers_former": SecretStr("phone-pepper-for-tests")},
        {"phone_peppers_former": SecretStr("short")},
    ],
)
def test_a_malformed_list_of_former_keys_stops_the_start(settings: Settings, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(settings, **values)


async def test_a_new_signer_is_published_before_it_signs_and_the_former_until_its_last_token_ends(
    settings: Settings, ingest: FakeIngest, db: Db
) -> None:
    async with process(settings, ingest) as (client, app):
        old = await log_in(client, "anna")
        own = key_of(old.headers["Authorization"].removeprefix("Bearer "))
        change = await begin(settings, app.state.resources.vault, app)
        assert (change.signs_from - change.created_at).total_seconds() == signing_keys.PUBLISHED_S

        async def look(*, shift_s: int = 0) -> tuple[set[str], str]:
            times = "signs_from = signs_from - $1 * interval '1 second', ends_at = ends_at - $1 * interval '1 second'"
            await db.execute(f"UPDATE accounts.signing_key SET {times}", shift_s)
            app.state.resources.keys.forget()
            published = (await client.get(f"{BASE}/.well-known/jwks.json")).json()["keys"]
            token = (await log_in(client, "bert")).headers["Authorization"].removeprefix("Bearer ")
            return {key["kid"] for key in published}, key_of(token)

        assert await look() == ({own, change.key_id}, own)
        assert await look(shift_s=signing_keys.PUBLISHED_S) == ({own, change.key_id}, change.key_id)
        assert (await old.call("GET", "/me")).status_code == 200
        assert await look(shift_s=signing_keys.OVERLAP_S) == ({change.key_id}, change.key_id)
        # A process that starts now has the key of the settings, but does not use it any more.
        async with process(settings, ingest) as (other, _):
            late = await log_in(other, "anna")
            assert key_of(late.headers["Authorization"].removeprefix("Bearer ")) == change.key_id
            assert code_of(await other.get(f"{BASE}/me", headers=old.headers)) == (401, "UNAUTHENTICATED")
            assert (await late.call("GET", "/me")).status_code == 200


async def test_another_service_accepts_both_keys_during_the_change_without_a_restart(
    settings: Settings, ingest: FakeIngest, db: Db
) -> None:
    """Its verifier fetched the keys before the change, and keeps them for five minutes."""
    async with process(settings, ingest) as (client, app):
        verifier = TokenVerifier(
            settings.model_copy(update={"jwks_url": f"http://accounts.test{BASE}/.well-known/jwks.json"}),
            transport=httpx.ASGITransport(app),
        )
        old = (await log_in(client, "anna")).headers["Authorization"].removeprefix("Bearer ")
        assert await verifier.access_claims(old)
        change = await begin(settings, app.state.resources.vault, app)
        await db.execute("UPDATE accounts.signing_key SET signs_from = signs_from - $1::interval", PUBLISHED)
        app.state.resources.keys.forget()
        verifier._fetched_at -= PUBLISHED.total_seconds()  # so long is the new key published before it signs
        new = (await log_in(client, "anna")).headers["Authorization"].removeprefix("Bearer ")
        assert (key_of(old), key_of(new)) != (change.key_id, change.key_id)
        assert key_of(new) == change.key_id
        assert await verifier.access_claims(new)
        assert await verifier.access_claims(old)
        await verifier.stop()


async def test_two_rotations_of_the_signer_at_once_make_one_key(settings: Settings, ingest: FakeIngest) -> None:
    async with process(settings, ingest) as (_, app):
        changes = await asyncio.gather(*[begin(settings, app.state.resources.vault, app) for _ in range(4)])
    assert len({change.key_id for change in changes}) == 1
    assert sum(change.is_new for change in changes) == 1


async def test_a_crowd_logs_in_while_the_signer_changes_and_every_token_is_accepted_everywhere(
    settings: Settings, ingest: FakeIngest
) -> None:
    """Two processes with caches of their own; the change takes a second, and nothing restarts."""
    async with process(settings, ingest) as (one, first_app), process(settings, ingest) as (other, second_app):
        change = await begin(settings, first_app.state.resources.vault, first_app, published_s=1, overlap_s=60)
        used: set[str] = set()
        async with asyncio.timeout(30):
            while change.key_id not in used or len(used) < 2:
                for app in (first_app, second_app):
                    app.state.resources.keys.forget()
                crowd = await asyncio.gather(*[log_in((one, other)[n % 2], f"crowd-{n}") for n in range(6)])
                for person in crowd:
                    used.add(key_of(person.headers["Authorization"].removeprefix("Bearer ")))
                    for client in (one, other):
                        assert (await client.get(f"{BASE}/me", headers=person.headers)).status_code == 200


async def test_a_signing_key_is_sealed_at_rest_and_sealed_anew_with_the_rest(
    settings: Settings, ingest: FakeIngest, db: Db
) -> None:
    first = settings.phone_encryption_key.get_secret_value()
    both = changed(settings, phone_encryption_key=SecretStr(SECOND_KEY), phone_encryption_keys_former=SecretStr(first))
    async with process(settings, ingest) as (_, app):
        await begin(settings, app.state.resources.vault, app, published_s=1, overlap_s=60)
    sealed = await db.fetchval("SELECT private_sealed FROM accounts.signing_key WHERE private_sealed IS NOT NULL")
    assert b"PRIVATE KEY" not in sealed
    assert await seal_all(both) == 1
    async with database_of(both) as database, database.transaction() as session:
        [one] = [key for key in await signing_keys.read_schedule(session, vault_of(both)) if key.pem]
    assert "PRIVATE KEY" in str(one.pem)
    assert "PRIVATE KEY" not in repr(one)


def test_the_progress_bar_ends_at_hundred_percent() -> None:
    stream = io.StringIO()
    bar = ProgressBar("索引 index", 1_200, stream=stream)
    for done in range(0, 1_300, 100):
        bar.show(done)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[-1].startswith("索引 index [##############################] 100%  1,200 / 1,200")

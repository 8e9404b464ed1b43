"""Keys change while people log in: nobody exists twice, nobody is logged out, and a killed rotation goes on."""

import asyncio
import base64
import contextlib
import io
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from deploy.local import fake_wechat
from services.accounts import keys
from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.main import create_app
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from services.accounts.signing_keys import service as signing_keys
from services.accounts.vault import Vault
from shared.db import Database
from shared.rotation import ProgressBar, seal_anew
from tests.accounts.conftest import BASE, WX_SECRET, Db, People, Person, code_of
from tests.accounts.fakes import FakeIngest

ROOT = Path(__file__).resolve().parents[2]
SECOND_PEPPER = "another-phone-pepper-for-tests"
SECOND_KEY = "2:" + base64.b64encode(bytes(range(32, 64))).decode()


def changed(settings: Settings, **values: Any) -> Settings:
    """The settings with other values, validated as a start would."""
    given = {name: getattr(settings, name) for name in type(settings).model_fields} | values
    return Settings(**{name: value for name, value in given.items() if name != "profile"})


@pytest.fixture
def both_peppers(settings: Settings) -> Settings:
    return changed(
        settings, phone_pepper=SecretStr(SECOND_PEPPER), phone_peppers_former=SecretStr("phone-pepper-for-tests")
    )


@pytest.fixture
def second_pepper(settings: Settings) -> Settings:
    return changed(settings, phone_pepper=SecretStr(SECOND_PEPPER))


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


# --- the look-up index


async def test_after_a_rotation_everybody_is_the_same_person_and_the_former_pepper_is_gone(
    both_peppers: Settings, second_pepper: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    await set_phone(anna, "13812345678")
    assert await rotate_index(both_peppers) == 2
    vault = vault_of(second_pepper)
    assert await db.fetchval("SELECT openid_hash FROM accounts.app_user") == vault.hashes("openid", "anna")[0]
    assert await db.fetchval("SELECT phone_hash FROM accounts.phone") == vault.hashes("phone", "+8613812345678")[0]
    async with process(second_pepper, ingest) as (client, _):
        again, bert = await log_in(client, "anna"), await log_in(client, "bert")
        assert again.user_id == anna.user_id
        assert (await again.call("GET", "/me")).json()["phone_masked"] == "138****5678"
        assert code_of(await set_phone(bert, "13812345678")) == (409, "PHONE_TAKEN")
    assert await rotate_index(second_pepper) == 0


async def test_a_process_that_lacks_a_live_pepper_refuses_instead_of_making_people_twice(
    both_peppers: Settings, client: httpx.AsyncClient, people: People, db: Db
) -> None:
    await people.new("anna")
    await rotate_index(both_peppers)
    for openid in ("anna", "bert"):
        answer = await client.post(f"{BASE}/sessions", json={"code": f"dev:{openid}"})
        assert code_of(answer) == (503, "LOOK_UP_KEY_UNKNOWN")
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 1


async def test_a_wrong_pepper_is_noticed_although_no_rotation_was_ever_made(
    second_pepper: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    await people.new("anna")
    await db.execute("TRUNCATE accounts.lookup_key")  # as after the migration
    async with process(second_pepper, ingest) as (client, _):
        answer = await client.post(f"{BASE}/sessions", json={"code": "dev:anna"})
        assert code_of(answer) == (503, "LOOK_UP_KEY_UNKNOWN")
    again = await people.new("anna")
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 1
    assert again.user_id


async def test_old_and_new_processes_agree_until_the_rotation_begins(
    both_peppers: Settings, ingest: FakeIngest, client: httpx.AsyncClient, db: Db
) -> None:
    async with process(both_peppers, ingest) as (new_client, _):
        for round_number in range(20):
            openid, number = f"anna-{round_number}", f"138{round_number:08}"
            one, other = await asyncio.gather(log_in(client, openid), log_in(new_client, openid))
            assert one.user_id == other.user_id
            rival = await log_in(new_client, f"rival-{round_number}")
            answers = await asyncio.gather(set_phone(one, number), set_phone(rival, number))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 40


async def test_two_people_who_race_for_one_number_during_a_rotation_do_not_both_get_it(
    both_peppers: Settings, ingest: FakeIngest, client: httpx.AsyncClient, db: Db
) -> None:
    """One asks a process with the former pepper only, the other one with both, while the rotation begins."""
    async with process(both_peppers, ingest) as (new_client, _):
        for round_number in range(15):
            await db.execute("TRUNCATE accounts.lookup_key")
            await db.execute("DELETE FROM accounts.phone")
            await db.execute("DELETE FROM accounts.login_session; DELETE FROM accounts.app_user")
            one, rival = await log_in(client, "anna"), await log_in(new_client, f"bert-{round_number}")
            *answers, _ = await asyncio.gather(
                set_phone(one, "13812345678"), set_phone(rival, "13812345678"), rotate_index(both_peppers)
            )
            statuses = sorted(answer.status_code for answer in answers if isinstance(answer, httpx.Response))
            assert statuses in ([200, 409], [200, 503]), statuses
            assert await db.fetchval("SELECT count(*) FROM accounts.phone") == 1


async def test_a_crowd_logs_in_during_a_rotation_and_nobody_is_made_twice_or_logged_out(
    both_peppers: Settings, ingest: FakeIngest, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "ROWS_PER_STEP", 3)  # many steps
    async with process(both_peppers, ingest) as (client, _):
        before = {openid: await log_in(client, openid) for openid in (f"old-{n}" for n in range(30))}
        failures: list[str] = []
        turns = asyncio.Semaphore(20)

        async def visit(openid: str) -> None:
            async with turns:
                person = await log_in(client, openid)
            refresh = {"refresh_token": person.refresh_token}
            answers = [await client.post(f"{BASE}/sessions/refresh", json=refresh) for _ in range(2)]
            if len({answer.json().get("refresh_token") for answer in answers}) != 1 or answers[0].status_code != 200:
                failures.append(openid)
            if openid in before and person.user_id != before[openid].user_id:
                failures.append(openid)

        rounds = [*before, *(f"new-{n % 20}" for n in range(60)), *before]
        results = await asyncio.gather(rotate_index(both_peppers), *[visit(openid) for openid in rounds])
        assert failures == []
        assert isinstance(results[0], int)
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 50
    vault = vault_of(both_peppers)
    hashes = {row["openid_hash"] for row in await db.fetch("SELECT openid_hash FROM accounts.app_user")}
    openids = [*before, *(f"new-{n}" for n in range(20))]
    assert hashes == {vault.index_keys[0].hash("openid", openid) for openid in openids}
    assert [row["state"] for row in await db.fetch("SELECT state FROM accounts.lookup_key")] == ["current"]


async def test_a_repeated_request_is_answered_alike_across_a_rotation(
    both_peppers: Settings, ingest: FakeIngest
) -> None:
    async with process(both_peppers, ingest) as (client, _):
        anna = await log_in(client, "anna")
        first = await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token})
        await rotate_index(both_peppers)
        again = await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token})
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json()["refresh_token"] == again.json()["refresh_token"]


async def test_two_rotations_at_once_take_turns(
    both_peppers: Settings, ingest: FakeIngest, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "ROWS_PER_STEP", 2)
    async with process(both_peppers, ingest) as (client, _):
        users = [(await log_in(client, f"anna-{n}")).user_id for n in range(15)]
        await asyncio.gather(*[rotate_index(both_peppers) for _ in range(3)])
        assert [(await log_in(client, f"anna-{n}")).user_id for n in range(15)] == users
    assert await db.fetchval("SELECT rehashed FROM accounts.lookup_key WHERE state = 'current'") == 15


async def test_a_rotation_that_was_killed_goes_on_where_it_was(
    both_peppers: Settings, ingest: FakeIngest, db: Db
) -> None:
    """The command as a process, killed with SIGKILL in the middle: a row that is held keeps it from the end."""
    async with process(both_peppers, ingest) as (client, _):
        users = [(await log_in(client, f"anna-{n}")).user_id for n in range(12)]
        held = db.transaction()
        await held.start()
        await db.execute("SELECT 1 FROM accounts.app_user WHERE user_id = $1 FOR UPDATE", sorted(users)[6])
        command = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.accounts.keys", "index"),
            stdout=asyncio.subprocess.PIPE,
            env=environment_of(both_peppers),
        )
        async with asyncio.timeout(60), database_of(both_peppers) as database:
            while True:
                async with database.transaction() as session:
                    at = await lookup_keys.read_rotation(session)
                if at is not None and at.rehashed == 6:
                    break
                assert command.returncode is None
                await asyncio.sleep(0.05)
        command.kill()
        await command.wait()
        # In the middle everybody still logs in, under either pepper.
        others = [n for n in range(12) if users[n] != sorted(users)[6]]
        assert [(await log_in(client, f"anna-{n}")).user_id for n in others] == [users[n] for n in others]
        await held.rollback()
        assert await rotate_index(both_peppers) == 12
        assert [(await log_in(client, f"anna-{n}")).user_id for n in range(12)] == users
    assert await db.fetchval("SELECT rehashed FROM accounts.lookup_key WHERE state = 'current'") == 12


# --- the sealing key


async def seal_all(settings: Settings) -> int:
    vault = vault_of(settings)
    async with database_of(settings) as database:
        return await seal_anew(database, name=keys.SEAL, columns=keys.sealed_columns(vault))


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


# --- the signer


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def begin(settings: Settings, vault: Vault, app: FastAPI, **times: int) -> signing_keys.Change:
    async with database_of(settings) as database, database.transaction() as session:
        return await signing_keys.begin_change(session, vault, app.state.resources.signer, **times)


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


# --- the documents


@pytest.mark.parametrize("page", ["docs/operators.md", "services/accounts/README.md"])
async def test_the_commands_of_the_documents_work_as_printed(
    page: str, settings: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    """All bash blocks about keys, top to bottom, in one shell with the settings of the service."""
    anna = await people.new("anna")
    await set_phone(anna, "13812345678")
    blocks = re.findall(r"^```bash\n(.*?)^```$", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    wanted = [block for block in blocks if "services.accounts.keys" in block]
    assert wanted
    shell = await asyncio.create_subprocess_exec(
        "bash",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env=environment_of(settings),
    )
    script = "set -euo pipefail\n" + "\n".join(wanted) + "\necho PEPPER=$ACCOUNTS_PHONE_PEPPER"
    output, _ = await shell.communicate((script + "\necho KEY=$ACCOUNTS_PHONE_ENCRYPTION_KEY\n").encode())
    assert shell.returncode == 0, output.decode()
    pepper, key = (re.search(rf"^{name}=(.*)$", output.decode(), re.MULTILINE) for name in ("PEPPER", "KEY"))
    assert pepper
    assert key
    afterwards = changed(settings, phone_pepper=SecretStr(pepper[1]), phone_encryption_key=SecretStr(key[1]))
    async with process(afterwards, ingest) as (client, _):
        again = await log_in(client, "anna")
        assert again.user_id == anna.user_id
        assert (await again.call("GET", "/me")).json()["phone_masked"] == "138****5678"
    schedule = await db.fetch("SELECT key_id FROM accounts.signing_key WHERE signs_from > now()")
    assert len(schedule) == 1

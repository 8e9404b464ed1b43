"""The pepper of the index changes while people log in: nobody exists twice, nobody is logged out."""

import asyncio
import sys

import httpx
import pytest
from pydantic import SecretStr

from services.accounts import keys
from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.fakes import FakeIngest
from tests.accounts.rotating import (
    SECOND_PEPPER,
    changed,
    database_of,
    environment_of,
    log_in,
    process,
    rotate_index,
    set_phone,
)


@pytest.fixture
def both_peppers(settings: Settings) -> Settings:
    return changed(
        settings, phone_pepper=SecretStr(SECOND_PEPPER), phone_peppers_former=SecretStr("phone-pepper-for-tests")
    )


@pytest.fixture
def second_pepper(settings: Settings) -> Settings:
    return changed(settings, phone_pepper=SecretStr(SECOND_PEPPER))


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

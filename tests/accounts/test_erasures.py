"""Leaving: planned with a cooling-off, cancelled, carried out, answered by the other services."""

import asyncio
import io
import json
import uuid
from datetime import timedelta

import asyncpg
import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.accounts.erasures import service as erasures
from services.accounts.leaving import service as leaving_service
from services.accounts.resources import Resources
from shared import clock, telemetry
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureAsked
from shared.contracts.identity import person_account_id
from shared.eventlog import StoredRecord
from shared.outbox import records_in
from tests.accounts.conftest import BASE, Db, People, Person, code_of
from tests.tokens import TokenFactory

COOLING_OFF = timedelta(days=15)


class Leaving:
    """Erasure as the worker does it, with a clock that a test may move."""

    def __init__(self, app: FastAPI, db: Db) -> None:
        self.resources: Resources = app.state.resources
        self.db = db

    async def end_cooling_off(self) -> None:
        await self.db.execute("UPDATE accounts.erasure SET due_at = now() - interval '1 s' WHERE status = 'planned'")

    async def carry_out(self) -> int:
        return await leaving_service.carry_out_due(self.resources.database, settings=self.resources.settings)

    async def erase(self, person: Person) -> None:
        await person.step_up()
        assert (await person.call("DELETE", "/me")).status_code == 202
        await self.end_cooling_off()
        assert await self.carry_out() == 1

    async def answer(self, erasure_id: uuid.UUID, account_id: uuid.UUID, *services: str) -> None:
        for service in services:
            message = ErasureAnswered(erasure_id=erasure_id, account_id=account_id, rows=3, answered_at=clock.now())
            record = StoredRecord("t", 0, 0, b"k", msgspec.json.encode(message), (), clock.now())
            async with self.resources.database.transaction() as session:
                await erasures.handle_answers(session, [(record, message)], service=service)

    async def records(self, topic: str) -> list[tuple[bytes, bytes | None]]:
        rows = await self.db.fetch("SELECT records FROM accounts.outbox WHERE topic = $1 ORDER BY id", topic)
        return [(record.key, record.value) for row in rows for record in records_in(row["records"])]

    async def asked(self) -> list[ErasureAsked]:
        found = await self.records("accounts.erasures.v1")
        return [msgspec.json.decode(value or b"", type=ErasureAsked) for _, value in found]


@pytest.fixture
def leaving(app: FastAPI, db: Db) -> Leaving:
    return Leaving(app, db)


async def test_an_erasure_is_planned_shown_and_cancelled(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new("erase-anna")
    assert (await anna.call("GET", "/me")).json()["erasure"] is None
    assert code_of(await anna.call("DELETE", "/me")) == (403, "STEP_UP_REQUIRED")
    await anna.step_up()
    planned = await anna.call("DELETE", "/me")
    assert planned.status_code == 202, planned.text
    again = await anna.call("DELETE", "/me")
    assert again.json() == planned.json()
    told = planned.json()
    assert any("收回" in line for line in told.pop("consequences"))
    assert (await anna.call("GET", "/me")).json()["erasure"] == told
    logged_in = (await client.post(f"{BASE}/sessions", json={"code": "dev:erase-anna"})).json()
    assert logged_in["erasure"] == told
    assert (await anna.bind()).status_code == 201  # as usual until then
    assert (await anna.call("POST", "/me/erasure/cancel")).status_code == 204
    assert (await anna.call("GET", "/me")).json()["erasure"] is None
    assert code_of(await anna.call("POST", "/me/erasure/cancel")) == (404, "ERASURE_NOT_PLANNED")


async def test_nothing_is_erased_before_its_time(people: People, leaving: Leaving, db: Db) -> None:
    anna = await people.new()
    await anna.step_up()
    planned = (await anna.call("DELETE", "/me")).json()
    assert await leaving.carry_out() == 0
    wait = await db.fetchval("SELECT due_at - planned_at FROM accounts.erasure")
    assert wait == COOLING_OFF
    assert planned["due_at"] > planned["planned_at"]


async def test_after_the_cooling_off_no_row_topic_or_log_names_the_person(
    people: People, leaving: Leaving, db: Db, logs: io.StringIO, client: httpx.AsyncClient
) -> None:
    openid, phone, rider = "canary-openid-erased", "13899990001", "canary-rider-erased"
    anna, ben = await people.new(openid), await people.new()
    await anna.call("PUT", "/me/phone", json={"code": f"dev-phone:{phone}"})
    await anna.bind("metro", "phone_hash")
    await anna.bind("hello", "oauth", code=f"ok:{rider}")
    household = (await anna.call("POST", "/households", json={})).json()
    invitation = (await anna.call("POST", f"/households/{household['household_id']}/invitations")).json()
    assert (await ben.call("POST", "/households/join", json={"token": invitation["token"]})).status_code == 201
    bindings = [row["binding_id"] for row in await db.fetch("SELECT binding_id FROM accounts.binding")]
    stay = await db.fetchval("SELECT membership_id FROM accounts.household_member WHERE user_id = $1", anna.user_id)
    hashes = await db.fetchrow(
        "SELECT openid_hash, openid_sealed, phone_hash, phone_sealed, account_key, account_no"
        " FROM accounts.app_user JOIN accounts.phone USING (user_id) JOIN accounts.binding USING (user_id)"
        " JOIN accounts.carbon_account USING (user_id) WHERE user_id = $1 LIMIT 1",
        anna.user_id,
    )
    assert hashes is not None
    await leaving.erase(anna)
    erasure_id = (await leaving.asked())[0].erasure_id
    await leaving.answer(erasure_id, person_account_id(anna.user_id), "accounting", "ingest", "rewards")
    kept = await rows_naming(db, [openid, phone, rider, str(anna.user_id), *hashes.values()])
    assert kept == {"outbox"}  # until its records are published
    assert await db.fetchval("SELECT count(*) FROM accounts.erasure WHERE user_id IS NOT NULL") == 0
    # The topics forget: the newest record of every key has no value.
    newest = dict(await leaving.records("accounts.bindings.v1"))
    assert {newest[str(binding_id).encode()] for binding_id in bindings} == {None}
    assert dict(await leaving.records("accounts.households.v1"))[str(stay).encode()] is None
    for canary in (openid, phone, rider, anna.account["account_no"]):
        assert canary not in logs.getvalue()
    # The household lives on with its other member.
    home = (await ben.call("GET", "/me")).json()["household"]
    assert (home["household_id"], home["members"]) == (household["household_id"], 1)
    assert (await anna.call("GET", "/me")).status_code == 401
    assert (await anna.bind()).status_code == 401
    returned = await people.new(openid)
    assert returned.user_id != anna.user_id
    assert returned.account["account_no"] != anna.account["account_no"]


async def rows_naming(db: Db, values: list[object]) -> set[str]:
    """Return the tables of the schema in which one of the values stands in any column."""
    texts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    found = set()
    for table in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'accounts'"):
        for row in await db.fetch(f'SELECT * FROM accounts."{table["tablename"]}"'):
            cells = b"|".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row.values())
            if any(text in cells for text in texts):
                found.add(table["tablename"])
    return found


async def test_services_are_asked_until_each_has_answered(
    people: People, leaving: Leaving, db: Db, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    anna = await people.new()
    await leaving.erase(anna)
    [asked] = await leaving.asked()
    assert (asked.user_id, asked.account_id) == (anna.user_id, person_account_id(anna.user_id))
    await leaving.answer(asked.erasure_id, asked.account_id, "accounting", "accounting")
    listed = await client.get(f"{BASE}/ops/erasures?status=running", headers=tokens.operator())
    assert listed.status_code == 200, listed.text
    [seen] = listed.json()["items"]
    assert [answer["service"] for answer in seen["answers"]] == ["accounting"]
    assert seen["waiting_for"] == ["ingest", "rewards"]
    await db.execute(
        "UPDATE accounts.erasure SET asked_at = now() - interval '2 h', started_at = now() - interval '2 d'"
    )
    async with leaving.resources.database.transaction() as session:
        await erasures.ask_again(session, settings=leaving.resources.settings)
        await erasures.measure(session)
    assert len(await leaving.asked()) == 2
    assert telemetry.ERASURES_STUCK._value.get() == 1
    await leaving.answer(asked.erasure_id, asked.account_id, "rewards", "ingest")
    done = (await client.get(f"{BASE}/ops/erasures", headers=tokens.operator())).json()["items"][0]
    assert (done["status"], done["waiting_for"]) == ("done", [])
    assert str(anna.user_id) not in json.dumps(done)


async def test_a_cancellation_and_the_erasure_have_one_right_end(people: People, leaving: Leaving) -> None:
    anna = await people.new()
    await anna.step_up()
    await anna.call("DELETE", "/me")
    await leaving.end_cooling_off()
    assert (await anna.call("POST", "/me/erasure/cancel")).status_code == 204
    assert await leaving.carry_out() == 0
    assert (await anna.call("GET", "/me")).status_code == 200


async def test_two_workers_erase_a_person_once(people: People, leaving: Leaving) -> None:
    for number in range(5):
        person = await people.new(f"twice-{number}")
        await person.step_up()
        await person.call("DELETE", "/me")
    await leaving.end_cooling_off()
    done = await asyncio.gather(leaving.carry_out(), leaving.carry_out())
    assert sum(done) == 5
    assert len(await leaving.asked()) == 5


async def test_every_foreign_key_to_a_person_has_an_index(db: Db) -> None:
    """Without one, each deleted person would read the whole table that points at people."""
    missing = await db.fetch(
        "SELECT c.conrelid::regclass AS of, a.attname AS column FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE c.contype = 'f' AND c.connamespace = 'accounts'::regnamespace AND c.confrelid = ANY ("
        "  ARRAY['accounts.app_user', 'accounts.carbon_account', 'accounts.binding', 'accounts.household_member',"
        "        'accounts.login_session']::regclass[])"
        " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]"
        "  AND i.indpred IS NULL)"
    )
    found = [tuple(row) for row in missing]
    assert found == [], found


async def test_erasures_of_the_database_keep_their_state(db: Db) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await db.execute(
            "INSERT INTO accounts.erasure (erasure_id, account_id, status, planned_at, due_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'running', now(), now())"
        )

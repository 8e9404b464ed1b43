"""Meters of households where the grid company confirms them: claims, confirmations, moves, races."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.accounts import worker
from services.accounts.settings import Settings
from shared import clock
from shared.auth import cp1
from shared.contracts.households_v1 import MeterChanged
from shared.contracts.identity import meter_key
from shared.db import Database
from tests.accounts.conftest import BASE, REF_PEPPER, Db, People, Person, code_of
from tests.accounts.fakes import KEYS
from tests.accounts.test_households import METER, facts, leave, open_household

GRID = "ak_huishou"  # plays the grid company


@pytest.fixture(autouse=True)
async def grid(app: FastAPI, fresh: None) -> AsyncIterator[None]:
    old = app.state.resources
    confirming = old.settings.model_copy(update={"meter_partners": "huishou"})
    app.state.resources = dataclasses.replace(old, settings=confirming)
    yield
    app.state.resources = old


async def decide(
    client: httpx.AsyncClient,
    account_no: str,
    decision: str = "confirmed",
    *,
    meter_ref: str = METER,
    app_key: str = GRID,
    secret: str = "",
    nonce: str = "",
) -> httpx.Response:
    path = f"{BASE}/partner/meters"
    body = json.dumps({"meter_ref": meter_ref, "account_no": account_no, "decision": decision}).encode()
    header = cp1.authorization(
        app_key=app_key,
        secret=secret or KEYS[app_key][1],
        method="POST",
        target=path,
        timestamp=int(clock.now().timestamp()),
        nonce=nonce or uuid.uuid4().hex,
        body=body,
    )
    return await client.post(path, content=body, headers={"Authorization": header, "Content-Type": "application/json"})


async def seen_by(person: Person) -> tuple[bool, bool]:
    """Return whether a meter counts, and whether one is pending."""
    home = (await person.call("GET", "/me")).json()["household"]
    return home["meter_since"] is not None, home["meter_pending_until"] is not None


async def meters(db: Db) -> list[tuple[uuid.UUID, bool]]:
    """Return (household, still counts) of the published meters, in order."""
    return [(one.household_id, one.ended_at is None) for one in await facts(db) if isinstance(one, MeterChanged)]


async def claim(person: Person, meter_ref: str = METER) -> dict[str, Any]:
    return await open_household(person, meter_ref=meter_ref)


async def test_a_meter_counts_once_the_grid_company_has_confirmed_it(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna = await people.new()
    home = await claim(anna)
    assert (home["meter_since"], home["meter_pending_until"] is None) == (None, False)
    assert await meters(db) == [], "what is pending is not published"
    for _ in range(2):
        answer = await decide(client, home["account_no"])
        assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert await seen_by(anna) == (True, False)
    [fact] = [one for one in await facts(db) if isinstance(one, MeterChanged)]
    assert (fact.meter_key, fact.version) == (meter_key(REF_PEPPER, METER), 1)
    assert METER not in str(await db.fetch("SELECT c::text FROM accounts.meter_claim c"))


async def test_a_claim_says_nothing_of_who_has_the_meter_and_its_confirmation_moves_it(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    former, new = await people.new(), await people.new()
    old_home = await claim(former)
    assert (await decide(client, old_home["account_no"])).status_code == 200
    new_home = await claim(new)
    assert new_home["meter_pending_until"] is not None, "no METER_TAKEN: the grid company decides"
    assert await seen_by(former) == (True, False)
    assert (await decide(client, new_home["account_no"])).status_code == 200
    assert await seen_by(former) == (False, False)
    assert await seen_by(new) == (True, False)
    old, current = uuid.UUID(old_home["household_id"]), uuid.UUID(new_home["household_id"])
    assert await meters(db) == [(old, True), (old, False), (current, True)]
    ended, since = await db.fetchrow(  # type: ignore[misc]  # one row
        "SELECT max(ended_at), max(since) FROM accounts.household_meter"
    )
    assert ended <= since, "the intervals of two households never overlap"


async def test_a_refusal_ends_the_claim_or_the_meter(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new()
    home = await claim(anna)
    for _ in range(2):
        assert (await decide(client, home["account_no"], "refused")).status_code == 200
    assert await seen_by(anna) == (False, False)
    assert code_of(await decide(client, home["account_no"])) == (404, "METER_CLAIM_NOT_FOUND")
    await anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": METER})
    assert (await decide(client, home["account_no"])).status_code == 200
    assert (await decide(client, home["account_no"], "refused")).status_code == 200, "moved out"
    assert await seen_by(anna) == (False, False)
    assert [counts for _, counts in await meters(db)] == [True, False]


async def test_the_former_meter_counts_until_the_new_one_is_confirmed(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna = await people.new()
    home = await claim(anna)
    await decide(client, home["account_no"])
    await anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": "4201009999999"})
    assert await seen_by(anna) == (True, True)
    assert (await decide(client, home["account_no"], meter_ref="4201009999999")).status_code == 200
    assert await seen_by(anna) == (True, False)
    assert [counts for _, counts in await meters(db)] == [True, False, True]


async def test_one_answer_for_whatever_is_not_a_pending_claim(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new()
    home = await claim(anna)
    for account_no in ("WH000000000000", str(anna.account["account_no"])):
        assert code_of(await decide(client, account_no)) == (404, "METER_CLAIM_NOT_FOUND")
    assert code_of(await decide(client, home["account_no"], meter_ref="1")) == (404, "METER_CLAIM_NOT_FOUND")
    assert code_of(await decide(client, home["account_no"], "refused", meter_ref="1")) == (
        404,
        "METER_CLAIM_NOT_FOUND",
    )
    assert (await leave(anna, home["household_id"])).status_code == 204
    assert code_of(await decide(client, home["account_no"])) == (404, "METER_CLAIM_NOT_FOUND")


async def test_another_partner_or_a_forged_or_repeated_signature_confirms_nothing(
    client: httpx.AsyncClient, people: People
) -> None:
    anna = await people.new()
    home = await claim(anna)
    account_no = home["account_no"]
    assert code_of(await decide(client, account_no, app_key="ak_didi")) == (403, "NOT_GRID_COMPANY")
    assert code_of(await decide(client, account_no, secret="forged-secret-0123456789")) == (401, "SIGNATURE_INVALID")
    assert await seen_by(anna) == (False, True)
    nonce = uuid.uuid4().hex
    assert (await decide(client, account_no, nonce=nonce)).status_code == 200
    assert code_of(await decide(client, account_no, nonce=nonce)) == (409, "SIGNATURE_REPLAYED")


async def test_a_claim_expires(client: httpx.AsyncClient, people: People, db: Db, settings: Settings) -> None:
    anna = await people.new()
    home = await claim(anna)
    await db.execute("UPDATE accounts.meter_claim SET expires_at = now()")
    assert await seen_by(anna) == (False, False)
    assert code_of(await decide(client, home["account_no"])) == (404, "METER_CLAIM_NOT_FOUND")
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await worker.purge(session)
    await database.stop()
    assert await db.fetchval("SELECT status FROM accounts.meter_claim") == "expired"
    await anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": METER})
    assert (await decide(client, home["account_no"])).status_code == 200


async def test_confirmations_for_several_households_at_once_leave_one_holder(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    homes = [await claim(await people.new()) for _ in range(4)]
    asked = [decide(client, home["account_no"]) for home in homes for _ in range(2)]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert sum(answer.status_code == 200 for answer in answers) >= 1
    live = await db.fetch("SELECT household_id FROM accounts.household_meter WHERE ended_at IS NULL")
    assert len(live) == 1
    counting = dict(await meters(db))
    assert [household_id for household_id, counts in counting.items() if counts] == [live[0][0]]


async def test_a_claim_and_its_confirmation_at_once_end_right(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    for number in range(5):
        anna = await people.new()
        meter_ref = f"42010000{number}"
        home = await open_household(anna)
        put = anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": meter_ref})
        _, answer = await asyncio.gather(put, decide(client, home["account_no"], meter_ref=meter_ref))
        assert await seen_by(anna) == ((True, False) if answer.status_code == 200 else (False, True))
        assert (await decide(client, home["account_no"], meter_ref=meter_ref)).status_code == 200

"""A household's meter is confirmed from end to end by the grid company of the local stack, over HTTP."""

import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from deploy.local import fake_grid
from deploy.local.fake_grid import GridCompany
from tests.accounts.conftest import Db, People, Person
from tests.accounts.fakes import KEYS
from tests.accounts.test_households import METER
from tests.accounts.test_meters import GRID, claim, meters, seen_by


@pytest.fixture
async def grid(app: FastAPI, client: httpx.AsyncClient, fresh: None) -> AsyncIterator[httpx.AsyncClient]:
    """What the customers of the grid company use."""
    old = app.state.resources
    partner_id, secret = KEYS[GRID]
    confirming = old.settings.model_copy(update={"meter_partners": partner_id})
    app.state.resources = dataclasses.replace(old, settings=confirming)
    company = FastAPI()
    company.include_router(fake_grid.router_of(GridCompany(client, app_key=GRID, secret=secret)), prefix="/grid")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(company), base_url="http://grid.test") as opened:
        yield opened
    app.state.resources = old


async def name(grid: httpx.AsyncClient, account_no: str, meter_ref: str = METER) -> str:
    answer = await grid.put(f"/grid/customers/{meter_ref}", json={"account_no": account_no})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


async def homes(people: People) -> tuple[Person, str, Person, str]:
    first, second = await people.new(), await people.new()
    return first, (await claim(first))["account_no"], second, (await claim(second))["account_no"]


async def test_the_grid_company_confirms_a_claimed_meter_and_moves_it_with_its_customer(
    people: People, grid: httpx.AsyncClient, db: Db
) -> None:
    first, first_no, second, second_no = await homes(people)
    assert (await seen_by(first), await seen_by(second)) == ((False, True), (False, True))
    assert await name(grid, first_no) == "confirmed"
    assert (await seen_by(first), await seen_by(second)) == ((True, False), (False, True))
    assert await name(grid, second_no) == "confirmed", "the next tenant is a customer, too"
    assert (await seen_by(first), await seen_by(second)) == ((False, False), (True, False))
    assert len(await meters(db)) == 3


async def test_a_household_that_claims_after_its_customer_named_it_is_confirmed_at_the_next_look(
    people: People, grid: httpx.AsyncClient
) -> None:
    anna = await people.new()
    home = (await anna.call("POST", "/households", json={})).json()
    assert await name(grid, home["account_no"]) == "waiting"
    assert (await grid.post("/grid/look")).json() == {"confirmed": 0, "waiting": 1}
    path = f"/households/{home['household_id']}/meter"
    assert (await anna.call("PUT", path, json={"meter_ref": METER})).status_code == 200
    assert (await grid.post("/grid/look")).json() == {"confirmed": 1, "waiting": 0}
    assert await seen_by(anna) == (True, False)
    assert (await grid.post("/grid/look")).json() == {"confirmed": 0, "waiting": 0}


async def test_a_customer_who_moves_out_ends_the_meter(people: People, grid: httpx.AsyncClient) -> None:
    anna, anna_no, _, _ = await homes(people)
    await name(grid, anna_no)
    assert (await grid.delete(f"/grid/customers/{METER}")).json() == {"ended": True}
    assert await seen_by(anna) == (False, False)
    assert (await grid.delete(f"/grid/customers/{METER}")).json() == {"ended": False}


async def test_the_grid_company_knows_its_own_meters_only(grid: httpx.AsyncClient) -> None:
    answer = await grid.put("/grid/customers/3101004812345", json={"account_no": "WH203947561028"})
    assert (answer.status_code, answer.json()) == (404, {"error": "unknown_meter"})

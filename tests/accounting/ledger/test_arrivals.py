"""What accounting tells accounts for messages: arrivals between two evenings, and grams about to expire."""

import uuid
from datetime import timedelta
from typing import Any

import httpx

from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.reports import Reports
from tests.tokens import service_token


async def ask(accounting: Accounting, path: str, body: dict[str, Any], caller: str = "accounts") -> httpx.Response:
    headers = {"Authorization": f"Bearer {service_token(caller, 'accounting')}"}
    return await accounting.client.post(f"/internal/accounting/{path}", json=body, headers=headers)


def window(*people: Reports, hours: tuple[int, int] = (-1, 1)) -> dict[str, Any]:
    since, until = (clock.now() + timedelta(hours=hour) for hour in hours)
    ids = [str(person.account_id) for person in people]
    return {"account_ids": ids, "since": since.isoformat(), "until": until.isoformat()}


async def test_arrivals_are_what_became_available_in_the_window(accounting: Accounting) -> None:
    anna, ben = await accounting.citizen(), await accounting.citizen()
    await accounting.post(anna.bus(), anna.metro(), ben.bus())
    answer = await ask(accounting, "arrivals", window(anna))
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["items"]
    balance = await accounting.get(anna, "/me/balance")
    assert item == {"account_id": str(anna.account_id), "amount_mg": balance["available_mg"], "acts": 2}
    for hours in ((-3, -1), (1, 3)):
        assert (await ask(accounting, "arrivals", window(anna, ben, hours=hours))).json() == {"items": []}


async def test_pending_grams_have_not_arrived(accounting: Accounting, vesting_bus: None) -> None:
    anna = await accounting.citizen()
    await accounting.post(anna.slow_bus())
    assert (await ask(accounting, "arrivals", window(anna))).json() == {"items": []}
    eve = await accounting.citizen(days_ago=400)
    await accounting.post(eve.slow_bus(received_days_ago=8))
    await accounting.release()
    assert len((await ask(accounting, "arrivals", window(eve))).json()["items"]) == 1


async def test_grams_about_to_expire_are_told_with_their_day(accounting: Accounting) -> None:
    anna, ben = await accounting.citizen(), await accounting.citizen()
    await accounting.post(anna.bus())
    expiries: Any = await accounting.get(anna, "/me/expiries")
    [year] = expiries["items"]
    ids = [str(person.account_id) for person in (anna, ben)]
    told = await ask(accounting, "expiring", {"account_ids": ids, "upto": year["expires_on"]})
    expected = {"account_id": ids[0], "amount_mg": year["amount_mg"], "expires_on": year["expires_on"]}
    assert told.json() == {"items": [expected]}
    soon = clock.now().date() + timedelta(days=30)
    assert (await ask(accounting, "expiring", {"account_ids": ids, "upto": soon.isoformat()})).json() == {"items": []}


async def test_pages_are_bounded_and_only_accounts_may_ask(accounting: Accounting) -> None:
    anna = await accounting.citizen()
    body = window(anna)
    assert (await ask(accounting, "arrivals", body, caller="rewards")).status_code == 403
    body["account_ids"] = [str(uuid.uuid4()) for _ in range(201)]
    assert (await ask(accounting, "arrivals", body)).status_code == 422

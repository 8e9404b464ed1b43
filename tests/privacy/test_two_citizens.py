"""Two citizens × every route with an id: another person's id is answered like an id that nobody has."""

import uuid
from typing import Any

import httpx
import pytest

from tests.contract.personal_data_page import SERVICES
from tests.privacy.city import Citizen, City
from tests.privacy.routes import Operation, operations_of
from tests.privacy.test_leaving import archive_of, live

# What an answer may differ in for two different ids.
_OWN_TO_EACH = {"instance", "request_id"}
# Ids of things that belong to nobody: the catalogue and the like.
NOBODYS = {"item_id", "campaign_id", "code", "version"}


async def ids_of(city: City, anna: Citizen) -> dict[str, str]:
    """One real id of hers for each parameter of a path."""
    admin = city.admin

    async def one(sql: str) -> str:
        found = await admin.fetchval(sql, anna.user_id)
        assert found is not None, sql
        return str(found)

    async def of_account(sql: str) -> str:
        found = await admin.fetchval(sql, anna.account_id)
        assert found is not None, sql
        return str(found)

    return {
        "binding_id": await one("SELECT binding_id FROM accounts.binding WHERE user_id = $1"),
        "household_id": await one("SELECT household_id FROM accounts.household_member WHERE user_id = $1"),
        "session_id": await one("SELECT session_id FROM accounts.login_session WHERE user_id = $1"),
        "export_id": await one("SELECT export_id FROM accounts.data_export WHERE user_id = $1"),
        "order_id": await one("SELECT order_id FROM rewards.orders WHERE user_id = $1"),
        "voucher_id": await one("SELECT voucher_id FROM rewards.voucher WHERE user_id = $1"),
        "donation_id": await one("SELECT donation_id FROM rewards.donation WHERE user_id = $1"),
        "activity_id": await of_account("SELECT activity_id FROM accounting.activity WHERE account_id = $1"),
    }


async def ask(ben: Citizen, one: Operation, values: dict[str, str]) -> tuple[int, Any]:
    path = one.filled(values).removeprefix(f"/api/v1/{one.service}")
    answer: httpx.Response = await ben.call(
        one.service,
        one.method.upper(),
        path,
        json=one.body,
        params=dict(one.query),
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    if not answer.content:
        return answer.status_code, None
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name not in _OWN_TO_EACH}


@pytest.fixture
def with_ids(city: City) -> list[Operation]:
    found = [one for service in SERVICES for one in operations_of(service, city.apps[service])]
    return [one for one in found if one.requires == "citizen" and set(one.parameters) - NOBODYS]


async def test_another_persons_id_is_answered_like_an_unknown_one(city: City, with_ids: list[Operation]) -> None:
    await city.open_shop()
    anna, ben = await live(city), await live(city, "ben-of-two", "13877770044")
    await archive_of(city, anna)
    ids = await ids_of(city, anna)
    leaks, asked = [], 0
    for one in with_ids:
        unknown = set(one.parameters) - NOBODYS - ids.keys()
        assert not unknown, f"{one}: name an id of hers for {unknown}"
        hers = await ask(ben, one, ids)
        nobodys = await ask(ben, one, {})
        asked += 1
        if hers != nobodys or hers[0] not in {403, 404, 422}:
            leaks.append(f"{one}: {hers} {nobodys}")
    assert leaks == []
    assert asked >= 10
    # She still has everything.
    after = await ids_of(city, anna)
    assert after == ids

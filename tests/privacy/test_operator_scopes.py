"""Operators with one scope each × every operators' route with an id: the scope decides, not what the id names."""

import uuid

import httpx
import pytest

from tests.privacy.city import City
from tests.privacy.houses import build_house
from tests.privacy.routes import Operation, declared
from tests.privacy.ways import Way, refusal
from tests.privacy.wrong_tokens import EVERY_SCOPE

SCOPES = EVERY_SCOPE.split()


@pytest.fixture
def with_ids(city: City) -> list[Operation]:
    found = declared(city.apps)
    return [one for one in found if one.requires == "operator" and one.parameters]


async def ask(way: Way, one: Operation, scope: str, values: dict[str, str]) -> httpx.Response:
    """As an operator of its own, so that no limit of a person is met."""
    headers = way.city.tokens.operator(scope, subject=f"operator-{uuid.uuid4()}")
    return await way.city.http[one.service].request(
        one.method.upper(), one.filled(values), json=one.body, params=dict(one.query),
        headers={**headers, "Idempotency-Key": str(uuid.uuid4())},
    )  # fmt: skip


async def test_each_scope_opens_its_routes_and_no_other(way: Way, with_ids: list[Operation]) -> None:
    city = way.city
    house = await build_house(city, "first")
    admin = house.people["admin"]
    account_id = str(admin.citizen.account_id)
    ids = {**house.ids, "account_no": await admin.number(), "account_id": account_id, "partner_id": "city-transit"}
    wrong = []
    for one in with_ids:
        for scope in SCOPES:
            may = scope in one.scopes or not one.scopes
            # Ids of real things for who may not: existing or not, the answer is the same.
            answers = [await ask(way, one, scope, {})]
            if not may:
                answers.append(await ask(way, one, scope, ids))
            for answer in answers:
                if (refusal(answer) == (403, "FORBIDDEN")) == may or "canary" in answer.text:
                    wrong.append(f"{one} {scope}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []
    assert len(with_ids) > 60

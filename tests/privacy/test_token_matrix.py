"""Every route of the four services × every wrong token: 401 and 403, directly and through the gateway.

The list of routes is the applications' own. Each service verifies tokens itself and does not rely on the gateway.
"""

import itertools
import uuid
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from tests.contract.personal_data_page import SERVICES
from tests.privacy.city import City
from tests.privacy.routes import Operation, declared, internal_routes
from tests.privacy.ways import NIGHTLY, Way, refusal
from tests.privacy.wrong_tokens import EVERY_SCOPE, WRONG
from tests.tokens import service_token

pytestmark = pytest.mark.longer

# All tokens on each route take twice as long through the gateway. The suite takes some of them on each route there.
_SAMPLE: Final = 3


@pytest.fixture
def operations(city: City) -> list[Operation]:
    return declared(city.apps)


async def call(city: City, one: Operation, token: str | None) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await city.http[one.service].request(
        one.method.upper(), one.filled({}), headers=headers, json=one.body, params=dict(one.query)
    )


def _portions(way: Way) -> Iterator[list[str]]:
    """The wrong tokens to try on each route: all, or a few, so that every kind meets every tenth route or so."""
    names = itertools.cycle(WRONG)
    while True:
        yield list(WRONG) if NIGHTLY or not way.has_gateway else list(itertools.islice(names, _SAMPLE))


def _right_subject(one: Operation) -> tuple[str, str]:
    return ("operator-1", EVERY_SCOPE) if one.requires == "operator" else (str(uuid.uuid4()), "citizen")


async def test_every_wrong_token_is_a_401(way: Way, operations: list[Operation]) -> None:
    asked, wrong = 0, []
    portions = _portions(way)
    for one in operations:
        if one.requires not in {"citizen", "operator"}:
            continue
        subject, scope = _right_subject(one)
        for name in ["no token", *next(portions)]:
            token = None if name == "no token" else WRONG[name](way.city.tokens, subject, scope)
            answer = await call(way.city, one, token)
            asked += 1
            if refusal(answer) != (401, "UNAUTHENTICATED"):
                wrong.append(f"{one} {name}: {answer.status_code} {answer.text[:100]}")
            elif way.reached(answer) != way.reaches(name):
                wrong.append(f"{one} {name}: the gateway has no rule for this route or token")
    assert wrong == []
    assert asked > 100 * _SAMPLE


async def test_a_merchants_route_takes_no_token_of_a_person_or_of_a_service(
    way: Way, operations: list[Operation]
) -> None:
    access = way.city.tokens.access
    asked, wrong = 0, []
    for one in operations:
        if not one.path.startswith("/api/v1/rewards/merchant/"):
            continue
        assert one.requires == "till", one
        for token in (None, access(uuid.uuid4()), access("operator-1", EVERY_SCOPE), f"cit_{'0' * 32}_x", "a.b.c"):
            answer = await call(way.city, one, token)
            asked += 1
            if refusal(answer) not in {(401, "MERCHANT_CREDENTIAL_INVALID"), (401, "ENROLMENT_INVALID")}:
                wrong.append(f"{one}: {answer.status_code} {answer.text[:100]}")
            elif not way.reached(answer):
                wrong.append(f"{one}: did not reach the service")
    assert wrong == []
    assert asked > 40


async def test_the_wrong_kind_of_person_is_a_403(way: Way, operations: list[Operation]) -> None:
    wrong = []
    for one in operations:
        access = way.city.tokens.access
        tokens: list[str] = []
        if one.requires == "citizen":
            tokens = [access(f"operator-{uuid.uuid4()}", EVERY_SCOPE)]
        elif one.requires == "operator":
            others = " ".join(scope for scope in EVERY_SCOPE.split() if scope not in one.scopes)
            tokens = [access(uuid.uuid4())]
            if one.scopes:
                tokens.append(access(f"operator-{uuid.uuid4()}", others))
        for token in tokens:
            answer = await call(way.city, one, token)
            if refusal(answer) != (403, "FORBIDDEN") or not way.reached(answer):
                wrong.append(f"{one}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


async def test_a_public_route_that_shows_a_citizen_more_takes_no_wrong_token(
    way: Way, operations: list[Operation]
) -> None:
    shared = [one for one in operations if one.takes_citizen and one.requires == "nobody"]
    assert shared
    for one in shared:
        assert (await call(way.city, one, None)).status_code == 200
        for name, forge in WRONG.items():
            answer = await call(way.city, one, forge(way.city.tokens, str(uuid.uuid4()), "citizen"))
            assert refusal(answer) == (401, "UNAUTHENTICATED"), (one, name)


async def test_a_partners_route_takes_no_bearer_token(way: Way, operations: list[Operation]) -> None:
    access = way.city.tokens.access
    asked = 0
    for one in operations:
        if one.requires != "cp1":
            continue
        for token in (None, access(uuid.uuid4()), access("operator-1", EVERY_SCOPE)):
            answer = await call(way.city, one, token)
            status, code = refusal(answer)
            assert (status, "SIGNATURE" in str(code).split("_")) == (401, True), (str(one), code)
            assert way.reached(answer)
            asked += 1
    assert asked > 60


async def test_internal_routes_take_only_the_callers_that_they_list(city: City) -> None:
    """Directly, as the services call each other. The gateway has no way to them: test_border_routes.py."""
    asked = 0
    for service in SERVICES:
        for method, path in internal_routes(service, city.apps[service]):
            filled = path.replace("{", "").replace("}", "")
            for name in ("account_id", "hold_id"):
                filled = filled.replace(name, str(uuid.uuid4()))
            for token in (None, "a.b.c", city.tokens.access(uuid.uuid4()), city.tokens.access("op", EVERY_SCOPE)):
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                answer = await city.http[service].request(method, filled, headers=headers, json={})
                assert answer.status_code == 401, (method, path, answer.text)
                asked += 1
            answers = {
                caller: await city.http[service].request(
                    method, filled, json={}, headers={"Authorization": f"Bearer {service_token(caller, service)}"}
                )
                for caller in ("accounts", "rewards")
            }
            assert 403 in {answer.status_code for answer in answers.values()}, (method, path)
    assert asked >= 40

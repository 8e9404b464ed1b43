"""One operator with every scope, alone, at every route of the four services: nothing is gained by any of them.

The routes come from the OpenAPI documents. A new operators' route that writes fails the first test until it has an
attempt of its own; every other route is tried without one.
"""

import re
from typing import Any

import pytest

from tests.four_eyes import (
    accounts_attempts,
    bank_attempts,
    campaign_attempts,
    log_in_attempts,
    mall_attempts,
    merchant_attempts,
)
from tests.four_eyes.attempts import ATTEMPTS
from tests.four_eyes.conftest import ALONE, SAMPLE, SERVICES, City

assert log_in_attempts.OPS  # its import adds the attempts at log-in
assert accounts_attempts.APPROVALS
assert bank_attempts.TERMS
assert merchant_attempts.OPS
assert mall_attempts.OPS
assert campaign_attempts.OPS


def routes_of(city: City) -> list[tuple[str, str]]:
    """(method, path) of every route in the four OpenAPI documents."""
    found = []
    for service in SERVICES:
        document: dict[str, Any] = city.apps[service].openapi()
        found += [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    return found


def is_operators(path: str) -> bool:
    return "/ops/" in path


def filled(path: str) -> str:
    """The path with a sample in place of each parameter."""
    return re.sub(r"\{[^}]+\}", SAMPLE, path)


async def test_every_operators_route_that_writes_has_an_attempt(city: City) -> None:
    writing = {(method, path) for method, path in routes_of(city) if is_operators(path) and method != "GET"}
    assert writing - ATTEMPTS.keys() == set(), "write an attempt for each new route"
    assert ATTEMPTS.keys() - writing == set(), "these routes are gone"


@pytest.mark.parametrize("route", sorted(ATTEMPTS), ids=" ".join)
async def test_one_operator_alone_gains_nothing(city: City, route: tuple[str, str]) -> None:
    await ATTEMPTS[route](city)
    try:
        assert await city.gained() == {}
        # Then to approve everything that is open, in two spellings of the same name.
        for path in await city.open_proposals():
            for same in (ALONE, ALONE.upper()):
                answer = await city.call("POST", f"{path}/approve", {"reason": "自己批准"}, by=same)
                assert (answer.status_code, answer.json()["code"]) == (409, "SECOND_PERSON_NEEDED"), path
        assert await city.gained() == {}
    finally:
        for path in await city.open_proposals():
            await city.did(200, "POST", f"{path}/reject", {"reason": "收尾清理"}, by="bob")


async def test_reading_as_an_operator_changes_nothing(city: City) -> None:
    reading = [path for method, path in routes_of(city) if is_operators(path) and method == "GET"]
    assert len(reading) > 15
    await city.mark()
    for path in reading:
        answer = await city.call("GET", filled(path))
        assert answer.status_code < 500, path
    assert await city.gained() == {}


async def test_an_operators_token_opens_no_route_of_citizens_partners_or_services(city: City) -> None:
    """Households, claims, bindings, orders, events, holds: an operator is none of these callers."""
    await city.mark()
    tried = 0
    for method, path in routes_of(city):
        if method == "GET" or is_operators(path):
            continue
        tried += 1
        answer = await city.call_anywhere(method, filled(path), {})
        assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code}"
        if not path.endswith(("/sessions", "/sessions/refresh", "/signature-debug")):  # these have no caller yet
            assert answer.status_code in {401, 403}, f"{method} {path}: {answer.status_code} {answer.text}"
    assert tried > 25
    assert await city.gained() == {}


async def test_an_operators_token_is_no_services_token(city: City) -> None:
    holds = "/internal/accounting/holds"
    for path in (holds, f"{holds}/{SAMPLE}/capture", f"{holds}/{SAMPLE}/void", "/internal/ingest/verify-signature"):
        assert (await city.call_anywhere("POST", path, {})).status_code == 401

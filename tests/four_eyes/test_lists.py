"""Every list route of the four services, with cursors that no list has made."""

import secrets
from urllib.parse import quote

import httpx
import pytest

from shared import clock
from shared.auth import cp1
from tests.accounting.reports import PARTNER
from tests.cursors import FORGED, POSSIBLE, list_routes
from tests.four_eyes.conftest import SERVICES, City
from tests.fuzz.callers import is_partner_route
from tests.ingest.samples import secret_of
from tests.tokens import ALL_OPS


async def _get(city: City, service: str, target: str) -> httpx.Response:
    path = target.partition("?")[0]
    operator = city.tokens.operator(f"{ALL_OPS} ops:accounts")
    headers = operator if "/ops/" in path else city.tokens.citizen(city.person.user_id)
    if is_partner_route(path):
        app_key = f"ak-{PARTNER}"
        headers = {
            "Authorization": cp1.authorization(
                app_key=app_key,
                secret=secret_of(app_key),
                method="GET",
                target=target,
                timestamp=int(clock.now().timestamp()),
                nonce=secrets.token_hex(16),
                body=b"",
            )
        }
    return await city.clients[service].get(target, headers=headers)


@pytest.mark.parametrize("service", SERVICES)
async def test_b6_every_list_route_refuses_a_forged_cursor(city: City, service: str) -> None:
    # A bank signs with a key of its own: tests/rewards/test_loans.py tries its list.
    routes = [one for one in list_routes(city.apps[service].openapi()) if "/rewards/partner/" not in one[0]]
    assert len(routes) >= {"accounts": 1, "ingest": 9, "accounting": 6, "rewards": 6}[service], routes
    wrong = []
    for path, name in routes:
        for cursor in FORGED:
            answer = await _get(city, service, f"{path}?{name}={quote(cursor, safe='')}")
            code = answer.json().get("code")
            if cursor in POSSIBLE and answer.status_code == 200:
                continue
            # A list of something that does not exist may look for it first.
            if answer.status_code not in {422, 404} or (answer.status_code == 422 and code != "INVALID_REQUEST"):
                wrong.append((path, cursor, answer.status_code, code))
    assert wrong == []
    print(f"{service}: {len(routes)} list routes, {len(FORGED)} cursors each")

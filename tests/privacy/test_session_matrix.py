"""Every route that asks for the session × every way in which a session ends, is frozen or lacks a step-up.

Which routes ask is read from their declared codes. Directly and through the gateway.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import jwt
import pytest

from services.accounts.sessions.service import SESSIONS_PER_USER_MAX
from shared.language import Text as Words
from shared.personal_data import Erasure
from tests.contract.personal_data_page import register
from tests.privacy.city import CAMPAIGN, ITEM, Citizen, City
from tests.privacy.routes import Operation, declared
from tests.privacy.ways import DIRECTLY, GATEWAY, NIGHTLY, Way, refusal

pytestmark = pytest.mark.longer

# Reads go on until the token expires, and so do these changes.
WITHOUT_SESSION: Final = {
    "DELETE /api/v1/accounts/sessions/current",  # ends it
    "POST /api/v1/accounting/me/claims",  # gives grams, takes none: the account is the token's own
    "POST /api/v1/rewards/orders/{order_id}/cancel",  # gives back what was spent
}
NEEDS_STEP_UP: Final = {
    "DELETE /api/v1/accounts/me",
    "DELETE /api/v1/accounts/me/bindings/{binding_id}",
    "POST /api/v1/accounts/enterprises/{enterprise_id}/members",
    "PUT /api/v1/accounts/me/phone",
}
# An offset of loan interest needs a bank's quote, which nobody has here: tests/rewards/test_loans.py.
SPENDS: Final = {"POST /api/v1/rewards/orders", "POST /api/v1/rewards/campaigns/{campaign_id}/donations"}
_ENDS_SESSIONS: Final = {"DELETE /api/v1/accounts/sessions/current", "DELETE /api/v1/accounts/me/sessions"}
_WITHIN_A_DAY: Final = {Words("1 天", "1 day")}


@pytest.fixture
def operations(city: City) -> list[Operation]:
    """What a citizen may call."""
    found = declared(city.apps)
    return [one for one in found if one.requires == "citizen"]


async def ask(person: Citizen, one: Operation, body: Any = None, **values: str) -> httpx.Response:
    path = one.filled(values).removeprefix(f"/api/v1/{one.service}")
    return await person.call(
        one.service, one.method.upper(), path, json=body or one.body, params=dict(one.query),
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )  # fmt: skip


def session_of(person: Citizen) -> str:
    token = person.headers["Authorization"].removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})["jti"]).partition(".")[0]


async def log_out(_city: City, anna: Citizen, _other: Citizen) -> None:
    assert (await anna.call("accounts", "DELETE", "/sessions/current")).status_code == 204


async def end_from_elsewhere(_city: City, anna: Citizen, other: Citizen) -> None:
    assert (await other.call("accounts", "DELETE", f"/me/sessions/{session_of(anna)}")).status_code == 204


async def end_all(_city: City, _anna: Citizen, other: Citizen) -> None:
    assert (await other.call("accounts", "DELETE", "/me/sessions")).status_code == 204


async def refresh_twice(city: City, anna: Citizen, _other: Citizen) -> None:
    """The same refresh token again, after the minute in which a lost answer is repeated."""
    for expected in (200, 401):
        answer = await city.http["accounts"].post(
            "/api/v1/accounts/sessions/refresh", json={"refresh_token": anna.refresh_token}
        )
        assert answer.status_code == expected, answer.text
        await city.admin.execute("UPDATE accounts.refresh_token SET used_at = used_at - interval '61 s'")
    assert answer.json()["code"] == "REFRESH_TOKEN_REUSED"


async def log_in_too_often(city: City, anna: Citizen, _other: Citizen) -> None:
    for _ in range(SESSIONS_PER_USER_MAX):
        await city.visitor(anna.openid)


async def grow_old(city: City, _anna: Citizen, _other: Citizen) -> None:
    """The life of a session is over, whenever its tokens were refreshed."""
    await city.admin.execute("UPDATE accounts.login_session SET expires_at = now()")


async def erase(city: City, anna: Citizen, _other: Citizen) -> None:
    await anna.step_up()
    assert (await anna.call("accounts", "DELETE", "/me")).status_code == 202
    await city.end_cooling_off()
    await city.erase_all_due()


ENDINGS: dict[str, Callable[[City, Citizen, Citizen], Awaitable[None]]] = {
    one.__name__: one
    for one in (log_out, end_from_elsewhere, end_all, refresh_twice, log_in_too_often, grow_old, erase)
}


# The gateway knows no sessions. So the suite takes one of them there, and the nightly profile all.
WAYS: Final = [
    *((DIRECTLY, end) for end in ENDINGS),
    *((GATEWAY, end) for end in ENDINGS if NIGHTLY or end == "log_out"),
]


def test_every_change_asks_for_the_session(operations: list[Operation]) -> None:
    """A new route must choose: it asks for the session, or it is named above with its reason."""
    changes = {str(one) for one in operations if one.method != "get"}
    asking = {str(one) for one in operations if "SESSION_ENDED" in one.codes}
    assert changes - asking == WITHOUT_SESSION
    assert len(asking) > 60


@pytest.mark.parametrize(("way", "end"), WAYS, indirect=["way"])
async def test_an_ended_session_is_refused_wherever_it_is_asked_for(
    way: Way, operations: list[Operation], end: str
) -> None:
    anna, other = await way.city.citizen("anna"), await way.city.citizen("anna")
    assert (await anna.call("accounts", "GET", "/me/sessions")).status_code == 200
    await ENDINGS[end](way.city, anna, other)
    wrong = []
    for one in operations:
        answer = await ask(anna, one)
        # Where the person is looked for before the session, the erased one is not found.
        right = {(401, "SESSION_ENDED"), (401, "UNAUTHENTICATED") if end == "erase" else (401, "SESSION_ENDED")}
        if "SESSION_ENDED" in one.codes and refusal(answer) not in right:
            wrong.append(f"{one}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


async def test_the_token_of_an_erased_person_shows_and_changes_nothing_of_anybody(
    inside: Way, operations: list[Operation]
) -> None:
    city = inside.city
    anna, other = await city.citizen("anna"), await city.citizen("anna")
    await erase(city, anna, other)
    for one in operations:
        answer = await ask(anna, one)
        if one.method == "get" or str(one) in WITHOUT_SESSION:
            assert answer.status_code != 201, (str(one), answer.text)
    for schema, column in (("accounts", "user_id"), ("rewards", "user_id"), ("accounting", "account_id")):
        owner = anna.account_id if column == "account_id" else anna.user_id
        tables = await city.admin.fetch(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = $1 AND column_name = $2",
            schema, column,
        )  # fmt: skip
        for (table,) in tables:
            found = await city.admin.fetchval(f"SELECT count(*) FROM {schema}.{table} WHERE {column} = $1", owner)
            kept = register(schema)[table]
            passes = kept.erasure is not Erasure.DELETE or kept.until in _WITHIN_A_DAY
            assert found == 0 or passes, (schema, table)


async def test_a_route_that_needs_a_step_up_takes_no_session_without_a_fresh_one(
    way: Way, operations: list[Operation]
) -> None:
    city = way.city
    needing = [one for one in operations if "STEP_UP_REQUIRED" in one.codes]
    assert {str(one) for one in needing} >= NEEDS_STEP_UP
    anna, tablet = await city.citizen("anna"), await city.citizen("anna")
    assert (await anna.call("accounts", "PUT", "/me/phone", json={"code": "dev-phone:13877770066"})).is_success
    for one in sorted(needing, key=str, reverse=True):  # `DELETE /me` last
        await city.admin.execute("UPDATE accounts.login_session SET stepped_up_at = NULL")
        assert refusal(await ask(anna, one)) == (403, "STEP_UP_REQUIRED"), f"{one}: missing"
        await tablet.step_up()
        assert refusal(await ask(anna, one)) == (403, "STEP_UP_REQUIRED"), f"{one}: of another session"
        await anna.step_up()
        await city.admin.execute("UPDATE accounts.login_session SET stepped_up_at = stepped_up_at - interval '300 s'")
        assert refusal(await ask(anna, one)) == (403, "STEP_UP_REQUIRED"), f"{one}: expired"
        await city.admin.execute("UPDATE accounts.login_session SET stepped_up_at = stepped_up_at + interval '10 s'")
        assert refusal(await ask(anna, one))[1] not in {"STEP_UP_REQUIRED", "SESSION_ENDED"}, f"{one}: fresh"


async def test_a_frozen_person_spends_nothing_and_does_all_the_rest(way: Way, operations: list[Operation]) -> None:
    city = way.city
    await city.open_shop()
    anna = await city.citizen("anna")
    frozen = await city.http["accounting"].post(
        f"/api/v1/accounting/ops/accounts/{anna.account_id}/freeze",
        json={"reason": "suspicion"},
        headers=city.tokens.operator(),
    )
    assert frozen.status_code == 200, frozen.text
    spent = set()
    for one in operations:
        if str(one) in _ENDS_SESSIONS:
            continue
        body = {**one.body, "item_id": ITEM} if str(one) == "POST /api/v1/rewards/orders" else None
        status, code = refusal(await ask(anna, one, body, campaign_id=CAMPAIGN, item_id=ITEM))
        assert status != 401, str(one)
        if code == "ACCOUNT_FROZEN":
            assert status == 409
            spent.add(str(one))
    assert spent == SPENDS

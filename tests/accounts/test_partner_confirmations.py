"""Account numbers that the partner confirms, bindings that the partner ends, and why each one ended."""

import asyncio
import hashlib
import hmac
import json
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_account_partner import AccountPartner
from deploy.local.fake_phone_partner import PhonePartner
from services.accounts.bindings import confirming
from services.accounts.bindings import service as bindings
from services.accounts.bindings.domain import CONFIRMED_WITHIN, EndReason
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.auth import cp1
from shared.contracts.identity import account_key
from tests.accounts.conftest import BASE, REF_PEPPER, Db, PartnerClient, People, Person, code_of, published
from tests.accounts.fakes import KEYS, METRO_PEPPER, Hello

PARTNER = f"{BASE}/partner/bindings"


@pytest.fixture
def meter(client: httpx.AsyncClient) -> AccountPartner:
    """The electricity company of the local stack: it signs its requests and keeps its own list of customers."""
    app_key = "ak_meter"
    return AccountPartner(client, app_key=app_key, secret=KEYS[app_key][1])


async def signed(
    client: httpx.AsyncClient, method: str, path: str, *, app_key: str = "ak_meter", body: Any = None
) -> httpx.Response:
    raw = b"" if body is None else json.dumps(body).encode()
    header = cp1.authorization(
        app_key=app_key,
        secret=KEYS[app_key][1],
        method=method,
        target=path,
        timestamp=int(clock.now().timestamp()),
        nonce=uuid.uuid4().hex,
        body=raw,
    )
    return await client.request(method, path, content=raw, headers={"Authorization": header})


async def pending(person: Person) -> dict[str, Any]:
    answer = await person.bind("meter")
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    assert document["status"] == "pending"
    return document


async def bindings_of(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await person.call("GET", "/me/bindings")).json()["items"]
    return items


async def end_overdue(app: FastAPI, settings: Settings) -> int:
    async with app.state.db.transaction() as session:
        return await confirming.end_unconfirmed(session, settings=settings)


async def test_a_number_waits_until_the_partner_confirms_it_and_then_counts_from_the_binding_on(
    people: People, meter: AccountPartner, db: Db
) -> None:
    anna = await people.new()
    waiting = await pending(anna)
    assert waiting["confirm_before"] > waiting["since"]
    assert await meter.look() == {"confirmed": 0, "refused": 0, "waiting": 1}
    meter.register("customer-1", anna.account["account_no"])
    assert await meter.look() == {"confirmed": 1, "refused": 0, "waiting": 0}
    [bound] = await bindings_of(anna)
    assert (bound["status"], bound["confirm_before"], bound["ended_reason"]) == ("active", None, None)
    assert bound["counts_from"] == waiting["counts_from"]
    first, second = await published(db)
    assert [(one.version, one.status) for one in (first, second)] == [(1, "pending"), (2, "active")]
    assert first.account_key == account_key(REF_PEPPER, "meter", "account_no", anna.account["account_no"])
    assert await meter.look() == {"confirmed": 0, "refused": 0, "waiting": 0}


async def test_a_pending_binding_is_shown_among_the_scenes_but_not_as_bound(
    people: People, client: httpx.AsyncClient
) -> None:
    anna = await people.new()
    waiting = await pending(anna)
    scenes = (await client.get(f"{BASE}/scenes", headers=anna.headers)).json()["items"]
    [mine] = [partner["my_binding"] for scene in scenes for partner in scene["partners"] if partner["my_binding"]]
    assert (mine["binding_id"], mine["status"]) == (waiting["binding_id"], "pending")
    assert "meter" not in (await anna.call("GET", "/me")).text


async def test_a_number_that_is_nobodys_ends_the_binding_with_its_reason(
    people: People, meter: AccountPartner, db: Db
) -> None:
    anna = await people.new()
    await pending(anna)
    meter.disown(anna.account["account_no"])
    assert (await meter.look())["refused"] == 1
    [ended] = await bindings_of(anna)
    assert (ended["status"], ended["ended_reason"]) == ("ended", "refused_by_partner")
    assert [one.status for one in await published(db)] == ["pending", "ended"]
    assert (await anna.bind("meter")).status_code == 201, "the citizen may try again"


async def test_a_partner_that_never_answers_ends_the_binding_after_its_time(
    people: People, app: FastAPI, settings: Settings, db: Db, monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient
) -> None:
    anna = await people.new()
    waiting = await pending(anna)
    assert await end_overdue(app, settings) == 0
    later = clock.now() + CONFIRMED_WITHIN + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert code_of(await signed(client, "POST", f"{PARTNER}/{waiting['binding_id']}/confirm")) == (
        409,
        "BINDING_NOT_PENDING",
    )
    assert await end_overdue(app, settings) == 1
    assert await end_overdue(app, settings) == 0
    monkeypatch.undo()
    [ended] = await bindings_of(anna)
    assert (ended["status"], ended["ended_reason"], ended["confirm_before"]) == ("ended", "not_confirmed", None)
    assert [one.status for one in await published(db)] == ["pending", "ended"]


async def test_a_confirmation_is_repeatable_and_an_ended_binding_stays_ended(
    people: People, client: httpx.AsyncClient, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    one, other = await pending(anna), await pending(bert)
    path = f"{PARTNER}/{one['binding_id']}"
    answers = [await signed(client, "POST", f"{path}/confirm") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert code_of(await signed(client, "POST", f"{path}/refuse")) == (409, "BINDING_NOT_PENDING")
    path = f"{PARTNER}/{other['binding_id']}"
    assert [(await signed(client, "POST", f"{path}/refuse")).status_code for _ in range(2)] == [200, 200]
    assert code_of(await signed(client, "POST", f"{path}/confirm")) == (409, "BINDING_NOT_PENDING")
    assert len(await published(db)) == 4


async def test_a_confirmation_races_the_citizens_end_and_a_refusal_and_one_of_them_wins(
    people: People, client: httpx.AsyncClient, db: Db
) -> None:
    for _ in range(5):
        anna = await people.new()
        waiting = await pending(anna)
        path = f"{PARTNER}/{waiting['binding_id']}"
        await asyncio.gather(
            signed(client, "POST", f"{path}/confirm"),
            signed(client, "POST", f"{path}/refuse"),
            anna.unbind(waiting["binding_id"]),
        )
        [ended] = await bindings_of(anna)
        assert ended["status"] == "ended"
    by_binding: dict[uuid.UUID, list[int]] = {}
    for change in await published(db):
        by_binding.setdefault(change.binding_id, []).append(change.version)
    assert all(versions == list(range(1, len(versions) + 1)) for versions in by_binding.values())


async def test_a_binding_of_another_partner_does_not_exist_for_a_partner(
    people: People, client: httpx.AsyncClient
) -> None:
    anna = await people.new()
    waiting = await pending(anna)
    path = f"{PARTNER}/{waiting['binding_id']}"
    not_found = (404, "BINDING_NOT_FOUND")
    for method, suffix in (("POST", "/confirm"), ("POST", "/refuse"), ("DELETE", "")):
        assert code_of(await signed(client, method, path + suffix, app_key="ak_didi")) == not_found
    body = {"account_ref": {"type": "account_no", "value": anna.account["account_no"]}}
    assert code_of(await signed(client, "POST", f"{PARTNER}/end", app_key="ak_didi", body=body)) == not_found
    listed = (await signed(client, "GET", PARTNER, app_key="ak_didi")).json()
    assert (listed["items"], listed["has_more"]) == ([], False)
    assert (await bindings_of(anna))[0]["status"] == "pending"


@pytest.mark.parametrize("path", ["/x/confirm", f"/{uuid.UUID(int=1)}/confirm", f"/{uuid.UUID(int=1)}/refuse"])
async def test_the_routes_of_partners_need_a_signature(client: httpx.AsyncClient, path: str) -> None:
    assert code_of(await client.post(PARTNER + path)) in {(401, "SIGNATURE_INVALID"), (422, "INVALID_REQUEST")}
    assert code_of(await client.get(PARTNER)) == (401, "SIGNATURE_INVALID")
    assert code_of(await client.delete(f"{PARTNER}/{uuid.uuid4()}")) == (401, "SIGNATURE_INVALID")


async def test_the_list_of_a_partner_has_pages_and_shows_numbers_only_where_they_were_given(
    people: People, client: httpx.AsyncClient, partners: PartnerClient
) -> None:
    crowd = [await people.new() for _ in range(3)]
    for person in crowd:
        await pending(person)
    path = f"{PARTNER}?status=pending&limit=2"
    first = (await signed(client, "GET", path)).json()
    rest = (await signed(client, "GET", f"{path}&cursor={first['next_cursor']}")).json()
    numbers = [item["account_no"] for item in first["items"] + rest["items"]]
    assert numbers == [person.account["account_no"] for person in reversed(crowd)]
    assert "user_id" not in first["items"][0]
    assert "account_id" not in first["items"][0]
    await partners.confirm(await crowd[0].token(), "member-1")
    [shown] = (await signed(client, "GET", PARTNER, app_key="ak_didi")).json()["items"]
    assert (shown["mode"], shown["account_no"]) == ("token", None)


async def test_a_customer_who_left_the_partner_is_unbound_by_the_partner_and_sees_why(
    people: People, meter: AccountPartner, client: httpx.AsyncClient, db: Db
) -> None:
    anna = await people.new()
    await pending(anna)
    meter.register("customer-1", anna.account["account_no"])
    await meter.look()
    assert await meter.leave("customer-1")
    assert not await meter.leave("customer-1")
    [ended] = await bindings_of(anna)
    assert (ended["status"], ended["ended_reason"]) == ("ended", "partner")
    assert [one.status for one in await published(db)] == ["pending", "active", "ended"]


async def test_a_partner_ends_a_binding_by_its_id_and_the_tokens_end_as_well(
    people: People, client: httpx.AsyncClient, hello: Hello, db: Db
) -> None:
    anna = await people.new()
    bound = (await anna.bind_hello()).json()
    path = f"{PARTNER}/{bound['binding_id']}"
    answers = [await signed(client, "DELETE", path, app_key="ak_hello") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    [ended] = await bindings_of(anna)
    assert ended["ended_reason"] == "partner"
    assert await db.fetchval("SELECT revoke_at IS NOT NULL FROM accounts.partner_grant")


async def test_a_partner_names_a_customer_as_in_its_events(people: People, client: httpx.AsyncClient) -> None:
    anna = await people.new()
    await anna.bind_hello("rider-7")
    hello_id = {"type": "open_id", "value": "somebody-else"}
    answer = await signed(client, "POST", f"{PARTNER}/end", app_key="ak_hello", body={"account_ref": hello_id})
    assert code_of(answer) == (404, "BINDING_NOT_FOUND")
    wrong = {"account_ref": {"type": "telepathy", "value": "x"}}
    answer = await signed(client, "POST", f"{PARTNER}/end", app_key="ak_hello", body=wrong)
    assert code_of(answer) == (422, "INVALID_REQUEST")


async def test_a_phone_partner_really_hashes_and_a_new_number_ends_and_renews_the_binding(
    people: People, db: Db
) -> None:
    """The known answer of the README, computed by the partner's own code."""
    known = PhonePartner("pepper-of-a-partner")
    assert known.register("c", "13800138000")
    found = known.account_ref("c")
    assert found is not None
    assert found["value"] == "e959b959a8165ca3913e4cc0bf716d2621e210f2e39feb50a2988a7c0cbeec8a"
    metro, anna = PhonePartner(METRO_PEPPER), await people.new()

    async def number(phone: str) -> str:
        metro.register("passenger", phone)
        await anna.step_up()
        await anna.call("PUT", "/me/phone", json={"code": f"dev-phone:{phone}"})
        assert (await anna.bind("metro", "phone_hash")).status_code == 201
        named = metro.account_ref("passenger")
        assert named is not None
        return account_key(REF_PEPPER, "metro", "phone_hash", named["value"])

    first, second = await number("13812345678"), await number("13912345678")
    changes = await published(db)
    assert [(one.account_key, one.status) for one in changes] == [
        (first, "active"),
        (first, "ended"),
        (second, "active"),
    ]
    assert [one["ended_reason"] for one in await bindings_of(anna)] == [None, "phone_changed"]


def test_a_phone_partner_refuses_what_is_no_number() -> None:
    partner = PhonePartner("pepper")
    assert [partner.register("c", text) for text in ("", "+", "+0123456789", "12 34", "abc")] == [False] * 5
    assert partner.account_ref("c") is None
    assert hmac.new(b"pepper", b"x", hashlib.sha256).hexdigest() != ""


async def test_every_end_has_its_reason_in_the_history(people: People, app: FastAPI, settings: Settings) -> None:
    anna = await people.new()
    first = (await anna.bind("didi")).json()
    await anna.unbind(first["binding_id"])
    await anna.bind("didi")
    await anna.call("DELETE", "/me/consents", params={"purpose": "data_processing"})
    await anna.open_account()
    async with app.state.db.transaction() as session:
        await users.lock_user(session, user_id=anna.user_id)
        await bindings.end_all(session, settings=settings, user_id=anna.user_id, reason=EndReason.ERASED)
    reasons = [one["ended_reason"] for one in await bindings_of(anna)]
    assert reasons == ["erased", "consent_given_again", "citizen"]


async def test_consent_given_again_while_a_number_waits_leaves_it_waiting(
    people: People, meter: AccountPartner
) -> None:
    anna = await people.new()
    first = await pending(anna)
    await anna.call("DELETE", "/me/consents", params={"purpose": "data_processing"})
    await anna.open_account()
    [successor] = (await anna.call("GET", "/me/bindings", params={"status": "pending"})).json()["items"]
    assert successor["confirm_before"] == first["confirm_before"]
    meter.register("customer-1", anna.account["account_no"])
    assert (await meter.look())["confirmed"] == 1

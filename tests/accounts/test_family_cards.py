"""Family cards: opened by a proxy or at a window, bound, lost, ended, handed over; forged, enumerated, raced."""

import asyncio
import io
import json
import uuid
from typing import Any

import httpx
import msgspec
import pytest

from services.accounts.carbon_accounts import domain as numbers
from services.accounts.family_cards import service as family_cards
from services.accounts.family_cards.domain import LIVE_CARDS_MAX
from shared import clock
from shared.auth import cp1
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.households_v1 import CardChanged
from shared.contracts.identity import person_account_id
from tests.accounts.conftest import BASE, Db, People, Person, code_of
from tests.accounts.fakes import KEYS
from tests.accounts.test_households import facts

CONSENT = {"policy_version": "2026-11"}
OPS = f"{BASE}/ops/family-cards"
WHY = {"reason": "窗口三号，本人到场"}
NOT_FOUND = (404, "FAMILY_CARD_NOT_FOUND")


async def open_card(person: Person, **changes: Any) -> dict[str, Any]:
    answer = await person.call("POST", "/me/family-cards", json={"kind": "paper", "consent": CONSENT} | changes)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


async def device_check(client: httpx.AsyncClient, qr: str, *, app_key: str = "ak_didi") -> httpx.Response:
    path = f"{BASE}/partner/family-cards/check"
    body = json.dumps({"qr": qr}).encode()
    header = cp1.authorization(
        app_key=app_key,
        secret=KEYS[app_key][1],
        method="POST",
        target=path,
        timestamp=int(clock.now().timestamp()),
        nonce=uuid.uuid4().hex,
        body=body,
    )
    return await client.post(path, content=body, headers={"Authorization": header, "Content-Type": "application/json"})


async def card_facts(db: Db) -> list[CardChanged]:
    return [fact for fact in await facts(db) if isinstance(fact, CardChanged)]


async def events(db: Db) -> list[tuple[str, str]]:
    rows = await db.fetch("SELECT action, by FROM accounts.family_card_event ORDER BY event_id")
    return [(row["action"], row["by"]) for row in rows]


async def test_a_proxy_opens_a_card_with_an_account_of_its_own(people: People, db: Db, logs: io.StringIO) -> None:
    child = await people.new()
    printed = await open_card(child, label="外婆金丝雀")
    card = printed["card"]
    assert printed["qr_svg"].startswith("<svg")
    assert numbers.is_account_no(card["account_no"])
    assert card["account_no"] != child.account["account_no"]
    assert (card["label"], card["opened_through"], card["has_proxy"]) == ("外婆金丝雀", "proxy", True)
    assert (await child.call("GET", f"/me/family-cards/{card['card_id']}")).json() == card
    assert (await child.call("GET", "/me/family-cards")).json()["items"] == [card]
    holder = await db.fetchrow(
        "SELECT u.user_id, u.openid_hash, c.purpose, c.policy_version FROM accounts.family_card f"
        " JOIN accounts.app_user u USING (user_id) JOIN accounts.consent c USING (user_id)"
    )
    assert holder is not None
    assert (holder["openid_hash"], holder["purpose"], holder["policy_version"]) == (None, "data_processing", "2026-11")
    assert str(person_account_id(holder["user_id"])) == card["account_id"]
    [fact] = await card_facts(db)
    assert (fact.account_id, fact.proxy_account_id, fact.ended_at) == (
        uuid.UUID(card["account_id"]),
        person_account_id(child.user_id),
        None,
    )
    assert await events(db) == [("opened", "proxy")]
    assert await db.fetchval("SELECT policy_version FROM accounts.family_card_event") == "2026-11"
    for table in ("family_card", "family_card_event", "outbox", "app_user"):
        for row in await db.fetch(f"SELECT t::text AS text FROM accounts.{table} t"):
            assert "金丝雀" not in row["text"]
            assert printed["qr"] not in row["text"]
    assert printed["qr"] not in logs.getvalue()


async def test_a_card_earns_through_partners_under_its_number(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    child = await people.new()
    card = (await open_card(child))["card"]
    path = f"/me/family-cards/{card['card_id']}/bindings"
    answer = await child.call("POST", path, json={"partner_id": "didi"})
    assert answer.status_code == 201, answer.text
    again = await child.call("POST", path, json={"partner_id": "didi"})
    assert again.json()["binding_id"] == answer.json()["binding_id"], "a card bound twice has one binding"
    [change] = await published_bindings(db)
    assert str(change.account_id) == card["account_id"]
    assert [one["partner_id"] for one in (await child.call("GET", path)).json()["items"]] == ["didi"]
    assert (await child.call("GET", "/me/bindings")).json()["items"] == [], "not a binding of the proxy"
    refused = await child.call("POST", path, json={"partner_id": "huishou"})
    assert code_of(refused) == (409, "BINDING_MODE_UNAVAILABLE")
    binding_id = answer.json()["binding_id"]
    assert (await child.call("DELETE", f"{path}/{binding_id}")).status_code == 204
    assert [one["status"] for one in (await child.call("GET", path)).json()["items"]] == ["ended"]
    assert await events(db) == [("opened", "proxy"), ("bound:didi", "proxy"), ("unbound", "proxy")]


async def published_bindings(db: Db) -> list[BindingChanged]:
    found = []
    for row in await db.fetch("SELECT records FROM accounts.outbox WHERE topic = 'accounts.bindings.v1' ORDER BY id"):
        for _, value, _ in msgspec.msgpack.decode(row["records"]):
            found.append(msgspec.json.decode(value, type=BindingChanged))
    return found


async def test_the_code_of_a_lost_card_is_dead_at_once(client: httpx.AsyncClient, people: People, db: Db) -> None:
    child = await people.new()
    printed = await open_card(child)
    card = printed["card"]
    answer = await device_check(client, printed["qr"])
    assert (answer.status_code, answer.json()) == (200, {"account_no": card["account_no"]})
    renewed = (await child.call("POST", f"/me/family-cards/{card['card_id']}/qr")).json()
    assert renewed["qr"] != printed["qr"]
    assert code_of(await device_check(client, printed["qr"])) == NOT_FOUND
    assert (await device_check(client, renewed["qr"])).status_code == 200
    assert (await child.call("DELETE", f"/me/family-cards/{card['card_id']}")).status_code == 204
    assert code_of(await device_check(client, renewed["qr"])) == NOT_FOUND
    for forged in ("cfc_" + "A" * 24, "cfh_x", card["account_no"], renewed["qr"][:-1], renewed["qr"].lower()):
        assert code_of(await device_check(client, forged)) == NOT_FOUND


async def test_an_ended_card_is_useless_and_its_bindings_end(people: People, db: Db) -> None:
    child = await people.new()
    card = (await open_card(child))["card"]
    path = f"/me/family-cards/{card['card_id']}"
    await child.call("POST", f"{path}/bindings", json={"partner_id": "didi"})
    assert (await child.call("DELETE", path)).status_code == 204
    assert [one.status for one in await published_bindings(db)] == ["active", "ended"]
    assert [(one.version, one.ended_at is None) for one in await card_facts(db)] == [(1, True), (2, False)]
    seen = (await child.call("GET", path)).json()
    assert (seen["ended_reason"], seen["ended_at"] is None) == ("ended", False)
    for method, part, body in (
        ("POST", "/qr", None),
        ("POST", "/handover", None),
        ("GET", "/bindings", None),
        ("POST", "/bindings", {"partner_id": "didi"}),
        ("DELETE", "", None),
    ):
        assert code_of(await child.call(method, path + part, json=body)) == NOT_FOUND


async def test_others_learn_nothing_of_a_card(people: People) -> None:
    child, other = await people.new(), await people.new()
    card = (await open_card(child))["card"]
    for card_id in (card["card_id"], str(uuid.uuid4())):
        path = f"/me/family-cards/{card_id}"
        for method, part, body in (
            ("GET", "", None),
            ("POST", "/qr", None),
            ("POST", "/handover", None),
            ("GET", "/bindings", None),
            ("POST", "/bindings", {"partner_id": "didi"}),
            ("DELETE", f"/bindings/{uuid.uuid4()}", None),
            ("DELETE", "", None),
        ):
            assert code_of(await other.call(method, path + part, json=body)) == NOT_FOUND
    assert (await other.call("GET", "/me/family-cards")).json()["items"] == []


async def test_a_person_is_the_proxy_of_few_cards_also_at_once(people: People, db: Db) -> None:
    child = await people.new()
    body = {"kind": "transit", "consent": CONSENT}
    asked = [child.call("POST", "/me/family-cards", json=body) for _ in range(LIVE_CARDS_MAX + 2)]
    codes = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert (codes.count(201), codes.count(409)) == (LIVE_CARDS_MAX, 2)
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user WHERE openid_hash IS NULL") == LIVE_CARDS_MAX
    without = await people.new(with_account=False)
    assert code_of(await without.call("POST", "/me/family-cards", json=body)) == (409, "CARBON_ACCOUNT_NOT_OPENED")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "paper"},
        {"kind": "gold", "consent": CONSENT},
        {"kind": "paper", "consent": CONSENT, "monthly_limit_mg": 0},
        {"kind": "paper", "consent": CONSENT, "monthly_limit_mg": 50_000_001},
        {"kind": "paper", "consent": {"policy_version": "2019-01"}},
    ],
)
async def test_a_card_without_consent_or_beyond_the_limits_is_refused(
    people: People, db: Db, body: dict[str, Any]
) -> None:
    child = await people.new()
    assert (await child.call("POST", "/me/family-cards", json=body)).status_code == 422
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user WHERE openid_hash IS NULL") == 0


async def test_the_holder_takes_the_account_over_with_the_first_phone(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    child = await people.new()
    printed = await open_card(child)
    card = printed["card"]
    path = f"/me/family-cards/{card['card_id']}"
    await child.call("POST", f"{path}/bindings", json={"partner_id": "didi"})
    code = (await child.call("POST", f"{path}/handover")).json()["code"]
    granny = await people.new("granny-openid", with_account=False)
    answer = await granny.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
    assert (answer.status_code, answer.json()) == (200, {"purpose": "handover", "log_in_again": True})
    assert code_of(await granny.call("POST", "/me/carbon-account", json={"consent": CONSENT})) == (
        401,
        "SESSION_ENDED",
    )
    again = await people.new("granny-openid", with_account=False)
    me = (await again.call("GET", "/me")).json()
    assert me["carbon_account"]["account_no"] == card["account_no"], "the account with its grams"
    assert me["bindings"]["partner_ids"] == ["didi"]
    assert again.user_id != granny.user_id
    assert code_of(await device_check(client, printed["qr"])) == NOT_FOUND
    assert code_of(await child.call("POST", f"{path}/qr")) == NOT_FOUND
    last = (await card_facts(db))[-1]
    assert last.ended_at is not None
    assert (await events(db))[-1] == ("handed_over", "person")
    assert code_of(await again.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})) == (
        404,
        "FAMILY_CARD_CODE_INVALID",
    )


async def test_who_has_an_account_takes_none_over(people: People) -> None:
    child, other = await people.new(), await people.new()
    card = (await open_card(child))["card"]
    code = (await child.call("POST", f"/me/family-cards/{card['card_id']}/handover")).json()["code"]
    answer = await other.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
    assert code_of(answer) == (409, "OWN_ACCOUNT_OPENED")
    fresh = await people.new(with_account=False)
    without = await fresh.call("POST", "/me/family-cards/claim", json={"code": code})
    assert code_of(without) == (422, "POLICY_VERSION_UNKNOWN")
    assert (await fresh.call("GET", "/me")).status_code == 200, "a refusal ends no session"
    taken = await fresh.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
    assert taken.status_code == 200


async def test_a_code_is_used_once_by_whatever_race(people: People, db: Db) -> None:
    child = await people.new()
    card = (await open_card(child))["card"]
    code = (await child.call("POST", f"/me/family-cards/{card['card_id']}/handover")).json()["code"]
    rivals = [await people.new(f"rival-{number}", with_account=False) for number in range(4)]
    body = {"code": code, "consent": CONSENT}
    answers = await asyncio.gather(*(one.call("POST", "/me/family-cards/claim", json=body) for one in rivals))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user WHERE openid_hash IS NULL") == 1


async def test_a_new_code_or_a_code_of_yesterday_kills_the_old_one(people: People, db: Db) -> None:
    child, granny = await people.new(), await people.new(with_account=False)
    path = f"/me/family-cards/{(await open_card(child))['card']['card_id']}/handover"
    old = (await child.call("POST", path)).json()["code"]
    new = (await child.call("POST", path)).json()["code"]
    await db.execute("UPDATE accounts.family_card_code SET expires_at = now()")
    for code in (old, new, "cfh_" + "A" * 24):
        answer = await granny.call("POST", "/me/family-cards/claim", json={"code": code, "consent": CONSENT})
        assert code_of(answer) == (404, "FAMILY_CARD_CODE_INVALID")


async def test_guessing_codes_is_limited_also_when_it_fails(people: People) -> None:
    guesser = await people.new()
    body = {"code": "cfh_guess", "consent": CONSENT}
    asked = [guesser.call("POST", "/me/family-cards/claim", json=body) for _ in range(13)]
    codes = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert (codes.count(404), codes.count(429)) == (10, 3)


async def test_renewing_and_ending_at_once_leave_no_live_code(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    for _ in range(4):
        child = await people.new()
        card = (await open_card(child))["card"]
        path = f"/me/family-cards/{card['card_id']}"
        renewed, ended = await asyncio.gather(child.call("POST", f"{path}/qr"), child.call("DELETE", path))
        assert ended.status_code == 204
        if renewed.status_code == 201:
            assert code_of(await device_check(client, renewed.json()["qr"])) == NOT_FOUND


async def test_a_handover_that_dies_between_its_steps_leaves_everything_as_it_was(
    client: httpx.AsyncClient, people: People, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = await people.new()
    printed = await open_card(child)
    code = (await child.call("POST", f"/me/family-cards/{printed['card']['card_id']}/handover")).json()["code"]
    granny = await people.new("granny-2", with_account=False)
    body = {"code": code, "consent": CONSENT}

    async def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(family_cards, "record", die)  # the last step
        assert (await granny.call("POST", "/me/family-cards/claim", json=body)).status_code == 500
    assert (await granny.call("GET", "/me")).json()["carbon_account"] is None
    assert (await device_check(client, printed["qr"])).status_code == 200
    assert (await granny.call("POST", "/me/family-cards/claim", json=body)).status_code == 200
    again = await people.new("granny-2", with_account=False)
    number = (await again.call("GET", "/me")).json()["carbon_account"]["account_no"]
    assert number == printed["card"]["account_no"]

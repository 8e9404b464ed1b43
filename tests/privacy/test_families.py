"""Families leave and take their data: proxies of family cards, holders who took theirs over, owners of households."""

import json
from typing import Any

from tests.privacy.city import Citizen, City
from tests.privacy.test_leaving import archive_of

CONSENT = {"policy_version": "2026-11"}


async def open_card(city: City, proxy: Citizen) -> dict[str, Any]:
    wanted = {"kind": "paper", "label": "外婆金丝雀", "consent": CONSENT}
    opened = await proxy.call("accounts", "POST", "/me/family-cards", json=wanted)
    assert opened.status_code == 201, opened.text
    await city.relay()
    card: dict[str, Any] = opened.json()["card"]
    return card


async def take_over(city: City, proxy: Citizen, card: dict[str, Any], openid: str) -> Citizen:
    code = (await proxy.call("accounts", "POST", f"/me/family-cards/{card['card_id']}/handover")).json()["code"]

    async def log_in() -> Citizen:
        answer = await city.http["accounts"].post("/api/v1/accounts/sessions", json={"code": f"dev:{openid}"})
        return Citizen(city, answer.json(), f"dev:{openid}")

    empty = await log_in()
    claim = {"code": code, "consent": CONSENT}
    claimed = await empty.call("accounts", "POST", "/me/family-cards/claim", json=claim)
    assert claimed.status_code == 200, claimed.text
    await city.relay()
    return await log_in()


async def leave(city: City, person: Citizen) -> None:
    await person.step_up()
    planned = await person.call("accounts", "DELETE", "/me")
    assert planned.status_code == 202, planned.text
    await city.end_cooling_off()
    await city.erase_all_due()
    await city.relay()


async def test_a_card_stays_without_a_proxy_when_the_proxy_leaves(city: City) -> None:
    anna = await city.citizen("anna")
    card = await open_card(city, anna)
    projected = "SELECT account_id::text AS account, proxy_account_id AS proxy FROM accounting.family_card"
    assert [row["proxy"] for row in await city.admin.fetch(projected)] == [anna.account_id]
    await leave(city, anna)
    assert [tuple(row) for row in await city.admin.fetch(projected)] == [(card["account_id"], None)]
    kept = await city.admin.fetch("SELECT proxy_user_id, label_sealed, ended_at FROM accounts.family_card")
    assert [tuple(row) for row in kept] == [(None, None, None)]


async def test_a_holder_who_took_a_card_over_leaves_and_the_card_names_nobody(city: City) -> None:
    anna = await city.citizen("anna")
    card = await open_card(city, anna)
    grandma = await take_over(city, anna, card, "grandma")
    assert str(grandma.account_id) == card["account_id"]
    await leave(city, grandma)
    assert await city.admin.fetchval("SELECT count(*) FROM accounting.family_card") == 0
    left = await city.admin.fetchval("SELECT count(*) FROM accounts.app_user WHERE user_id = $1", grandma.user_id)
    assert left == 0
    # The former proxy leaves, too, and does not bring the card back to the topic.
    assert (await anna.call("accounts", "GET", "/me/family-cards")).json()["items"] == []
    await leave(city, anna)
    assert await city.admin.fetchval("SELECT count(*) FROM accounting.family_card") == 0


async def test_the_household_of_an_owner_who_leaves_has_another_owner(city: City) -> None:
    anna, ben = await city.citizen("anna"), await city.citizen("ben")
    opened = await anna.call("accounts", "POST", "/households", json={"name": "江边", "nickname": "小雨"})
    path = f"/households/{opened.json()['household_id']}"
    code = (await anna.call("accounts", "POST", f"{path}/invitations")).json()["token"]
    joined = await ben.call("accounts", "POST", "/households/join", json={"token": code})
    assert joined.status_code == 201, joined.text
    await leave(city, anna)
    household = (await ben.call("accounts", "GET", "/me")).json()["household"]
    assert (household["owner"], household["name"], household["members"]) == (True, "江边", 1)
    assert await city.admin.fetchval("SELECT count(*) FROM accounts.household_member") == 1
    assert await city.admin.fetchval("SELECT count(*) FROM accounting.household_member") == 1


async def test_the_export_has_the_names_that_a_person_gave(city: City) -> None:
    anna = await city.citizen("anna")
    home = {"name": "江边三口之家", "nickname": "小雨"}
    assert (await anna.call("accounts", "POST", "/households", json=home)).status_code == 201
    await open_card(city, anna)
    exported = json.loads((await archive_of(city, anna)).read("accounts.json"))
    [stay], [card] = exported["household_stay"], exported["family_card_in_care"]
    assert (stay["household_name"], stay["nickname"]) == (home["name"], home["nickname"])
    assert (card["as"], card["label"]) == ("proxy", "外婆金丝雀")

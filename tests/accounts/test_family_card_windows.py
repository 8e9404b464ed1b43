"""Family cards at a service window: opened, found, given to a proxy, all with a reason and audited."""

import asyncio
from typing import Any

import httpx

from services.accounts.carbon_accounts import domain as numbers
from services.accounts.family_cards import service as family_cards
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from shared.contracts.identity import person_account_id
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.test_family_cards import CONSENT, NOT_FOUND, card_facts, events, open_card
from tests.tokens import TokenFactory

OPS = f"{BASE}/ops/family-cards"
WHY = {"reason": "窗口三号，本人到场"}


async def test_a_window_opens_a_card_and_sets_a_proxy_all_audited(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    headers = tokens.operator("ops:accounts")
    answer = await client.post(OPS, json={"kind": "transit", "consent": CONSENT} | WHY, headers=headers)
    assert answer.status_code == 201, answer.text
    printed = answer.json()
    card = printed["card"]
    assert (card["opened_through"], card["has_proxy"]) == ("window", False)
    [fact] = await card_facts(db)
    assert fact.proxy_account_id is None
    for asked in ({"qr": printed["qr"]}, {"account_no": card["account_no"]}):
        found = await client.post(f"{OPS}/check", json=asked | WHY, headers=headers)
        assert found.json() == card
    codes = f"{OPS}/{card['card_id']}/codes"
    proxy = {"purpose": "proxy", "qr": printed["qr"]} | WHY
    code = await client.post(codes, json=proxy, headers=headers)
    child, other = await people.new(), await people.new()
    claim = {"code": code.json()["code"]}
    answer = await child.call("POST", "/me/family-cards/claim", json=claim)
    assert answer.json() == {"purpose": "proxy", "log_in_again": False}
    assert code_of(await other.call("POST", "/me/family-cards/claim", json=claim)) == (404, "FAMILY_CARD_CODE_INVALID")
    assert (await child.call("GET", "/me/family-cards")).json()["items"] == [card | {"has_proxy": True}]
    assert (await card_facts(db))[-1].proxy_account_id == person_account_id(child.user_id)
    seen = (await child.call("GET", f"/me/family-cards/{card['card_id']}/events")).json()["items"]
    assert [(one["action"], one["by"]) for one in reversed(seen)] == [
        ("opened", "window"),
        ("proxy_code", "window"),
        ("proxy_set", "proxy"),
    ]
    assert (await client.post(f"{OPS}/{card['card_id']}/end", json=WHY, headers=headers)).status_code == 204
    assert code_of(await client.post(codes, json=proxy, headers=headers)) == NOT_FOUND
    rows = await db.fetch("SELECT action, reason, object FROM accounts.audit_log ORDER BY entry_id")
    assert [row["action"].removeprefix("family_card.") for row in rows] == [
        "open",
        "check",
        "check",
        "issue_code",
        "end",
    ]
    assert {row["reason"] for row in rows} == {WHY["reason"]}


async def test_one_operator_alone_gives_no_account_away(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    headers = tokens.operator("ops:accounts")
    child = await people.new()
    card = (await open_card(child))["card"]
    path = f"{OPS}/{card['card_id']}"
    for qr in ("cfc_" + "A" * 24, card["account_no"]):
        answer = await client.post(f"{path}/codes", json={"purpose": "handover", "qr": qr} | WHY, headers=headers)
        assert code_of(answer) == NOT_FOUND, "the card is not there"
    renewed = (await client.post(f"{path}/qr", json=WHY, headers=headers)).json()
    assert renewed["card"]["label"] is None
    body = {"purpose": "handover", "qr": renewed["qr"]} | WHY
    answer = await client.post(f"{path}/codes", json=body, headers=headers)
    assert code_of(answer) == (409, "FAMILY_CARD_RENEWED_LATELY")
    seen = (await child.call("GET", f"/me/family-cards/{card['card_id']}/events")).json()["items"]
    assert (seen[0]["action"], seen[0]["by"]) == ("code_renewed", "window"), "the proxy can notice it"
    await db.execute("UPDATE accounts.family_card SET window_renewed_at = now() - interval '3 days'")
    assert (await client.post(f"{path}/codes", json=body, headers=headers)).status_code == 201


async def test_an_operator_without_the_scope_or_a_reason_does_nothing(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    card_id = (await open_card(await people.new()))["card"]["card_id"]
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        (OPS, {"kind": "paper", "consent": CONSENT}),
        (f"{OPS}/check", {"qr": "cfc_x"}),
        (f"{OPS}/{card_id}/qr", {}),
        (f"{OPS}/{card_id}/codes", {"purpose": "proxy", "qr": "cfc_x"}),
        (f"{OPS}/{card_id}/end", {}),
    )
    for path, body in calls:
        for headers in (tokens.operator("ops:read"), tokens.operator("ops:ledger")):
            assert (await client.post(path, json=body | WHY, headers=headers)).status_code == 403
        assert (await client.post(path, json=body | WHY)).status_code == 401
        assert (await client.post(path, json=body, headers=tokens.operator("ops:accounts"))).status_code == 422
    assert await events(db) == [("opened", "proxy")]
    assert await db.fetchval("SELECT count(*) FROM accounts.audit_log") == 0


async def test_numbers_of_cards_are_checked_counted_and_answered_alike(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    citizen = await people.new()
    headers = tokens.operator("ops:accounts")
    wrong = await client.post(f"{OPS}/check", json={"account_no": "WH000000000001"} | WHY, headers=headers)
    assert code_of(wrong) == (422, "ACCOUNT_NO_INVALID")
    for number in (numbers.compose_account_no("WH", 7), citizen.account["account_no"]):
        answer = await client.post(f"{OPS}/check", json={"account_no": number} | WHY, headers=headers)
        assert code_of(answer) == NOT_FOUND, "also for a person's own account"
    asked = [client.post(f"{OPS}/check", json={"qr": f"cfc_{n}"} | WHY, headers=headers) for n in range(40)]
    codes = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert (codes.count(404), codes.count(429)) == (28, 12), "30 an hour, with the two before"
    assert await db.fetchval("SELECT count(*) FROM accounts.audit_log") == 30


async def test_who_is_erased_is_no_longer_proxy_and_a_window_sets_another(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db, settings: Settings
) -> None:
    child, other = await people.new(), await people.new()
    printed = await open_card(child, label="金丝雀外婆")
    database = Database(settings.database_url)
    async with database.transaction() as session:
        exported = await family_cards.export_user(session, vault=vault_of(settings), user_id=child.user_id)
        await family_cards.erase_user(session, settings=settings, user_id=child.user_id)
    await database.stop()
    assert [(one["as"], one["label"]) for one in exported] == [("proxy", "金丝雀外婆")]
    row = await db.fetchrow("SELECT proxy_user_id, label_sealed FROM accounts.family_card")
    assert row is not None
    assert tuple(row) == (None, None)
    assert (await card_facts(db))[-1].proxy_account_id is None
    path = f"{OPS}/{printed['card']['card_id']}/codes"
    wanted = {"purpose": "proxy", "qr": printed["qr"]} | WHY
    code = (await client.post(path, json=wanted, headers=tokens.operator("ops:accounts"))).json()["code"]
    assert (await other.call("POST", "/me/family-cards/claim", json={"code": code})).status_code == 200

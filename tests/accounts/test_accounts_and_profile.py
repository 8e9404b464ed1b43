import asyncio

import asyncpg
import httpx
import pytest

from services.accounts.carbon_accounts import domain
from shared.contracts.identity import person_account_id
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.databases import Dsns
from tests.tokens import TokenFactory

CONSENT = {"consent": {"policy_version": "2026-11"}}


async def test_opening_an_account_again_returns_the_same_account(people: People) -> None:
    anna = await people.new(with_account=False)
    first = await anna.call("POST", "/me/carbon-account", json=CONSENT)
    again = await anna.call("POST", "/me/carbon-account", json=CONSENT)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    document = first.json()
    assert set(document) == {"account_id", "account_no", "kind", "opened_at"}
    assert document["kind"] == "person"
    assert document["account_id"] == str(person_account_id(anna.user_id))
    assert document["account_no"].startswith("WH")
    assert domain.is_account_no(document["account_no"])


async def test_concurrent_openings_create_one_account(people: People, db: Db) -> None:
    anna = await people.new(with_account=False)
    answers = await asyncio.gather(*[anna.call("POST", "/me/carbon-account", json=CONSENT) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.text for answer in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.carbon_account") == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.consent") == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"consent": {}}, {"consent": {"policy_version": ""}}, {"consent": {"policy_version": "v" * 33}}, "text"],
)
async def test_opening_an_account_requires_consent(people: People, body: object) -> None:
    anna = await people.new(with_account=False)
    assert code_of(await anna.call("POST", "/me/carbon-account", json=body)) == (422, "INVALID_REQUEST")


async def test_an_account_number_is_assigned_once(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([7, 7, 8])
    monkeypatch.setattr("secrets.randbelow", lambda _limit: next(numbers))
    anna, bert = await people.new(), await people.new()
    assert anna.account["account_no"] == domain.compose_account_no("WH", 7)
    assert bert.account["account_no"] == domain.compose_account_no("WH", 8)


async def test_the_profile_shows_account_phone_and_bindings_once_they_exist(people: People) -> None:
    anna = await people.new(with_account=False)
    before = (await anna.call("GET", "/me")).json()
    assert before.pop("created_at")
    assert before == {
        "user_id": str(anna.user_id),
        "carbon_account": None,
        "frozen": None,
        "notice": None,
        "household": None,
        "phone_masked": None,
        "data_processing_consent": False,
        "bindings": {"active": 0, "partner_ids": []},
        "erasure": None,
        "household_notice": None,
        "freeze": None,
    }
    account = await anna.open_account()
    await anna.call("PUT", "/me/phone", json={"code": "dev-phone:13800138000"})
    await anna.bind("metro", "phone_hash")
    await anna.bind("didi")
    after = (await anna.call("GET", "/me")).json()
    assert after["carbon_account"] == account
    assert after["phone_masked"] == "138****8000"
    assert after["data_processing_consent"] is True
    assert after["bindings"] == {"active": 2, "partner_ids": ["didi", "metro"]}


async def test_an_operators_look_up_is_recorded_also_when_it_finds_nothing(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    anna = await people.new()
    await anna.call("PUT", "/me/phone", json={"code": "dev-phone:13800138000"})
    await anna.bind("didi")
    number = anna.account["account_no"]
    unknown = domain.compose_account_no("WH", 1)
    headers = tokens.operator("ops:read")
    seen = await client.get(f"{BASE}/ops/accounts/{number}", params={"reason": "complaint 12"}, headers=headers)
    assert seen.status_code == 200
    assert seen.json() == {
        **anna.account,
        "members": None,
        "phone_masked": "138****8000",
        "data_processing_consent": True,
        "bound_partner_ids": ["didi"],
        "frozen": None,
        "frozen_since": None,
    }
    missing = await client.get(f"{BASE}/ops/accounts/{unknown}", params={"reason": "complaint 12"}, headers=headers)
    assert code_of(missing) == (404, "ACCOUNT_NOT_FOUND")
    slip = number[:-1] + str((int(number[-1]) + 1) % 10)
    wrong = await client.get(f"{BASE}/ops/accounts/{slip}", params={"reason": "complaint 12"}, headers=headers)
    assert code_of(wrong) == (422, "ACCOUNT_NO_INVALID")
    rows = await db.fetch("SELECT operator, action, account_no, account_id, reason FROM accounts.operator_action")
    assert [tuple(row)[:3] for row in rows] == [
        ("operator-1", "account.look_up", number),
        ("operator-1", "account.look_up", unknown),
    ]
    assert (str(rows[0]["account_id"]), rows[0]["reason"]) == (anna.account["account_id"], "complaint 12")
    assert rows[1]["account_id"] is None


async def test_a_look_up_requires_the_scope_ops_read(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    anna = await people.new()
    path = f"{BASE}/ops/accounts/{anna.account['account_no']}"
    assert code_of(await client.get(path, headers=anna.headers)) == (403, "FORBIDDEN")
    assert code_of(await client.get(path, headers=tokens.operator("ops:ledger"))) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE accounts.operator_action",
        "DELETE FROM accounts.operator_action",
        "UPDATE accounts.operator_action SET operator = ''",
    ],
)
async def test_b9_the_owner_cannot_change_or_remove_the_look_up_records(dsns: Dsns, statement: str) -> None:
    """CopilotKit/OpenBot#138, kitokoh/leopardo-hr#2024: the owner of an audit trail empties it."""
    owner = await asyncpg.connect(dsns.owner("accounts"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is not allowed"):
            await owner.execute(statement)
    finally:
        await owner.close()


async def test_the_service_role_cannot_change_the_look_up_records(dsns: Dsns) -> None:
    connection = await asyncpg.connect(dsns.app("accounts"))
    try:
        for statement in ("DELETE FROM accounts.operator_action", "UPDATE accounts.operator_action SET operator = ''"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()

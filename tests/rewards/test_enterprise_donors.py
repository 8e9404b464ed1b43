"""Enterprises donate through a maker; donors are thanked by their name, or by a pseudonym."""

import uuid
from typing import Any

from tests.rewards.conftest import API, Rewards
from tests.rewards.donors import ask, new_enterprise
from tests.rewards.test_erasures import ask as ask_erasure
from tests.rewards.test_erasures import run as run_erasures

MARATHON = "zero-carbon-marathon"


async def donors(rewards: Rewards, **params: Any) -> Any:
    return (await rewards.get(f"/campaigns/{MARATHON}/donors", **params)).json()


async def test_a_maker_donates_the_grams_of_the_enterprise(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm = await new_enterprise(rewards, balance_mg=10_000)
    maker, viewer = await firm.member("maker"), await firm.member("viewer")
    answer = await firm.donate(maker, 6_000)
    assert answer.status_code == 201, answer.text
    donation = answer.json()
    assert donation["enterprise_id"] == str(firm.enterprise_id)
    assert rewards.ledger.balances[firm.account_id] == 4_000
    assert rewards.ledger.accounts == {f"donated:{MARATHON}": 6_000}
    assert (await firm.donate(maker, 4_001)).json()["code"] == "INSUFFICIENT_BALANCE"
    for member in (maker, viewer):
        listed = (await rewards.get(f"/enterprises/{firm.enterprise_id}/donations", member)).json()["items"]
        assert listed == [donation]
    assert (await rewards.get("/me/donations", maker)).json()["items"] == [], "it is the enterprise's"
    [shown] = (await donors(rewards))["items"]
    assert (shown["kind"], shown["name"], shown["donated_mg"]) == ("enterprise", "江城会展有限公司", 6_000)


async def test_nobody_else_donates_for_an_enterprise(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm, other = await new_enterprise(rewards), await new_enterprise(rewards, "别的公司")
    stranger, foreign = rewards.citizen(), await other.member("maker")
    for user in (stranger, foreign):
        refused = await firm.donate(user, 5_000)
        assert (refused.status_code, refused.json()["code"]) == (404, "ENTERPRISE_NOT_FOUND")
        assert (await rewards.get(f"/enterprises/{firm.enterprise_id}/donations", user)).status_code == 404
    for role in ("admin", "checker", "viewer"):
        refused = await firm.donate(await firm.member(role), 5_000)
        assert (refused.status_code, refused.json()["code"]) == (403, "ENTERPRISE_ROLE_REQUIRED")
    by_account = await rewards.donate(await firm.member("viewer"), 5_000, account_id=str(firm.account_id))
    assert by_account.json()["code"] == "ENTERPRISE_ROLE_REQUIRED", "its account names the enterprise as well"
    maker = await firm.member("maker")
    both = await firm.donate(maker, 5_000, team_id=str(uuid.uuid4()))
    assert (both.status_code, both.json()["code"]) == (422, "INVALID_REQUEST")
    await firm.become("suspended", 2)
    assert (await firm.donate(maker, 5_000)).json()["code"] == "ENTERPRISE_SUSPENDED"
    await firm.become("closed", 3)
    assert (await firm.donate(maker, 5_000)).json()["code"] == "ENTERPRISE_CLOSED"
    assert not rewards.ledger.holds


async def test_accounting_has_the_last_word_about_a_maker(rewards: Rewards) -> None:
    """Its projection may be ahead of ours."""
    await rewards.add_campaign()
    firm = await new_enterprise(rewards)
    maker = await firm.member("maker")
    firm.makers.clear()
    refused = await firm.donate(maker, 5_000)
    assert (refused.status_code, refused.json()["code"]) == (409, "SPENDER_NOT_ALLOWED")


async def test_two_makers_are_one_donor_beside_a_citizen(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm = await new_enterprise(rewards)
    for _ in range(2):
        maker = await firm.member("maker")
        assert (await firm.donate(maker, 5_000)).status_code == 201
    user = rewards.citizen(10_000)
    assert (await rewards.donate(user, 1_000)).status_code == 201
    found = (await rewards.get(f"/campaigns/{MARATHON}")).json()
    assert (found["donors"], found["donated_mg"]) == (2, 11_000)


async def test_a_person_is_named_only_by_consent(rewards: Rewards) -> None:
    await rewards.add_campaign()
    anna, ben = rewards.citizen(100_000), rewards.citizen(100_000)
    first = (await rewards.donate(anna, 9_000)).json()
    await rewards.donate(ben, 3_000)
    assert [(one["name"], one["donated_mg"]) for one in (await donors(rewards))["items"]] == [
        (None, 9_000),
        (None, 3_000),
    ]
    named = await ask(rewards, anna, "PUT", "/me/donor-name", {"name": "江城小雨"})
    assert named.status_code == 200, named.text
    assert [one["name"] for one in (await donors(rewards))["items"]] == ["江城小雨", None]
    thanks = (await rewards.get(f"/donations/{first['donation_id']}/thanks", anna)).json()
    assert (thanks["donor"]["name"], thanks["donor"]["donated_mg"]) == ("江城小雨", 9_000)
    assert (await rewards.get(f"/donations/{first['donation_id']}/thanks", ben)).status_code == 404
    assert (await ask(rewards, anna, "DELETE", "/me/donor-name")).status_code == 204
    assert [one["name"] for one in (await donors(rewards))["items"]] == [None, None]
    assert (await rewards.get("/me/donor-name", anna)).json() == {"name": None, "agreed_at": None}
    page = await donors(rewards, limit=1)
    rest = await donors(rewards, limit=1, cursor=page["next_cursor"])
    pseudonyms = {one["pseudonym"] for one in (*page["items"], *rest["items"])}
    assert len(pseudonyms) == 2
    assert not any(str(user) in str(page) + str(rest) for user in (anna, ben))


async def test_a_name_is_no_phone_number_and_has_nothing_invisible(rewards: Rewards) -> None:
    user = rewards.citizen()
    for name in ("", " ", "张13812345678", "小\u200b雨", "小\x00雨", "长" * 21):
        answer = await ask(rewards, user, "PUT", "/me/donor-name", {"name": name})
        assert answer.status_code == 422, name


async def test_a_late_record_about_an_erased_member_is_dropped(rewards: Rewards) -> None:
    firm = await new_enterprise(rewards)
    maker = await firm.member("maker")
    await ask_erasure(rewards, maker)
    await run_erasures(rewards)
    assert await rewards.sql("SELECT 1 FROM rewards.enterprise_member") == []
    await firm.join(maker, "maker")
    assert await rewards.sql("SELECT 1 FROM rewards.enterprise_member") == []


async def test_the_certificate_of_an_enterprise_names_it_and_outlives_its_maker(rewards: Rewards) -> None:
    await rewards.add_campaign()
    firm = await new_enterprise(rewards)
    maker = await firm.member("maker")
    number = (await firm.donate(maker, 6_000)).json()["certificate"]["certificate_no"]
    checked = f"{API}/certificates/{number}"
    before = (await rewards.client.get(checked)).json()
    assert (before["status"], before["donor"]) == ("genuine", "江城会展有限公司")
    refused = await rewards.client.put(
        f"{API}/me/certificates/{number}/name",
        json={"surname": "张", "address": "ms"},
        headers=rewards.tokens.citizen(maker),
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "CERTIFICATE_NOT_FOUND")
    await ask_erasure(rewards, maker)
    await run_erasures(rewards)
    assert (await rewards.client.get(checked)).json() == before

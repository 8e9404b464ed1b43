"""What members of a household decide: names, nicknames, owner, who stays, the rule of its grams."""

import asyncio
import io
import uuid
from typing import Any

import pytest

from services.accounts.households import service as households
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from shared.contracts.households_v1 import MembershipChanged, RuleChanged
from shared.db import Database
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.test_households import facts, invite, join, leave, open_household


async def family(people: People, size: int = 3) -> tuple[str, list[Person]]:
    """A household; the first is its owner."""
    members = [await people.new() for _ in range(size)]
    home = str((await open_household(members[0]))["household_id"])
    for member in members[1:]:
        answer = await join(member, await invite(members[0], home))
        assert answer.status_code == 201, answer.text
    return home, members


async def seen_by(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = (await person.call("GET", "/me")).json()["household"]
    return found


async def test_names_are_seen_by_members_only_and_stored_sealed(people: People, db: Db, logs: io.StringIO) -> None:
    home, [anna, bert, cleo] = await family(people)
    answer = await anna.call("PUT", f"/households/{home}/name", json={"name": " 江边金丝雀之家 "})
    assert (answer.status_code, answer.json()["name"]) == (200, "江边金丝雀之家")
    answer = await bert.call("PUT", f"/households/{home}/members/me", json={"nickname": "金丝雀小雨"})
    assert answer.status_code == 200, answer.text
    seen = await seen_by(cleo)
    assert seen["name"] == "江边金丝雀之家"
    assert [one["nickname"] for one in seen["people"]] == [None, "金丝雀小雨", None]
    assert all(set(one) == {"member_id", "nickname", "me", "owner"} for one in seen["people"]), "nothing else"
    for table in ("household", "household_member", "outbox", "audit_log"):
        for row in await db.fetch(f"SELECT t::text AS text FROM accounts.{table} t"):
            assert "金丝雀" not in row["text"]
            assert "金丝雀".encode().hex() not in row["text"]
    assert "金丝雀" not in logs.getvalue()
    stranger = await people.new()
    for method, path, body in (
        ("PUT", "/name", {"name": "别人家"}),
        ("PUT", "/members/me", {"nickname": "别人"}),
        ("PUT", "/rule", {"kind": "all_agree"}),
        ("POST", "/rule/agree", None),
        ("POST", "/owner/accept", None),
        ("DELETE", f"/members/{seen['people'][1]['member_id']}", None),
    ):
        answer = await stranger.call(method, f"/households/{home}{path}", json=body)
        assert code_of(answer) == (404, "HOUSEHOLD_NOT_FOUND")
    assert (await bert.call("PUT", f"/households/{home}/members/me", json={"nickname": None})).status_code == 200
    assert [one["nickname"] for one in (await seen_by(cleo))["people"]] == [None, None, None]


async def test_names_are_given_when_opening_and_joining(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    home = await open_household(anna, name="小两口", nickname="阿安")
    answer = await bert.call(
        "POST", "/households/join", json={"token": await invite(anna, home["household_id"]), "nickname": "大白"}
    )
    assert answer.json()["name"] == "小两口"
    assert [one["nickname"] for one in answer.json()["people"]] == ["阿安", "大白"]


@pytest.mark.parametrize("name", ["", "  ", "长" * 21, "a\u202eb", "零\u200b宽", "线\n下", "13800138000", 7])
async def test_a_name_that_deceives_or_is_a_number_is_refused(people: People, name: object) -> None:
    anna = await people.new()
    home = (await open_household(anna))["household_id"]
    assert (await anna.call("PUT", f"/households/{home}/name", json={"name": name})).status_code == 422
    assert (await seen_by(anna))["name"] is None


async def test_only_the_owner_names_removes_and_hands_over(people: People) -> None:
    home, [anna, bert, cleo] = await family(people)
    ids = [one["member_id"] for one in (await seen_by(anna))["people"]]
    for method, path, body in (
        ("PUT", "/name", {"name": "我家"}),
        ("DELETE", f"/members/{ids[2]}", None),
        ("PUT", "/owner", {"member_id": ids[1]}),
    ):
        answer = await bert.call(method, f"/households/{home}{path}", json=body)
        assert code_of(answer) == (403, "HOUSEHOLD_OWNER_ONLY")
    for unknown in (str(uuid.uuid4()), ids[0]):
        answer = await anna.call("DELETE", f"/households/{home}/members/{unknown}")
        assert code_of(answer) == (404, "HOUSEHOLD_MEMBER_NOT_FOUND")
    assert (await seen_by(cleo))["members"] == 3


async def test_a_removed_member_is_told_and_the_stay_is_kept_as_history(people: People, db: Db) -> None:
    home, [anna, bert, cleo] = await family(people)
    cleo_id = (await seen_by(cleo))["member_id"]
    assert (await anna.call("DELETE", f"/households/{home}/members/{cleo_id}")).status_code == 204
    assert (await anna.call("DELETE", f"/households/{home}/members/{cleo_id}")).status_code == 204, "repeatable"
    me = (await cleo.call("GET", "/me")).json()
    assert me["household"] is None
    assert "移出家庭" in me["household_notice"]
    assert (await bert.call("GET", "/me")).json()["household_notice"] is None
    [stay] = (await cleo.call("GET", "/me/households")).json()["items"]
    assert (stay["household_id"], stay["ended_by"], stay["left_at"] is None) == (home, "owner", False)
    last = [fact for fact in await facts(db) if isinstance(fact, MembershipChanged)][-1]
    assert (str(last.membership_id), last.version, last.left_at is None) == (cleo_id, 2, False)
    assert code_of(await leave(cleo, home)) == (404, "HOUSEHOLD_NOT_FOUND")
    assert (await join(cleo, await invite(anna, home))).status_code == 201, "an invited person may return"
    assert (await cleo.call("GET", "/me")).json()["household_notice"] is None


async def test_a_household_is_handed_over_to_who_accepts_it(people: People) -> None:
    home, [anna, bert, cleo] = await family(people)
    bert_id = (await seen_by(bert))["member_id"]
    assert code_of(await bert.call("POST", f"/households/{home}/owner/accept")) == (409, "HOUSEHOLD_NOT_OFFERED")
    answer = await anna.call("PUT", f"/households/{home}/owner", json={"member_id": bert_id})
    assert answer.json()["offered_to"] == bert_id
    assert code_of(await cleo.call("POST", f"/households/{home}/owner/accept")) == (409, "HOUSEHOLD_NOT_OFFERED")
    assert (await seen_by(anna))["owner"], "until it is accepted"
    assert (await bert.call("POST", f"/households/{home}/owner/accept")).json()["owner"]
    seen = await seen_by(anna)
    assert (seen["owner"], seen["offered_to"]) == (False, None)
    assert (await bert.call("PUT", f"/households/{home}/name", json={"name": "白家"})).status_code == 200


async def test_an_offer_is_declined_withdrawn_or_expires(people: People) -> None:
    home, [anna, bert, cleo] = await family(people)
    offer = {"member_id": (await seen_by(bert))["member_id"]}
    for who in (bert, anna):
        assert (await anna.call("PUT", f"/households/{home}/owner", json=offer)).status_code == 200
        assert code_of(await cleo.call("DELETE", f"/households/{home}/owner")) == (409, "HOUSEHOLD_NOT_OFFERED")
        assert (await who.call("DELETE", f"/households/{home}/owner")).status_code == 204
        assert code_of(await bert.call("POST", f"/households/{home}/owner/accept")) == (409, "HOUSEHOLD_NOT_OFFERED")
    assert (await anna.call("PUT", f"/households/{home}/owner", json=offer)).status_code == 200
    assert (await leave(bert, home)).status_code == 204
    assert (await seen_by(anna))["offered_to"] is None, "the offer ends with the stay"


async def test_the_longest_standing_member_follows_an_owner_who_leaves(people: People, db: Db) -> None:
    home, [anna, bert, cleo] = await family(people)
    assert (await leave(anna, home)).status_code == 204
    assert ((await seen_by(bert))["owner"], (await seen_by(cleo))["owner"]) == (True, False)
    assert (await leave(bert, home)).status_code == 204
    assert (await seen_by(cleo))["owner"]
    assert (await leave(cleo, home)).status_code == 204
    assert await db.fetchval("SELECT closed_at FROM accounts.household") is not None


async def test_leaving_and_being_removed_at_once_end_the_stay_once(people: People, db: Db) -> None:
    for _ in range(5):
        home, [anna, bert] = await family(people, 2)
        bert_id = (await seen_by(bert))["member_id"]
        answers = await asyncio.gather(
            anna.call("DELETE", f"/households/{home}/members/{bert_id}"), leave(bert, home), leave(anna, home)
        )
        assert all(answer.status_code in {204, 403, 404} for answer in answers)
        rows = await db.fetch("SELECT version FROM accounts.household_member WHERE household_id = $1", uuid.UUID(home))
        assert [row["version"] for row in rows] == [2, 2], "each stay has ended once"


async def test_a_rule_is_in_force_once_all_members_agree(people: People, db: Db) -> None:
    home, [anna, bert, cleo] = await family(people)
    rule = {"kind": "any_member_up_to", "limit_mg": 20_000_000}
    answer = await bert.call("PUT", f"/households/{home}/rule", json=rule)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["rule"]["kind"], len(answer.json()["rule"]["proposed"]["missing"])) == ("all_agree", 2)
    other = await anna.call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 1})
    assert code_of(other) == (409, "RULE_PROPOSAL_OPEN")
    for who in (anna, anna):
        assert (await who.call("POST", f"/households/{home}/rule/agree")).status_code == 200
    assert [fact for fact in await facts(db) if isinstance(fact, RuleChanged)] == []
    answer = await cleo.call("POST", f"/households/{home}/rule/agree")
    assert answer.json()["rule"] == rule | {"since": answer.json()["rule"]["since"], "proposed": None}
    [fact] = [fact for fact in await facts(db) if isinstance(fact, RuleChanged)]
    assert (str(fact.household_id), fact.version, fact.kind, fact.limit_mg) == (home, 1, rule["kind"], 20_000_000)
    assert code_of(await cleo.call("POST", f"/households/{home}/rule/agree")) == (409, "NO_RULE_PROPOSAL")
    again = await cleo.call("PUT", f"/households/{home}/rule", json=rule)
    assert again.json()["rule"]["proposed"] is None, "the rule in force again changes nothing"


async def test_one_refusal_ends_a_proposed_rule(people: People) -> None:
    home, [anna, bert, cleo] = await family(people)
    await anna.call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 1000})
    await bert.call("POST", f"/households/{home}/rule/agree")
    answer = await cleo.call("POST", f"/households/{home}/rule/refuse")
    assert (answer.json()["rule"]["kind"], answer.json()["rule"]["proposed"]) == ("all_agree", None)


async def test_who_joins_has_to_agree_and_who_leaves_no_longer(people: People) -> None:
    home, [anna, bert] = await family(people, 2)
    await anna.call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 1000})
    cleo = await people.new()
    await join(cleo, await invite(anna, home))
    assert (await bert.call("POST", f"/households/{home}/rule/agree")).json()["rule"]["kind"] == "all_agree"
    assert (await leave(cleo, home)).status_code == 204
    assert (await seen_by(anna))["rule"]["kind"] == "any_member_up_to"


async def test_who_lives_alone_sets_the_rule_alone(people: People) -> None:
    alone = await people.new()
    own = (await open_household(alone))["household_id"]
    answer = await alone.call("PUT", f"/households/{own}/rule", json={"kind": "any_member_up_to", "limit_mg": 5})
    assert answer.json()["rule"]["kind"] == "any_member_up_to"


async def test_a_proposal_expires_and_gives_room_for_another(people: People, db: Db) -> None:
    home, [anna, bert] = await family(people, 2)
    await anna.call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 1000})
    await db.execute("UPDATE accounts.household_rule_proposal SET expires_at = now()")
    assert (await seen_by(bert))["rule"]["proposed"] is None
    assert code_of(await bert.call("POST", f"/households/{home}/rule/agree")) == (409, "NO_RULE_PROPOSAL")
    answer = await bert.call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 7})
    assert answer.json()["rule"]["proposed"]["limit_mg"] == 7


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "any_member_up_to"},
        {"kind": "all_agree", "limit_mg": 5},
        {"kind": "any_member_up_to", "limit_mg": 0},
        {"kind": "any_member_up_to", "limit_mg": 10**9 + 1},
        {"kind": "owner_only"},
    ],
)
async def test_a_rule_without_sense_is_refused(people: People, rule: dict[str, Any]) -> None:
    anna = await people.new()
    home = (await open_household(anna))["household_id"]
    assert (await anna.call("PUT", f"/households/{home}/rule", json=rule)).status_code == 422


async def test_all_members_who_agree_at_once_put_the_rule_in_force_once(people: People, db: Db) -> None:
    home, members = await family(people, 5)
    await members[0].call("PUT", f"/households/{home}/rule", json={"kind": "any_member_up_to", "limit_mg": 1000})
    answers = await asyncio.gather(*(one.call("POST", f"/households/{home}/rule/agree") for one in members[1:]))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len([fact for fact in await facts(db) if isinstance(fact, RuleChanged)]) == 1


async def test_who_is_erased_leaves_the_household_to_the_others_without_a_nickname(
    people: People, db: Db, settings: Settings
) -> None:
    home, [anna, bert] = await family(people, 2)
    await anna.call("PUT", f"/households/{home}/members/me", json={"nickname": "阿安"})
    await anna.call("PUT", f"/households/{home}/name", json={"name": "老屋"})
    database = Database(settings.database_url)
    async with database.transaction() as session:
        [stay] = await households.export_user(session, vault=vault_of(settings), user_id=anna.user_id)
        await households.erase_user(session, settings=settings, user_id=anna.user_id)
    await database.stop()
    assert (stay["nickname"], stay["household_name"], str(stay["household_id"])) == ("阿安", "老屋", home)
    assert await db.fetchval("SELECT count(*) FROM accounts.household_member WHERE nickname_sealed IS NOT NULL") == 0
    seen = await seen_by(bert)
    assert (seen["owner"], seen["name"], seen["members"]) == (True, "老屋", 1)

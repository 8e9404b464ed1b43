"""Teams: opened, joined by a code, left, handed over, closed. A member's donation in its name stays the member's."""

import asyncio
import uuid
from collections import Counter
from typing import Any

from services.rewards.teams.domain import MEMBERS_MAX, OPENED_MAX
from tests.rewards.conftest import Rewards
from tests.rewards.donors import ask
from tests.rewards.fake_accounting import RESPONSE_LOST
from tests.rewards.test_erasures import ask as ask_erasure
from tests.rewards.test_erasures import run as run_erasures

MARATHON = "zero-carbon-marathon"


async def did(rewards: Rewards, status: int, user: uuid.UUID, method: str, path: str, body: Any = None) -> Any:
    answer = await ask(rewards, user, method, path, body)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


async def refused(rewards: Rewards, code: str, user: uuid.UUID, method: str, path: str, body: Any = None) -> None:
    answer = await ask(rewards, user, method, path, body)
    assert answer.json().get("code") == code, f"{method} {path}: {answer.status_code} {answer.text}"


async def team_of(rewards: Rewards, size: int) -> tuple[list[uuid.UUID], str]:
    """Return the members, the owner first, and the code."""
    people = [rewards.citizen(10**6) for _ in range(size)]
    await did(rewards, 201, people[0], "POST", "/teams", {"name": "东湖骑行队"})
    code = (await did(rewards, 201, people[0], "POST", "/me/team/invitation"))["code"]
    for person in people[1:]:
        await did(rewards, 200, person, "POST", "/teams/join", {"code": code})
    return people, code


async def test_a_team_adds_up_what_its_members_give_in_its_name(rewards: Rewards) -> None:
    await rewards.add_campaign()
    (anna, ben), _ = await team_of(rewards, 2)
    team_id = (await did(rewards, 200, anna, "GET", "/me/team"))["team_id"]
    given = await rewards.donate(ben, 5_000, team_id=team_id)
    assert given.status_code == 201, given.text
    await rewards.donate(ben, 2_000)  # in no name but his own
    await rewards.donate(anna, 1_000, team_id=team_id)
    team = await did(rewards, 200, anna, "GET", "/me/team")
    assert team["donated_mg"] == 6_000
    [first, second] = (await rewards.get("/me/donations", ben)).json()["items"]
    assert (first["team_id"], second["team_id"]) == (None, team_id), "the donations stay his"
    assert (await rewards.get(f"/campaigns/{MARATHON}")).json()["donors"] == 2
    assert (rewards.balance_mg(anna), rewards.balance_mg(ben)) == (999_000, 993_000)
    stranger = rewards.citizen(10_000)
    assert (await rewards.donate(stranger, 5_000, team_id=team_id)).json()["code"] == "TEAM_NOT_FOUND"
    await did(rewards, 204, ben, "DELETE", "/me/team/membership")
    assert (await rewards.donate(ben, 5_000, team_id=team_id)).json()["code"] == "TEAM_NOT_FOUND"
    assert (await did(rewards, 200, anna, "GET", "/me/team"))["donated_mg"] == 6_000


async def test_a_donation_under_way_counts_for_the_team_that_its_donor_left(rewards: Rewards) -> None:
    await rewards.add_campaign()
    (anna, ben), _ = await team_of(rewards, 2)
    team_id = (await did(rewards, 200, anna, "GET", "/me/team"))["team_id"]
    rewards.network.faults = {"spend": RESPONSE_LOST}
    assert (await rewards.donate(ben, 5_000, team_id=team_id)).status_code == 202
    rewards.network.faults = {}
    await did(rewards, 204, ben, "DELETE", "/me/team/membership")
    await rewards.work()
    assert (await did(rewards, 200, anna, "GET", "/me/team"))["donated_mg"] == 5_000


async def test_a_code_is_replaced_withdrawn_and_expires(rewards: Rewards) -> None:
    (anna,), first = await team_of(rewards, 1)
    second = (await did(rewards, 201, anna, "POST", "/me/team/invitation"))["code"]
    ben = rewards.citizen()
    await refused(rewards, "TEAM_CODE_INVALID", ben, "POST", "/teams/join", {"code": first})
    spelled = f"{second[:5].lower()}-{second[5:]}"
    await did(rewards, 200, ben, "POST", "/teams/join", {"code": spelled})
    await did(rewards, 200, ben, "POST", "/teams/join", {"code": second})  # again: still a member
    await did(rewards, 204, anna, "DELETE", "/me/team/invitation")
    await refused(rewards, "TEAM_CODE_INVALID", rewards.citizen(), "POST", "/teams/join", {"code": second})
    third = (await did(rewards, 201, anna, "POST", "/me/team/invitation"))["code"]
    await rewards.sql("UPDATE rewards.team SET code_expires_at = now()")
    await refused(rewards, "TEAM_CODE_INVALID", rewards.citizen(), "POST", "/teams/join", {"code": third})
    [row] = await rewards.sql("SELECT row::text FROM rewards.team row")
    assert third not in row["row"], "only its hash is stored"


async def test_one_person_is_in_one_team(rewards: Rewards) -> None:
    (anna, ben), code = await team_of(rewards, 2)
    await refused(rewards, "IN_A_TEAM_ALREADY", ben, "POST", "/teams", {"name": "汉口队"})
    (cleo,), other = await team_of(rewards, 1)
    await refused(rewards, "IN_A_TEAM_ALREADY", ben, "POST", "/teams/join", {"code": other})
    dora = rewards.citizen()
    answers = await asyncio.gather(
        *(ask(rewards, dora, "POST", "/teams/join", {"code": one}) for one in (code, other) * 4)
    )
    assert {answer.status_code for answer in answers} == {200, 409}
    sizes = [len((await did(rewards, 200, one, "GET", "/me/team"))["members"]) for one in (anna, cleo)]
    assert sorted(sizes) in ([1, 3], [2, 2])


async def test_a_crowd_never_makes_a_team_too_large(rewards: Rewards) -> None:
    (anna,), code = await team_of(rewards, 1)
    people = [rewards.citizen() for _ in range(MEMBERS_MAX + 9)]
    answers = await asyncio.gather(*(ask(rewards, one, "POST", "/teams/join", {"code": code}) for one in people))
    found = Counter(answer.json().get("code") for answer in answers)
    assert found == {None: MEMBERS_MAX - 1, "TEAM_FULL": 10}
    assert len((await did(rewards, 200, anna, "GET", "/me/team"))["members"]) == MEMBERS_MAX


async def test_only_the_owner_invites_renames_hands_over_and_closes(rewards: Rewards) -> None:
    (anna, ben), code = await team_of(rewards, 2)
    members = (await did(rewards, 200, ben, "GET", "/me/team"))["members"]
    assert [(one["is_owner"], one["is_me"], one["name"]) for one in members] == [
        (True, False, None),
        (False, True, None),
    ]
    his = {"member_id": members[1]["member_id"]}
    for method, path, body in (
        ("POST", "/me/team/invitation", None),
        ("DELETE", "/me/team/invitation", None),
        ("PUT", "/me/team", {"name": "我的队"}),
        ("POST", "/me/team/owner", his),
        ("DELETE", "/me/team", None),
    ):
        await refused(rewards, "TEAM_OWNER_REQUIRED", ben, method, path, body)
        await refused(rewards, "TEAM_NOT_FOUND", rewards.citizen(), method, path, body)
    await refused(rewards, "TEAM_NEEDS_OWNER", anna, "DELETE", "/me/team/membership")
    unknown = {"member_id": str(uuid.uuid4())}
    await refused(rewards, "TEAM_MEMBER_NOT_FOUND", anna, "POST", "/me/team/owner", unknown)
    handed = await did(rewards, 200, anna, "POST", "/me/team/owner", his)
    assert [one["is_owner"] for one in handed["members"] if one["is_me"]] == [False]
    assert (await did(rewards, 200, ben, "PUT", "/me/team", {"name": "江滩晨跑队"}))["name"] == "江滩晨跑队"
    await did(rewards, 204, anna, "DELETE", "/me/team/membership")
    await did(rewards, 204, ben, "DELETE", "/me/team")
    for person in (anna, ben):
        await refused(rewards, "TEAM_NOT_FOUND", person, "GET", "/me/team")
    await refused(rewards, "TEAM_CODE_INVALID", anna, "POST", "/teams/join", {"code": code})


async def test_the_last_member_closes_the_team_and_nobody_opens_too_many(rewards: Rewards) -> None:
    anna = rewards.citizen()
    for _ in range(OPENED_MAX):
        await did(rewards, 201, anna, "POST", "/teams", {"name": "一个人的队"})
        await did(rewards, 204, anna, "DELETE", "/me/team/membership")
    await refused(rewards, "TOO_MANY_TEAMS", anna, "POST", "/teams", {"name": "又一个"})


async def test_an_erased_owner_leaves_the_team_to_the_member_of_longest_standing(rewards: Rewards) -> None:
    await rewards.add_campaign()
    (anna, ben, cleo), _ = await team_of(rewards, 3)
    team_id = (await did(rewards, 200, anna, "GET", "/me/team"))["team_id"]
    await rewards.donate(anna, 5_000, team_id=team_id)
    await did(rewards, 200, anna, "PUT", "/me/team", {"name": "安娜的队"})
    await ask(rewards, anna, "PUT", "/me/donor-name", {"name": "安娜"})
    await ask_erasure(rewards, anna)
    await run_erasures(rewards)
    team = await did(rewards, 200, cleo, "GET", "/me/team")
    assert (team["name"], team["donated_mg"], len(team["members"])) == ("小队", 5_000, 2)
    await refused(rewards, "TEAM_OWNER_REQUIRED", cleo, "POST", "/me/team/invitation")
    await did(rewards, 201, ben, "POST", "/me/team/invitation")
    assert await rewards.sql("SELECT 1 FROM rewards.donor_name") == []

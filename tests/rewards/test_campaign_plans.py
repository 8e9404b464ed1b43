"""Operators open, change and close campaigns: two persons for whatever takes more from citizens."""

import asyncio
import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from tests.rewards.conftest import API, Rewards
from tests.rewards.operators import WHY, Operators

CONTENT: dict[str, Any] = {
    "kind": "charity",
    "title_zh": "长江护岸林",
    "title_en": "Trees along the Yangtze",
    "thanks_zh": "谢谢您种下一棵树。",
    "thanks_en": "Thank you for a tree.",
    "target_mg": 50_000,
    "min_mg": 1_000,
    "max_mg": 20_000,
    **WHY,
}
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)


def content(**changes: Any) -> dict[str, Any]:
    window = {"starts_at": clock.now() - timedelta(days=1), "ends_at": clock.now() + timedelta(days=30)}
    return {**CONTENT, **{name: moment.isoformat() for name, moment in window.items()}, **changes}


@pytest.fixture
def operators(rewards: Rewards) -> Operators:
    return Operators(rewards)


async def opened(operators: Operators, **changes: Any) -> dict[str, Any]:
    body = content(**changes)
    await operators.by_two("/campaigns", {**body, "campaign_id": "trees"})
    return body


async def test_a_campaign_is_opened_by_two_and_thanks_its_donors(rewards: Rewards, operators: Operators) -> None:
    body = {**content(), "campaign_id": "trees"}
    proposal_id = await operators.propose("/campaigns", body)
    assert (await rewards.get("/campaigns/trees")).status_code == 404
    await operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", WHY, by="ann")
    await operators.approve(proposal_id)
    shown = (await rewards.get("/campaigns/trees")).json()
    assert (shown["kind"], shown["title"], shown["open"], shown["rest_mg"]) == ("charity", "长江护岸林", True, 50_000)
    given = await rewards.donate(rewards.citizen(10_000), 5_000, campaign_id="trees")
    assert (given.status_code, given.json()["thanks"]) == (201, "谢谢您种下一棵树。")
    await operators.refused("CAMPAIGN_EXISTS", "POST", "/campaigns", body)
    assert await operators.audited("trees") == [("campaign.open.propose", "ann"), ("campaign.open.approve", "bob")]


async def test_a_target_is_never_below_what_is_given_and_reopens_when_raised(
    rewards: Rewards, operators: Operators
) -> None:
    body = await opened(operators)
    user = rewards.citizen(10**6)
    await rewards.donate(user, 20_000, campaign_id="trees")
    refused = await operators.refused(
        "CAMPAIGN_TARGET_TOO_LOW", "POST", "/campaigns/trees/changes", {**body, "target_mg": 19_999, "max_mg": 10_000}
    )
    assert refused["least_mg"] == 20_000
    await operators.by_two("/campaigns/trees/changes", {**body, "target_mg": 20_000})
    assert (await rewards.get("/campaigns/trees")).json()["completed_at"] is not None
    assert (await rewards.donate(user, 1_000, campaign_id="trees")).json()["code"] == "TARGET_EXCEEDED"
    await operators.by_two("/campaigns/trees/changes", {**body, "target_mg": 21_000})
    assert (await rewards.get("/campaigns/trees")).json()["completed_at"] is None
    assert (await rewards.donate(user, 1_000, campaign_id="trees")).status_code == 201
    await operators.refused("NOTHING_CHANGED", "POST", "/campaigns/trees/changes", {**body, "target_mg": 21_000})


async def test_donations_race_with_a_lower_target_and_never_pass_it(rewards: Rewards, operators: Operators) -> None:
    body = await opened(operators)
    proposal_id = await operators.propose("/campaigns/trees/changes", {**body, "target_mg": 20_000})
    users = [rewards.citizen(10_000) for _ in range(10)]
    answers = await asyncio.gather(
        operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob"),
        *(rewards.donate(user, 5_000, campaign_id="trees") for user in users),
    )
    shown = (await rewards.get("/campaigns/trees")).json()
    assert shown["donated_mg"] <= shown["target_mg"]
    assert (shown["target_mg"] == 20_000) is (answers[0].status_code == 200)
    assert sum(answer.status_code == 201 for answer in answers[1:]) * 5_000 == shown["donated_mg"]


async def test_an_approval_of_what_was_changed_meanwhile_is_refused(operators: Operators) -> None:
    body = await opened(operators)
    later = await operators.propose("/campaigns/trees/changes", {**body, "target_mg": 60_000})
    other = {**body, "target_mg": 70_000}
    await operators.refused("PROPOSAL_OPEN", "POST", "/campaigns/trees/changes", other, by="cid")
    await operators.did(200, "POST", "/campaigns/trees/close", WHY)
    await operators.refused("CAMPAIGN_ENDED", "POST", f"/proposals/{later}/approve", WHY, by="bob")


async def test_one_operator_closes_a_campaign_for_good(rewards: Rewards, operators: Operators) -> None:
    body = await opened(operators)
    user = rewards.citizen(10_000)
    closed = await operators.did(200, "POST", "/campaigns/trees/close", WHY)
    assert closed["closed_at"] is not None
    refused = await rewards.donate(user, 5_000, campaign_id="trees")
    assert (refused.status_code, refused.json()["code"]) == (409, "CAMPAIGN_CLOSED")
    assert (await rewards.get("/campaigns/trees")).json()["open"] is False
    await operators.refused("CAMPAIGN_ENDED", "POST", "/campaigns/trees/close", WHY)
    await operators.refused("CAMPAIGN_ENDED", "POST", "/campaigns/trees/changes", {**body, "target_mg": 60_000})
    assert ("campaign.close", "ann") in await operators.audited("trees")


@pytest.mark.parametrize(
    "changes",
    [
        {"min_mg": 2_000, "max_mg": 1_000},
        {"max_mg": 60_000},
        {"target_mg": 0},
        {"ends_at": "2026-01-01T00:00:00+08:00"},
        {"ends_at": "2126-01-01T00:00:00+08:00"},
        {"kind": "lottery"},
        {"pictures": ["x"]},
    ],
)
async def test_what_no_campaign_can_be_is_refused(operators: Operators, changes: dict[str, Any]) -> None:
    await operators.refused("INVALID_REQUEST", "POST", "/campaigns", {**content(**changes), "campaign_id": "trees"})


async def test_a_campaign_shows_pictures_of_the_pictures_room(rewards: Rewards, operators: Operators) -> None:
    await operators.refused(
        "PICTURE_NOT_FOUND", "POST", "/campaigns", {**content(pictures=["0" * 64]), "campaign_id": "trees"}
    )
    sha256 = hashlib.sha256(_PNG).hexdigest()
    stored = await rewards.client.post(
        f"{API}/ops/pictures?sha256={sha256}",
        content=_PNG,
        headers={**rewards.tokens.operator(subject="ann"), "Content-Type": "image/png"},
    )
    assert stored.status_code in {200, 201}, stored.text
    await opened(operators, pictures=[sha256])
    [path] = (await rewards.get("/campaigns/trees")).json()["images"]
    assert (await rewards.client.get(path)).content == _PNG


async def test_operators_list_campaigns_in_both_languages(operators: Operators) -> None:
    await opened(operators)
    [one] = (await operators.did(200, "GET", "/campaigns"))["items"]
    assert (one["title_zh"], one["title_en"], one["version"]) == ("长江护岸林", "Trees along the Yangtze", 1)
    assert await operators.did(200, "GET", "/campaigns/trees") == one
    await operators.refused("CAMPAIGN_NOT_FOUND", "GET", f"/campaigns/{uuid.uuid4().hex}")

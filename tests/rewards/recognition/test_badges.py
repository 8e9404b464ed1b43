"""Badges over HTTP: earned by rules, with progress, withdrawn when acts are taken back, earned again."""

import uuid
from typing import Any

import pytest

from services.rewards.badges import rules as rules_of_badges
from services.rewards.badges import service as badges
from services.rewards.badges.domain import Rules
from services.rewards.refreshing import service as refreshing
from shared.contracts.identity import household_account_id
from tests.rewards.conftest import Rewards
from tests.rewards.recognition.acts import (
    account_of,
    consume_donations,
    days_before,
    earn,
    judged,
    left,
    live_in,
    move,
    refresh,
    reversal,
    rides,
    today,
)


async def badges_of(rewards: Rewards, user_id: uuid.UUID) -> dict[str, dict[str, Any]]:
    answer = await rewards.get("/me/badges", user_id)
    assert answer.status_code == 200, answer.text
    return {one["badge_id"]: one for one in answer.json()["items"]}


async def test_the_first_ride_earns_a_badge(rewards: Rewards) -> None:
    anna = rewards.citizen()
    before = (await badges_of(rewards, anna))["first-ride"]
    assert (before["earned_at"], before["progress"]["value"]) == (None, 0)
    await earn(rewards, [judged(account_of(anna))])
    after = (await badges_of(rewards, anna))["first-ride"]
    assert after["earned_at"] is not None
    assert after["name"] == "第一程"
    assert after["progress"] == {"value": 1, "target": 1, "display": "1 / 1"}
    assert (await badges_of(rewards, rewards.citizen()))["first-ride"]["earned_at"] is None


async def test_a_badge_whose_act_was_reversed_is_withdrawn_says_why_and_can_be_earned_again(rewards: Rewards) -> None:
    anna = rewards.citizen()
    ride = judged(account_of(anna))
    await earn(rewards, [ride])
    await earn(rewards, [reversal(ride)])
    gone = (await badges_of(rewards, anna))["first-ride"]
    assert gone["earned_at"] is None
    [first] = gone["history"]
    assert (first["reason_code"], first["withdrawn_at"] is not None) == ("ACTS_TAKEN_BACK", True)
    assert "更正或撤销" in first["reason"]
    await earn(rewards, [judged(account_of(anna))])
    again = (await badges_of(rewards, anna))["first-ride"]
    assert again["earned_at"] is not None
    assert [one["withdrawn_at"] is None for one in again["history"]] == [False, True]


async def test_thirty_days_of_metro_count_days_not_rides(rewards: Rewards) -> None:
    anna = rewards.citizen()
    days = days_before(today(), 30)
    await earn(rewards, rides(account_of(anna), days[:29] * 2))
    found = await badges_of(rewards, anna)
    assert found["thirty-days-of-metro"]["progress"] == {"value": 29, "target": 30, "display": "29 / 30"}
    assert found["seven-days-in-a-row"]["earned_at"] is not None
    await earn(rewards, rides(account_of(anna), days[29:], scene="bus"))
    assert (await badges_of(rewards, anna))["thirty-days-of-metro"]["earned_at"] is None
    await earn(rewards, rides(account_of(anna), days[29:]))
    assert (await badges_of(rewards, anna))["thirty-days-of-metro"]["earned_at"] is not None


async def test_a_household_earns_its_tonne_together_and_who_moves_out_loses_it(rewards: Rewards) -> None:
    anna, ben, household = rewards.citizen(), rewards.citizen(), uuid.uuid4()
    stays = await live_in(rewards, household, anna, ben)
    await earn(rewards, [judged(account_of(anna), amount_mg=600_000_000)])
    await earn(rewards, [judged(household_account_id(household), amount_mg=300_000_000, scene="power_saving")])
    shown = (await badges_of(rewards, ben))["tonne-together"]
    assert (shown["earned_at"], shown["progress"]["display"]) == (None, "900.00 千克 / 1.00 吨")
    await earn(rewards, [judged(account_of(ben), amount_mg=100_000_000)])
    for person in (anna, ben):
        assert (await badges_of(rewards, person))["tonne-together"]["earned_at"] is not None
    await move(rewards, left(stays[1]))
    await refresh(rewards)
    for person in (anna, ben):
        [once] = (await badges_of(rewards, person))["tonne-together"]["history"]
        assert once["reason_code"] == "HOUSEHOLD_CHANGED"
    # The household's own account is nobody's: it has no badges.
    owners = {row[0] for row in await rewards.sql("SELECT DISTINCT account_id FROM rewards.badge")}
    assert owners == {account_of(anna), account_of(ben)}


async def test_who_gives_a_marathon_is_a_marathon_giver(rewards: Rewards) -> None:
    await rewards.add_campaign()
    anna = rewards.citizen(50_000_000)
    assert (await rewards.donate(anna, 42_000_000)).status_code == 201
    await consume_donations(rewards)
    await refresh(rewards)
    found = await badges_of(rewards, anna)
    assert found["first-gift"]["earned_at"] is not None
    assert found["marathon-giver"]["progress"]["display"] == "42.00 千克 / 42.19 千克"
    assert (await rewards.donate(anna, 195_000)).status_code == 201
    await consume_donations(rewards)  # the first one comes a second time
    await refresh(rewards)
    assert (await badges_of(rewards, anna))["marathon-giver"]["earned_at"] is not None
    assert len(await rewards.sql("SELECT 1 FROM rewards.recognised_donation")) == 2


async def test_the_level_follows_the_lifetime_sum_down_as_well(rewards: Rewards) -> None:
    anna = rewards.citizen()
    first = (await rewards.get("/me/level", anna)).json()
    assert (first["level"]["level"], first["next"]["level"], first["missing_mg"]) == (1, 2, 1_000_000)
    acts = [judged(account_of(anna), amount_mg=6_000_000) for _ in range(2)]
    await earn(rewards, acts)
    second = (await rewards.get("/me/level", anna)).json()
    assert (second["level"]["name"], second["missing_mg"], second["display"]) == ("小树", 38_000_000, "12.00 千克")
    await earn(rewards, [reversal(acts[0])])
    assert (await rewards.get("/me/level", anna)).json()["level"]["level"] == 2


async def test_english_readers_read_english(rewards: Rewards) -> None:
    anna = rewards.citizen()
    headers = {**rewards.tokens.citizen(anna), "Accept-Language": "en"}
    answer = await rewards.client.get("/api/v1/rewards/me/badges", headers=headers)
    assert answer.json()["items"][0]["name"] == "First ride"
    assert (await rewards.client.get("/api/v1/rewards/me/badges")).status_code == 401


async def test_a_changed_rule_looks_at_everybody_again(rewards: Rewards, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, ben = rewards.citizen(), rewards.citizen()
    await earn(rewards, [judged(account_of(anna)), *(judged(account_of(ben)) for _ in range(3))])
    document = rules_of_badges.load_rules()
    first = document.badges[0]
    stricter = first.model_copy(update={"version": 2, "at_least": 3})
    changed = Rules.model_construct(
        levels=document.levels, level_examples=document.level_examples, badges=(stricter, *document.badges[1:])
    )
    monkeypatch.setattr(badges, "load_rules", lambda: changed)
    monkeypatch.setattr(refreshing, "rules_sha256", lambda: "another")
    await refresh(rewards)
    [once] = (await badges_of(rewards, anna))["first-ride"]["history"]
    assert once["reason_code"] == "RULE_CHANGED"
    assert (await badges_of(rewards, ben))["first-ride"]["earned_at"] is not None
    rows = await rewards.sql("SELECT rule_version FROM rewards.badge WHERE account_id = $1", account_of(ben))
    assert [row[0] for row in rows] == [2]
    assert (await rewards.sql("SELECT sweep_after FROM rewards.recognition_state"))[0][0] is None


async def test_refreshing_again_changes_nothing(rewards: Rewards) -> None:
    anna = rewards.citizen()
    await earn(rewards, [judged(account_of(anna))])
    before = await rewards.sql("SELECT * FROM rewards.badge")
    async with rewards.database.transaction() as session:
        await refreshing.refresh(session, account_ids={account_of(anna)}, group_ids=[], today=today())
    assert await rewards.sql("SELECT * FROM rewards.badge") == before

"""Limits per person in a day, a month and a promotion, beside the one over the life of an item."""

import asyncio
from collections import Counter
from datetime import date, datetime
from typing import Any

import pytest

from services.rewards.catalogue.domain import Limits
from shared import clock
from tests.rewards.conftest import PRICE_MG, Rewards


def on(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Let the local day be this one."""
    monkeypatch.setattr(clock, "local_date", lambda _instant, _zone: date.fromisoformat(day))


def codes(answers: list[Any]) -> Counter[str]:
    return Counter(
        "confirmed" if answer.status_code == 201 else f"{answer.json()['code']} {answer.json().get('limit_span')}"
        for answer in answers
    )


async def add(rewards: Rewards, item_id: str = "reganmian", **limits: Any) -> None:
    await rewards.add_item(item_id, stock=100, per_user_limit=None, limits=Limits(**limits))


@pytest.mark.parametrize(
    ("limits", "span"),
    [
        ({"per_day": 3}, "day"),
        ({"per_month": 3}, "month"),
        ({"promotion": "spring", "per_promotion": 3}, "promotion"),
    ],
)
async def test_sixty_four_orders_of_one_person_at_once_stay_within_the_limit(
    rewards: Rewards, limits: dict[str, Any], span: str
) -> None:
    await add(rewards, **limits)
    user = rewards.citizen(64 * PRICE_MG)
    answers = await asyncio.gather(*(rewards.order(user) for _ in range(64)))
    assert codes(list(answers)) == {"confirmed": 3, f"LIMIT_REACHED {span}": 61}
    assert rewards.balance_mg(user) == 61 * PRICE_MG


async def test_items_of_a_promotion_share_its_limit_under_a_crowd(rewards: Rewards) -> None:
    promotion = {"promotion": "spring", "per_promotion": 2}
    items = ("boat", "noodles", "tea")
    for item_id in items:
        await add(rewards, item_id, **promotion)
    users = [rewards.citizen(9 * PRICE_MG) for _ in range(8)]
    answers = await asyncio.gather(
        *(
            rewards.order(user, item_id)
            for _ in range(3)
            for user in users
            for item_id in items[:: 1 - 2 * (user.int % 2)]
        )
    )
    assert codes(list(answers)) == {"confirmed": 16, "LIMIT_REACHED promotion": 56}
    assert all(rewards.balance_mg(user) == 7 * PRICE_MG for user in users)


async def test_a_new_day_and_a_new_month_begin_at_local_midnight(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clock.local_date(datetime.fromisoformat("2026-11-30T15:59:59Z"), "Asia/Shanghai") == date(2026, 11, 30)
    assert clock.local_date(datetime.fromisoformat("2026-11-30T16:00:00Z"), "Asia/Shanghai") == date(2026, 12, 1)
    await add(rewards, per_day=1, per_month=2)
    user = rewards.citizen(9 * PRICE_MG)
    seen: list[str] = []
    for day in ("2026-11-29", "2026-11-29", "2026-11-30", "2026-11-30", "2026-12-01"):
        on(monkeypatch, day)
        seen += codes([await rewards.order(user)])
        monkeypatch.undo()
    assert seen == ["confirmed", "LIMIT_REACHED day", "confirmed", "LIMIT_REACHED day", "confirmed"]


async def test_a_cancelled_order_frees_the_windows_that_it_was_placed_in(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(rewards, per_day=2, per_month=2)
    user = rewards.citizen(9 * PRICE_MG)
    first = (await rewards.order(user, quantity=2)).json()
    on(monkeypatch, "2027-01-05")
    assert (await rewards.cancel(user, first["order_id"])).json()["status"] == "cancelled"
    monkeypatch.undo()
    assert codes([await rewards.order(user, quantity=2)]) == {"confirmed": 1}
    assert codes([await rewards.order(user)]) == {"LIMIT_REACHED day": 1}


async def test_a_refused_order_frees_its_windows(rewards: Rewards) -> None:
    await add(rewards, per_day=1)
    user = rewards.citizen(0)
    assert codes([await rewards.order(user)]) == {"INSUFFICIENT_BALANCE None": 1}
    (taken,) = await rewards.sql("SELECT taken FROM rewards.window_taken")
    assert taken["taken"] == 0


async def test_a_quantity_above_a_limit_is_refused_before_anything_is_counted(rewards: Rewards) -> None:
    await add(rewards, per_day=5, promotion="spring", per_promotion=1)
    user = rewards.citizen(9 * PRICE_MG)
    refused = await rewards.order(user, quantity=2)
    assert codes([refused]) == {"LIMIT_REACHED promotion": 1}
    assert refused.json()["detail"] == "这件商品每人在本次活动中最多兑 1 件，减碳量没有扣除。请看看其他商品。"
    assert await rewards.sql("SELECT * FROM rewards.window_taken") == []


async def test_a_full_window_gives_back_the_other_counters_of_the_order(rewards: Rewards) -> None:
    """The look without locks sees nothing: another process fills the promotion in the meantime."""
    await add(rewards, per_day=5, promotion="spring", per_promotion=1)
    await add(rewards, "boat", promotion="spring", per_promotion=1)
    user = rewards.citizen(9 * PRICE_MG)
    answers = await asyncio.gather(*(rewards.order(user, item_id) for item_id in ("reganmian", "boat") * 8))
    assert codes(list(answers))["confirmed"] == 1
    taken = await rewards.sql("SELECT sum(taken) AS pieces FROM rewards.item_taken")
    assert taken[0]["pieces"] == 1


async def test_the_database_refuses_more_than_a_limit(rewards: Rewards) -> None:
    await add(rewards, per_day=1)
    await rewards.order(rewards.citizen())
    with pytest.raises(Exception, match="within_limit"):
        await rewards.sql("UPDATE rewards.window_taken SET taken = 2")


async def test_the_stock_check_finds_a_wrong_window(rewards: Rewards) -> None:
    await add(rewards, per_day=2)
    await rewards.order(rewards.citizen())
    await rewards.sql("UPDATE rewards.window_taken SET taken = 2")
    assert (await rewards.stock_check())["limits_differing"] == 1
    await rewards.sql("UPDATE rewards.window_taken SET taken = 1")


async def test_raising_a_limit_lets_the_next_order_in(rewards: Rewards) -> None:
    await add(rewards, per_day=1)
    user = rewards.citizen(9 * PRICE_MG)
    assert codes([await rewards.order(user), await rewards.order(user)]) == {"confirmed": 1, "LIMIT_REACHED day": 1}
    await rewards.sql("UPDATE rewards.item SET day_limit = 2")
    assert codes([await rewards.order(user)]) == {"confirmed": 1}

"""The forecast of what citizens may still redeem, at both prices."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.forecasts.credits import CreditsReader
from services.rewards.forecasts.domain import DAYS_MAX, Forecast, Prices, Spent, forecast, worth_fen
from services.rewards.forecasts.plot import svg_of
from shared import clock
from tests.rewards.conftest import API, COST_FEN, PRICE_MG, Rewards
from tests.rewards.operators import Operators

PRICES = Prices(4_350, 200_000)
TODAY = date(2026, 11, 27)
TONNE_MG = 10**9


def made(
    *,
    open_mg: int | None = 2_000 * TONNE_MG,
    left_fen: dict[str, int] | None = None,
    spent: tuple[Spent, ...] = (),
    days: int = 10,
    earned: int = 0,
) -> Forecast:
    return forecast(
        today=TODAY,
        days=days,
        prices=PRICES,
        open_mg=open_mg,
        left_fen={"a": 1_000_000} if left_fen is None else left_fen,
        spent=spent,
        earned_mg_per_day=earned,
    )


def test_two_thousand_tonnes_are_worth_87000_yuan_on_the_market_and_46_times_that_as_rewards() -> None:
    now = made().now
    assert (now.at_market_fen, now.at_reward_fen) == (8_700_000, 400_000_000)
    assert now.at_reward_fen // now.at_market_fen == 45  # type: ignore[operator]  # neither is None here
    assert made().unfunded_fen == 399_000_000


def test_45_kilograms_are_90_yuan_at_the_reward_value() -> None:
    assert worth_fen(45_000_000, 200_000) == 9_000
    assert worth_fen(45_000_000, 4_350) == 195


def test_a_budget_runs_out_on_the_day_when_the_mean_of_four_weeks_has_used_it() -> None:
    spent = tuple(Spent("a", TODAY - timedelta(days=n), 1_000, 100) for n in range(1, 29))
    (outlook,) = made(left_fen={"a": 301}, spent=spent).budgets
    assert (outlook.daily_fen, outlook.runs_out_on) == (100, TODAY + timedelta(days=4))
    assert [point.left_fen for point in made(left_fen={"a": 301}, spent=spent).points][:6] == [301, 201, 101, 1, 0, 0]


def test_a_budget_without_spending_does_not_run_out_and_an_empty_one_has() -> None:
    spent = (Spent("b", TODAY - timedelta(days=1), 28, 28),)
    quiet, empty = made(left_fen={"a": 5, "b": 0}, spent=spent).budgets
    assert (quiet.runs_out_on, empty.runs_out_on) == (None, TODAY)


def test_grams_grow_by_the_assumption_and_shrink_by_the_spending() -> None:
    spent = (Spent("a", TODAY - timedelta(days=1), 28 * TONNE_MG, 1),)
    grams = [point.open_mg for point in made(open_mg=5 * TONNE_MG, spent=spent, earned=0, days=6).points]
    assert grams == [tonnes * TONNE_MG for tonnes in (5, 4, 3, 2, 1, 0, 0)]
    grown = made(open_mg=5 * TONNE_MG, spent=spent, earned=3 * TONNE_MG, days=2).points
    assert [point.open_mg for point in grown] == [tonnes * TONNE_MG for tonnes in (5, 7, 9)]


@given(
    open_mg=st.none() | st.integers(0, 10**18),
    left=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 10**12), max_size=4),
    costs=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 10**10), st.integers(0, 10**15)), max_size=20),
    days=st.integers(1, DAYS_MAX),
    earned=st.integers(0, 10**15),
)
def test_money_left_never_grows_nor_falls_below_zero_and_the_picture_is_well_formed(
    open_mg: int | None, left: dict[str, int], costs: list[tuple[str, int, int]], days: int, earned: int
) -> None:
    spent = tuple(Spent(name, TODAY - timedelta(days=1), mg, fen) for name, fen, mg in costs)
    found = made(open_mg=open_mg, left_fen=left, spent=spent, days=days, earned=earned)
    money = [point.left_fen for point in found.points]
    assert money == sorted(money, reverse=True)
    assert min(money) >= 0
    assert len(money) == days + 1
    for point in found.points:
        assert (point.open_mg is None) == (open_mg is None)
        if point.open_mg is not None and point.at_market_fen is not None and point.at_reward_fen is not None:
            assert 0 <= point.at_market_fen <= point.at_reward_fen
    drawn = ET.fromstring(svg_of(found))
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == (1 if open_mg is None else 3)
    for line in lines:
        for pair in line.attrib["points"].split():
            x, y = map(int, pair.split(","))
            assert 110 <= x <= 770
            assert 70 <= y <= 360


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> CreditsReader:
    return CreditsReader(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://accounting.test"))


async def test_the_route_continues_what_was_spent_and_leaves_out_closed_budgets(rewards: Rewards) -> None:
    operators = Operators(rewards)
    await rewards.add_item(stock=9, per_user_limit=None, limit_fen=20 * COST_FEN)
    await rewards.add_item("closed", stock=1, limit_fen=99 * COST_FEN)
    await rewards.sql("UPDATE rewards.budget SET closed_at = now() WHERE budget_id = 'budget-closed'")
    await rewards.add_campaign()
    user = rewards.citizen(10 * PRICE_MG)
    assert (await rewards.order(user, quantity=7)).status_code == 201
    assert (await rewards.donate(user, PRICE_MG)).status_code == 201
    back = (await rewards.order(user)).json()
    await rewards.cancel(user, back["order_id"])
    rewards.app.state.credits = answering(lambda request: httpx.Response(200, json={"amount_mg": 10 * PRICE_MG}))
    # What was spent today is no whole day yet.
    assert (await operators.did(200, "GET", "/forecast"))["daily_fen"] == 0
    await rewards.sql("UPDATE rewards.orders SET created_at = created_at - interval '1 day'")
    found = await operators.did(200, "GET", "/forecast?days=30&earned_mg_per_day=1000")
    assert found["prices"] == {"market_fen_per_tonne": 4_350, "reward_fen_per_tonne": 200_000}
    assert (found["daily_fen"], found["daily_mg"]) == (250, 1_250_000)
    yesterday = clock.local_date(clock.now() - timedelta(days=1), "Asia/Shanghai").isoformat()
    assert found["spent"] == [{"day": yesterday, "amount_mg": 7 * PRICE_MG, "cost_fen": 7 * COST_FEN}]
    first, *_, last = found["points"]
    assert (first["open_mg"], first["left_fen"]) == (2 * PRICE_MG, 13 * COST_FEN)
    assert (first["at_market_fen"], first["at_reward_fen"]) == (43, 2_000)
    assert (len(found["points"]), last["left_fen"]) == (31, 13 * COST_FEN - 30 * 250)
    assert found["unfunded_fen"] == 0
    assert [one["budget_id"] for one in found["budgets"]] == ["budget-reganmian"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: httpx.Response(503),
        lambda request: httpx.Response(200, content=b"<html>"),
        lambda request: httpx.Response(200, json={"amount_mg": -1}),
        lambda request: (_ for _ in ()).throw(httpx.ConnectTimeout("away", request=request)),
    ],
)
async def test_without_accounting_the_money_is_shown_and_the_grams_are_unknown(
    rewards: Rewards, answer: Callable[[httpx.Request], httpx.Response]
) -> None:
    operators = Operators(rewards)
    await rewards.add_item(stock=1)
    rewards.app.state.credits = answering(answer)
    found = await operators.did(200, "GET", "/forecast?days=1")
    assert (found["points"][0]["open_mg"], found["unfunded_fen"]) == (None, None)
    assert found["points"][0]["left_fen"] == 1_000_000


async def test_the_picture_needs_the_scope_and_runs_nothing(rewards: Rewards) -> None:
    rewards.app.state.credits = answering(lambda request: httpx.Response(200, json={"amount_mg": TONNE_MG}))
    path = f"{API}/ops/forecast.svg"
    drawn = await rewards.client.get(path, headers=rewards.tokens.operator())
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert drawn.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "script" not in drawn.text
    assert (await rewards.client.get(path, headers=rewards.tokens.operator("ops:read"))).status_code == 403
    for query in ("days=0", f"days={DAYS_MAX + 1}", "earned_mg_per_day=-1", "earned_mg_per_day=1e400"):
        assert (await rewards.client.get(f"{path}?{query}", headers=rewards.tokens.operator())).status_code == 422, (
            query
        )

"""Monthly giving: once a month whatever crashes, no debt, paused, resumed, cancelled, ended with its campaign."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest

from services.rewards.campaigns.settling import DONATION
from services.rewards.settlement.desk import Desk
from services.rewards.standing_orders.domain import due_after, first_due
from services.rewards.standing_orders.running import run_due
from shared import clock
from tests.rewards.conftest import Rewards
from tests.rewards.donors import ask
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE
from tests.rewards.test_erasures import answers as answers_of_erasures
from tests.rewards.test_erasures import ask as ask_erasure
from tests.rewards.test_erasures import run as run_erasures
from tests.rewards.test_settlement import MortalDatabase, ProcessDied, Tripwire

MARATHON = "zero-carbon-marathon"
ZONE = "Asia/Shanghai"
PATH = "/me/standing-orders"


@asynccontextmanager
async def desk_of(rewards: Rewards) -> AsyncIterator[Desk]:
    """A desk of the worker."""
    desk = Desk(rewards.app.state.settlements, DONATION)
    try:
        yield desk
    finally:
        await desk.stop()


async def work(rewards: Rewards) -> None:
    """The worker's job, on a day on which every active order is due, after the claims of earlier jobs."""
    await rewards.sql("UPDATE rewards.standing_run SET next_attempt_at = now()")
    async with desk_of(rewards) as desk:
        await run_due(rewards.database, desk, time_zone=ZONE)


async def make_due(rewards: Rewards, months_ago: int = 0) -> None:
    """Let every active order be due today, or since a day of an earlier month. Its day becomes that day."""
    day = clock.local_date(clock.now(), ZONE)
    for _ in range(months_ago):
        day = day.replace(day=1).replace(
            month=12 if day.month == 1 else day.month - 1, year=day.year - (day.month == 1)
        )
    await rewards.sql("UPDATE rewards.standing_order SET next_on = $1, day = $2 WHERE status = 'active'", day, day.day)


async def begin(rewards: Rewards, user: uuid.UUID, **changes: Any) -> Any:
    body = {"campaign_id": MARATHON, "amount_mg": 5_000, "day": 15} | changes
    answer = await ask(rewards, user, "POST", PATH, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def shown(rewards: Rewards, user: uuid.UUID) -> Any:
    [order] = (await rewards.get(PATH, user)).json()["items"]
    return order


async def outcomes(rewards: Rewards, user: uuid.UUID) -> list[tuple[str, str | None]]:
    return [(run["status"], run["reason_code"]) for run in (await shown(rewards, user))["runs"]]


@pytest.mark.parametrize(
    ("today", "day", "due"),
    [
        (date(2026, 11, 15), 15, date(2026, 11, 15)),
        (date(2026, 11, 16), 15, date(2026, 12, 15)),
        (date(2027, 2, 1), 31, date(2027, 2, 28)),
        (date(2028, 2, 1), 30, date(2028, 2, 29)),
        (date(2026, 12, 31), 30, date(2027, 1, 30)),
    ],
)
def test_a_day_that_a_month_does_not_have_is_its_last(today: date, day: int, due: date) -> None:
    assert first_due(today, day) == due


def test_the_thirty_first_comes_back_after_a_short_month() -> None:
    days = [date(2027, 1, 31)]
    for _ in range(4):
        days.append(due_after(days[-1], 31))
    assert days[1:] == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


async def test_a_month_is_given_once_however_often_the_job_runs(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(20_000)
    made = await begin(rewards, user)
    assert (made["status"], made["runs"], made["months_left"]) == ("active", [], None)
    await make_due(rewards)
    await asyncio.gather(work(rewards), work(rewards), work(rewards))
    await work(rewards)
    assert await outcomes(rewards, user) == [("donated", None)]
    [donation] = (await rewards.get("/me/donations", user)).json()["items"]
    [run] = (await shown(rewards, user))["runs"]
    assert donation["donation_id"] == run["donation_id"]
    assert donation["certificate"] is not None
    assert rewards.balance_mg(user) == 15_000
    await make_due(rewards)  # as if the clock went back: the month has its row
    await work(rewards)
    assert rewards.balance_mg(user) == 15_000


async def test_too_few_grams_skip_the_month_and_leave_no_debt(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(4_999)
    await begin(rewards, user)
    await make_due(rewards)
    await work(rewards)
    assert await outcomes(rewards, user) == [("skipped", "INSUFFICIENT_BALANCE")]
    assert (await shown(rewards, user))["status"] == "active"
    rewards.ledger.balances.update({next(iter(rewards.ledger.balances)): 100_000})
    await work(rewards)
    assert rewards.balance_mg(user) == 104_999, "a skipped month is not made up for"


@pytest.mark.parametrize("had_mg", [20_000, 0])
async def test_a_worker_that_dies_at_any_point_gives_each_month_once(rewards: Rewards, had_mg: int) -> None:
    for point in range(1, 40):
        await rewards.start_over()
        await rewards.add_campaign()
        user = rewards.citizen(had_mg)
        await begin(rewards, user)
        await make_due(rewards)
        wire = Tripwire(point)
        database = MortalDatabase(rewards.settings.database_url, wire)
        rewards.network.passing = wire.passing
        died = False
        try:
            async with rewards.use_database(database), desk_of(rewards) as desk:
                await run_due(database, desk, time_zone=ZONE)
        except ProcessDied:
            died = True
        finally:
            rewards.network.passing = lambda _point: None
            await database.stop()
        await rewards.sql("UPDATE rewards.idempotency_key SET created_at = created_at - interval '1 minute'")
        await rewards.work()
        await work(rewards)
        assert await outcomes(rewards, user) == [("donated", None) if had_mg else ("skipped", "INSUFFICIENT_BALANCE")]
        assert rewards.balance_mg(user) == max(had_mg - 5_000, 0)
        if not died:
            break
    assert point > 8, wire.passed


@pytest.mark.parametrize("fault", [REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE])
async def test_an_outage_of_accounting_is_waited_for(rewards: Rewards, fault: str) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(20_000)
    await begin(rewards, user)
    await make_due(rewards)
    rewards.network.faults = {"all": fault}
    await work(rewards)
    assert await outcomes(rewards, user) == [("running", None)]
    rewards.network.faults = {}
    await rewards.work()
    await work(rewards)
    assert await outcomes(rewards, user) == [("donated", None)]
    assert rewards.balance_mg(user) == 15_000


async def test_a_run_whose_stored_answer_is_gone_is_not_given_again(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(20_000)
    await begin(rewards, user)
    await make_due(rewards)
    await work(rewards)
    await rewards.sql("UPDATE rewards.standing_run SET status = 'running', done_at = NULL, donation_id = NULL")
    await rewards.sql("DELETE FROM rewards.idempotency_key")
    await work(rewards)
    assert await outcomes(rewards, user) == [("donated", None)]
    assert rewards.balance_mg(user) == 15_000


async def test_months_without_a_worker_are_skipped_and_the_last_one_is_given(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(50_000)
    await begin(rewards, user, months=9)
    await make_due(rewards, months_ago=3)
    await work(rewards)
    found = await outcomes(rewards, user)
    assert found[0] in {("donated", None), ("skipped", "MISSED")}
    assert [one for one in found if one == ("donated", None)] == [("donated", None)]
    assert found.count(("skipped", "MISSED")) == len(found) - 1 >= 2
    assert rewards.balance_mg(user) == 45_000
    assert (await shown(rewards, user))["months_left"] == 9 - len(found)


async def test_it_ends_after_its_months(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(50_000)
    await begin(rewards, user, months=1)
    await make_due(rewards)
    await work(rewards)
    order = await shown(rewards, user)
    assert (order["status"], order["end_reason"], order["next_on"]) == ("ended", "MONTHS_OVER", None)
    assert rewards.balance_mg(user) == 45_000
    await begin(rewards, user)  # a new one may follow


async def test_it_ends_with_its_campaign(rewards: Rewards) -> None:
    await rewards.add_campaign(target_mg=8_000)
    anna, ben = rewards.citizen(50_000), rewards.citizen(50_000)
    for user in (anna, ben):
        await begin(rewards, user)
    await make_due(rewards)
    await work(rewards)
    found = {(await outcomes(rewards, user))[0] for user in (anna, ben)}
    assert found == {("donated", None), ("skipped", "TARGET_EXCEEDED")}
    await rewards.donate(anna, 3_000)
    await work(rewards)
    for user in (anna, ben):
        order = await shown(rewards, user)
        assert (order["status"], order["end_reason"]) == ("ended", "CAMPAIGN_OVER")
    body = {"campaign_id": MARATHON, "amount_mg": 5_000, "day": 15}
    assert (await ask(rewards, rewards.citizen(), "POST", PATH, body)).json()["code"] == "CAMPAIGN_CLOSED"


async def test_a_citizen_pauses_resumes_and_cancels(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user, stranger = rewards.citizen(50_000), rewards.citizen()
    path = f"{PATH}/{(await begin(rewards, user))['standing_order_id']}"
    assert (await ask(rewards, user, "POST", f"{path}/pause")).json()["next_on"] is None
    await rewards.sql("UPDATE rewards.standing_order SET next_on = '2026-01-15'")
    await work(rewards)
    assert await outcomes(rewards, user) == []
    resumed = (await ask(rewards, user, "POST", f"{path}/resume")).json()
    assert resumed["next_on"] == first_due(clock.local_date(clock.now(), ZONE), 15).isoformat()
    for method, way in (("POST", "/pause"), ("POST", "/resume"), ("DELETE", ""), ("GET", "")):
        assert (await ask(rewards, stranger, method, f"{path}{way}")).json()["code"] == "STANDING_ORDER_NOT_FOUND"
    for _ in range(2):
        cancelled = (await ask(rewards, user, "DELETE", path)).json()
        assert (cancelled["status"], cancelled["end_reason"]) == ("ended", "CANCELLED")
    assert (await ask(rewards, user, "POST", f"{path}/resume")).json()["code"] == "STANDING_ORDER_ENDED"
    await rewards.sql("UPDATE rewards.standing_order SET next_on = '2026-01-15'")
    await work(rewards)
    assert rewards.balance_mg(user) == 50_000


async def test_one_person_has_one_for_a_campaign_and_ten_in_all(rewards: Rewards) -> None:
    user = rewards.citizen(50_000)
    for number in range(11):
        await rewards.add_campaign(f"campaign-{number}")
    bodies = [{"campaign_id": "campaign-0", "amount_mg": 5_000, "day": day} for day in range(1, 9)]
    answers = await asyncio.gather(*(ask(rewards, user, "POST", PATH, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    [made] = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], one["standing_order_id"]) for one in refused} == {
        ("STANDING_ORDER_EXISTS", made["standing_order_id"])
    }
    for number in range(1, 10):
        await begin(rewards, user, campaign_id=f"campaign-{number}")
    body = {"campaign_id": "campaign-10", "amount_mg": 5_000, "day": 1}
    assert (await ask(rewards, user, "POST", PATH, body)).json()["code"] == "TOO_MANY_STANDING_ORDERS"
    low = {"campaign_id": "campaign-10", "amount_mg": 1, "day": 1}
    assert (await ask(rewards, user, "POST", PATH, low)).json()["code"] == "AMOUNT_OUT_OF_RANGE"


async def test_erasure_waits_for_the_month_under_way_and_ends_the_order(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(50_000)
    await begin(rewards, user)
    await make_due(rewards)
    rewards.network.faults = {"all": UNAVAILABLE}
    await work(rewards)
    await ask_erasure(rewards, user)
    await run_erasures(rewards)
    assert await answers_of_erasures(rewards) == []
    assert (await shown(rewards, user))["status"] == "ended"
    rewards.network.faults = {}
    await rewards.work()
    await work(rewards)
    await rewards.sql("UPDATE rewards.erasure_task SET next_at = now()")
    await run_erasures(rewards)
    assert len(await answers_of_erasures(rewards)) == 1
    for table in ("standing_order", "standing_run"):
        assert await rewards.sql(f"SELECT 1 FROM rewards.{table}") == []
    assert rewards.balance_mg(user) == 45_000

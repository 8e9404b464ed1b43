"""Races between the drivers of one order: it is confirmed with one voucher, or everything is given back.

Thirty of each kind in the suite, a thousand in `make nightly`. The network to accounting is late and loses answers.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from services.rewards.orders.settling import ORDER
from shared import clock
from shared.contracts.holds import HoldState
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import OrderConfirmed, RewardEvent
from shared.outbox import records_in
from tests.rewards.conftest import COST_FEN, PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST

COUNTS = [30, pytest.param(1_000, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)])]
AT_ONCE = 4
ROUNDS_MAX = 5
_MOVE = text(
    "UPDATE rewards.orders SET created_at = clock_timestamp() - make_interval(secs => :seconds)"
    " WHERE order_id = :order_id"
)


class Race:
    """A pending order whose grams nobody has asked for yet."""

    def __init__(self, rewards: Rewards, user: uuid.UUID, order_id: uuid.UUID, key: str) -> None:
        self.rewards, self.user, self.order_id, self.key = rewards, user, order_id, key

    async def drive(self) -> None:
        await self.rewards.engine.drive(ORDER, self.order_id)

    async def cancel(self) -> None:
        answer = await self.rewards.cancel(self.user, str(self.order_id))
        assert answer.status_code in {200, 202}, answer.text

    async def repeat(self) -> None:
        """The citizen's app asks again with the same key."""
        answer = await self.rewards.order(self.user, key=self.key)
        assert answer.status_code in {201, 202, 409}, answer.text

    async def move_start(self, seconds: float) -> None:
        """Let the order begin so many seconds ago. It is given up after sixty."""
        async with self.rewards.database.transaction() as session:
            await session.execute(_MOVE, {"order_id": self.order_id, "seconds": seconds})

    def hold(self, expires_in_s: float) -> None:
        """Place a hold of an earlier version, which ends by itself."""
        account_id = person_account_id(self.user)
        self.rewards.ledger.balances[account_id] -= PRICE_MG
        self.rewards.ledger.holds[self.order_id] = HoldState(
            hold_id=self.order_id,
            account_id=account_id,
            amount_mg=PRICE_MG,
            purpose=ORDER,
            expires_at=clock.now() + timedelta(seconds=expires_in_s),
            status="held",
            captured_to=None,
        )


async def soon(act: Awaitable[None], within_s: float) -> None:
    await asyncio.sleep(random.random() * within_s)
    await act


async def pending_orders(rewards: Rewards, count: int) -> list[Race]:
    await rewards.add_item(stock=count, limit_fen=10_000_000_000)
    rewards.network.faults["spend"] = REQUEST_LOST
    found = []
    for start in range(0, count, 30):
        users = [(rewards.citizen(), str(uuid.uuid4())) for _ in range(min(30, count - start))]
        answers = await asyncio.gather(*(rewards.order(user, key=key) for user, key in users))
        assert {answer.status_code for answer in answers} == {202}
        found += [
            Race(rewards, user, uuid.UUID(answer.json()["order_id"]), key)
            for (user, key), answer in zip(users, answers, strict=True)
        ]
    rewards.network.faults.clear()
    return found


async def play(rewards: Rewards, count: int, race: Callable[[Race], Awaitable[Any]]) -> Counter[str]:
    """Play races, let the worker end what they left open, and check every order. Return how often each end came."""
    races = await pending_orders(rewards, count)
    total_mg = rewards.ledger.total_mg
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(single: Race) -> None:
        async with gate:
            await single.move_start(0)
            await race(single)
            for _ in range(ROUNDS_MAX):
                await single.drive()

    await asyncio.gather(*(one(single) for single in races))
    ends = await check_all(rewards, races)
    assert rewards.ledger.total_mg == total_mg
    assert (await rewards.stock())["sold"] == ends["confirmed"]
    [budget] = await rewards.sql("SELECT reserved_fen, spent_fen FROM rewards.budget")
    assert (budget["reserved_fen"], budget["spent_fen"]) == (0, ends["confirmed"] * COST_FEN)
    assert (await rewards.stock_check())["ok"]
    print(f"{count} races: {dict(ends)}")
    return ends


async def check_all(rewards: Rewards, races: list[Race]) -> Counter[str]:
    orders = {row["order_id"]: row["status"] for row in await rewards.sql("SELECT * FROM rewards.orders")}
    vouchers = Counter(row["order_id"] for row in await rewards.sql("SELECT order_id FROM rewards.voucher"))
    announced = await confirmations(rewards)
    for one in races:
        balance = rewards.balance_mg(one.user)
        hold = rewards.ledger.holds[one.order_id].status
        found = (orders[one.order_id], vouchers[one.order_id], hold, balance)
        if found[0] == "confirmed":
            assert found == ("confirmed", 1, "captured", 0), found
            assert announced[one.order_id] == 1
        else:
            assert found[:2] == ("cancelled", 0), found
            assert found[2] in {"voided", "refunded", "expired"}, found
            assert balance == PRICE_MG
    return Counter(orders[one.order_id] for one in races)


async def confirmations(rewards: Rewards) -> Counter[uuid.UUID]:
    """Count the published confirmations of each order."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(RewardEvent)
    rows = await rewards.sql("SELECT records FROM rewards.outbox")
    events = [decoder.decode(record.value or b"") for row in rows for record in records_in(bytes(row["records"]))]
    return Counter(event.order_id for event in events if isinstance(event, OrderConfirmed))


def late(*points: str, by_s: float) -> Callable[[str], float]:
    """Delay the network at some points by a random time."""
    return lambda point: random.random() * by_s if point in points else 0.0


def require_both(ends: Mapping[str, int], count: int) -> None:
    """Of a thousand random moments each comes first at some. Of the suite's thirty, on a busy machine, maybe not."""
    assert set(ends) <= {"confirmed", "cancelled"}
    assert count < 1_000 or len(ends) == 2


@pytest.mark.parametrize("count", COUNTS)
async def test_a_cancellation_that_arrives_before_its_reservation_wins(rewards: Rewards, count: int) -> None:
    """The void reaches accounting first and is remembered. The spend on its way finds it."""
    arrived: list[str] = []
    rewards.network.passing = lambda point: arrived.append(point) if point.startswith("after") else None
    rewards.network.delay_s = lambda point: 0.15 if point == "before spend" else 0.0

    async def race(one: Race) -> None:
        spending = asyncio.create_task(one.drive())
        await asyncio.sleep(0.02)
        await one.cancel()
        await spending

    ends = await play(rewards, count, race)
    assert ends["cancelled"] >= count * 0.9, "nearly always the void was first"
    assert arrived.count("after void") >= count


@pytest.mark.parametrize("count", COUNTS)
async def test_a_reservation_that_arrives_after_the_order_was_given_up_is_refused(rewards: Rewards, count: int) -> None:
    rewards.network.delay_s = late("before spend", by_s=0.6)

    async def give_up(one: Race) -> None:
        await one.move_start(61)
        await one.drive()

    async def race(one: Race) -> None:
        await asyncio.gather(one.drive(), soon(give_up(one), 0.03), soon(one.drive(), 0.1))

    ends = await play(rewards, count, race)
    require_both(ends, count)


@pytest.mark.parametrize("count", COUNTS)
async def test_many_drivers_at_once_confirm_an_order_once(rewards: Rewards, count: int) -> None:
    """The request, its repeat and two workers, with answers that come back in any order."""
    rewards.network.delay_s = late("before spend", "after spend", by_s=0.01)

    async def race(one: Race) -> None:
        await asyncio.gather(one.drive(), one.drive(), soon(one.drive(), 0.02), soon(one.repeat(), 0.02))

    ends = await play(rewards, count, race)
    assert ends == {"confirmed": count}
    assert rewards.ledger.asked["spend"] > count


@pytest.mark.parametrize("count", COUNTS)
async def test_a_confirmation_racing_the_end_of_its_hold_has_one_end(rewards: Rewards, count: int) -> None:
    """A hold that ends by itself, in the moment in which it is captured."""
    rewards.network.delay_s = late("before spend", "before void", by_s=0.01)

    async def expire(one: Race) -> None:
        hold = rewards.ledger.holds[one.order_id]
        assert hold.expires_at is not None
        if hold.status == "held" and hold.expires_at <= clock.now():
            rewards.ledger.end(one.order_id, "expired")

    async def race(one: Race) -> None:
        one.hold(expires_in_s=random.random() * 0.4)
        await asyncio.gather(
            soon(one.drive(), 0.2), soon(one.drive(), 0.2), *(soon(expire(one), 0.4) for _ in range(3))
        )

    ends = await play(rewards, count, race)
    require_both(ends, count)


@pytest.mark.parametrize("count", COUNTS)
async def test_a_confirmation_racing_the_time_of_its_order_has_one_end(rewards: Rewards, count: int) -> None:
    """The order is given up after sixty seconds: one driver finds it in time, the other one too late."""
    rewards.network.delay_s = late("before spend", "before void", by_s=0.02)

    async def race(one: Race) -> None:
        await one.move_start(60 - random.random() * 0.4)
        await asyncio.gather(*(soon(one.drive(), 0.2) for _ in range(3)))

    ends = await play(rewards, count, race)
    require_both(ends, count)

"""Races for one voucher: whoever comes second is refused, and grams, pieces and fen agree with the winner.

Thirty of each kind in the suite, a thousand in `make nightly`.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.rewards.vouchers import using
from tests.rewards.conftest import COST_FEN, PRICE_MG, Rewards
from tests.rewards.tills import Till, add_till, bought, open_counter, shown

COUNTS = [30, pytest.param(1_000, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)])]
AT_ONCE = 4


class Race:
    """One voucher on its owner's screen, and two tills."""

    def __init__(self, rewards: Rewards, tills: tuple[Till, Till], user: uuid.UUID, order: dict[str, Any]) -> None:
        self.rewards, self.tills, self.user, self.order = rewards, tills, user, order
        self.voucher_id = uuid.UUID(order["vouchers"][0]["voucher_id"])
        self.qr = ""

    async def look(self) -> None:
        self.qr = (await shown(self.rewards, self.user, self.order))["qr"]

    async def row(self) -> Any:
        [row] = await self.rewards.sql(
            "SELECT v.*, o.status AS order_status, (SELECT count(*) FROM rewards.redemption r"
            " WHERE r.voucher_id = v.voucher_id AND r.undone_at IS NULL) AS live"
            " FROM rewards.voucher v LEFT JOIN rewards.orders o ON o.order_id = $2 WHERE v.voucher_id = $1",
            self.voucher_id,
            uuid.UUID(self.order["order_id"]),
        )
        return row


async def at_once(*runners: Awaitable[httpx.Response | None], within_s: float = 0.006) -> list[Any]:
    """Start together, each at a random moment of a short time, so that every order of steps occurs."""
    barrier = asyncio.Barrier(len(runners))

    async def run(runner: Awaitable[httpx.Response | None]) -> Any:
        await barrier.wait()
        await asyncio.sleep(random.random() * within_s)
        return await runner

    return await asyncio.gather(*(run(one) for one in runners))


async def run_races(rewards: Rewards, count: int, race: Callable[[Race], Awaitable[str]]) -> dict[str, int]:
    """Return how often each end occurred."""
    await rewards.add_item(stock=count, limit_fen=10_000_000_000)
    first = await open_counter(rewards)
    tills = (first, await add_till(rewards))
    ends: dict[str, int] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            single = Race(rewards, tills, *await bought(rewards))
            await single.look()
            end = await race(single)
            ends[end] = ends.get(end, 0) + 1

    await asyncio.gather(*(one() for _ in range(count)))
    assert sum(ends.values()) == count
    print(f"{count} races: {ends}")
    return ends


async def settled_fen(rewards: Rewards) -> int:
    rows = await rewards.sql("SELECT coalesce(sum(fen), 0) AS fen FROM rewards.redemption WHERE undone_at IS NULL")
    return int(rows[0]["fen"])


@pytest.mark.parametrize("count", COUNTS)
async def test_two_tills_at_once_redeem_a_voucher_once(rewards: Rewards, count: int) -> None:
    async def race(one: Race) -> str:
        answers = await at_once(*(till.redeem(one.qr) for till in one.tills))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        [refused] = [answer.json() for answer in answers if answer.status_code == 409]
        assert (refused["code"], refused["same_till"], refused["shop_id"]) == ("VOUCHER_USED", False, "hubu")
        assert (await one.row())["live"] == 1
        return f"till {[answer.status_code for answer in answers].index(201) + 1}"

    await run_races(rewards, count, race)
    assert await settled_fen(rewards) == count * COST_FEN


@pytest.mark.parametrize("count", COUNTS)
async def test_a_redemption_racing_a_give_back_has_one_winner(rewards: Rewards, count: int) -> None:
    async def race(one: Race) -> str:
        redeemed, cancelled = await at_once(
            one.tills[0].redeem(one.qr), rewards.cancel(one.user, one.order["order_id"])
        )
        row, balance = await one.row(), rewards.balance_mg(one.user)
        if redeemed.status_code == 201:
            assert (cancelled.status_code, cancelled.json()["code"]) == (409, "ORDER_USED")
            assert (row["order_status"], row["live"]) == ("confirmed", 1)
            assert balance == 50_000_000 - PRICE_MG
            return "redeemed"
        assert redeemed.json()["code"] in {"VOUCHER_GIVEN_BACK", "VOUCHER_NOT_FOUND"}, redeemed.text
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert (row["order_status"], row["live"], balance) == ("cancelled", 0, 50_000_000)
        return "given back"

    ends = await run_races(rewards, count, race)
    assert await settled_fen(rewards) == ends.get("redeemed", 0) * COST_FEN
    assert (await rewards.stock())["sold"] == ends.get("redeemed", 0)


@pytest.mark.parametrize("count", COUNTS)
async def test_a_redemption_racing_the_expiry_has_one_winner(rewards: Rewards, count: int) -> None:
    async def expiry(one: Race) -> None:
        async with rewards.database.transaction() as session:
            await using.expire_due(session)

    async def race(one: Race) -> str:
        await rewards.sql(
            "UPDATE rewards.voucher SET valid_until = clock_timestamp() + make_interval(secs => $2)"
            " WHERE voucher_id = $1",
            one.voucher_id,
            random.random() * 0.15,
        )
        redeemed, *_ = await at_once(one.tills[0].redeem(one.qr), *(expiry(one) for _ in range(2)))
        await asyncio.sleep(0.15)
        await expiry(one)
        row = await one.row()
        if redeemed.status_code == 201:
            assert (row["live"], row["expired_at"]) == (1, None)
            assert row["used_at"] < row["valid_until"]
            return "redeemed"
        assert redeemed.json()["code"] == "VOUCHER_EXPIRED"
        assert (row["live"], row["used_at"], row["order_status"]) == (0, None, "confirmed")
        assert row["expired_at"] >= row["valid_until"]
        return "expired"

    ends = await run_races(rewards, count, race)
    assert await settled_fen(rewards) == ends.get("redeemed", 0) * COST_FEN


@pytest.mark.parametrize("count", COUNTS)
async def test_an_undo_racing_a_second_redemption_leaves_one_use_or_none(rewards: Rewards, count: int) -> None:
    async def race(one: Race) -> str:
        first = (await one.tills[0].redeem(one.qr)).json()["redemption_id"]
        undone, second = await at_once(one.tills[0].undo(first), one.tills[1].redeem(one.qr), within_s=0.05)
        assert undone.status_code == 200, undone.text
        row = await one.row()
        if second.status_code == 201:
            assert (row["live"], str(row["use_id"])) == (1, second.json()["redemption_id"])
            return "second"
        assert second.json()["code"] == "VOUCHER_USED"
        assert (row["live"], row["use_id"]) == (0, None)
        return "none"

    ends = await run_races(rewards, count, race)
    assert await settled_fen(rewards) == ends.get("second", 0) * COST_FEN

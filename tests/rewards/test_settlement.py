"""However an order or a donation is interrupted, it is either paid and delivered, or everything is given back."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock
from shared.contracts.holds import HoldState
from shared.contracts.identity import person_account_id
from shared.db import Database
from tests.rewards.conftest import API, PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE


class ProcessDied(BaseException):
    """The process ends here: no code catches this."""


class Tripwire:
    """Counts the commits and calls of the process, and dies at the chosen one."""

    def __init__(self, dies_at: int) -> None:
        self.dies_at, self.passed = dies_at, list[str]()

    def passing(self, point: str) -> None:
        self.passed.append(point)
        if len(self.passed) == self.dies_at:
            raise ProcessDied(point)


class MortalDatabase(Database):
    """Passes the tripwire before and after each commit."""

    def __init__(self, dsn: str, wire: Tripwire) -> None:
        super().__init__(dsn, pool_size=4)
        self._wire = wire

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            self._wire.passing("before commit")
        self._wire.passing("after commit")


async def dying_at(rewards: Rewards, point: int, act: Callable[[], Awaitable[object]]) -> list[str]:
    """Let the application die at its `point`-th commit or call. Return the points that it passed."""
    wire = Tripwire(point)
    database = MortalDatabase(rewards.settings.database_url, wire)
    rewards.network.passing = wire.passing
    try:
        async with rewards.use_database(database):
            await act()
    except ProcessDied:
        pass
    finally:
        rewards.network.passing = lambda _point: None
        await database.stop()
    return wire.passed


async def ended_well(rewards: Rewards, user: uuid.UUID, had_mg: int) -> str:
    """Assert that the order has one of the two ends. Return it."""
    orders = (await rewards.get("/me/orders", user)).json()["items"]
    check = await rewards.stock_check()
    assert check["ok"], check
    stock = {name: check["items"][0][name] for name in ("available", "reserved", "sold")}
    assert rewards.ledger.total_mg == had_mg
    if orders and orders[0]["status"] == "confirmed":
        (voucher,) = orders[0]["vouchers"]
        assert (await rewards.get(f"/me/vouchers/{voucher['voucher_id']}", user)).status_code == 200
        assert rewards.balance_mg(user) == had_mg - PRICE_MG
        assert stock == {"available": 4, "reserved": 0, "sold": 1}
        return "given"
    assert all(order["status"] == "cancelled" and order["vouchers"] == [] for order in orders)
    assert rewards.balance_mg(user) == had_mg
    assert stock == {"available": 5, "reserved": 0, "sold": 0}
    return "back"


FIRST_TRY, LATE = 20, 90  # seconds until the worker runs: at its first attempt, or after the order timed out
COMMIT = ["before commit", "after commit"]


def asked(operation: str) -> list[str]:
    return [f"before {operation}", f"after {operation}"]


PLACE, END = COMMIT, COMMIT
PAID = [*PLACE, *asked("spend"), *END]
REFUSED = [*PLACE, *asked("spend"), *END]


@pytest.mark.parametrize("back_after_s", [FIRST_TRY, LATE])
@pytest.mark.parametrize(
    ("had_mg", "points", "ends"), [(PRICE_MG, PAID, {"given", "back"}), (PRICE_MG - 1, REFUSED, {"back"})]
)
async def test_a_request_that_dies_at_any_point_ends_confirmed_or_cancelled(
    rewards: Rewards, had_mg: int, points: list[str], ends: set[str], back_after_s: int
) -> None:
    seen = set()
    for point in range(1, len(points) + 2):
        await rewards.start_over()
        await rewards.add_item()
        user, key = rewards.citizen(had_mg), str(uuid.uuid4())
        assert await dying_at(rewards, point, partial(rewards.order, user, key=key)) == points[:point]
        await rewards.work(back_after_s)
        end = await ended_well(rewards, user, had_mg)
        seen.add(end)
        repeat = await rewards.order(user, key=key)
        if point == 1:
            continue  # nothing was stored, so the repeat was the first request
        assert repeat.status_code == (201 if end == "given" else 409)
        assert repeat.headers["idempotent-replayed"] == "true"
        assert await ended_well(rewards, user, had_mg) == end
    assert seen == ends


@pytest.mark.parametrize(
    ("operation", "fault", "back_after_s"),
    [
        ("spend", REQUEST_LOST, FIRST_TRY),
        ("spend", REQUEST_LOST, LATE),
        ("spend", UNAVAILABLE, FIRST_TRY),
        ("spend", RESPONSE_LOST, FIRST_TRY),
        ("spend", RESPONSE_LOST, LATE),
    ],
)
async def test_a_worker_that_dies_at_any_point_ends_confirmed_or_cancelled(
    rewards: Rewards, operation: str, fault: str, back_after_s: int
) -> None:
    """The request never gets the answer to its hold or capture. Then the worker that takes over dies as well."""
    captured = fault == RESPONSE_LOST
    end = ("confirmed", 0) if captured or back_after_s == FIRST_TRY else ("cancelled", PRICE_MG)
    await rewards.add_item(stock=20)
    for point in range(1, 20):
        rewards.network.faults = {operation: fault}
        user = rewards.citizen()
        placed = await rewards.order(user)
        assert (placed.status_code, placed.json()["status"]) == (202, "pending")
        rewards.network.faults = {}
        await rewards.pass_time(back_after_s)
        passed = await dying_at(rewards, point, rewards.drive_due)
        await rewards.work()
        order = (await rewards.get(f"/orders/{placed.json()['order_id']}", user)).json()
        assert (order["status"], rewards.balance_mg(user)) == end
        assert len(order["vouchers"]) == (order["status"] == "confirmed")
        if len(passed) < point:
            break
    assert 10 <= len(passed) < point


async def test_a_pending_order_is_answered_and_then_completed(rewards: Rewards) -> None:
    await rewards.add_item()
    user, key = rewards.citizen(), str(uuid.uuid4())
    rewards.network.faults = {"all": UNAVAILABLE}
    placed = await rewards.order(user, key=key)
    assert (placed.status_code, placed.json()["status"], placed.json()["vouchers"]) == (202, "pending", [])
    assert (await rewards.order(user, key=key)).json()["code"] == "IDEMPOTENCY_KEY_IN_PROGRESS"
    assert await rewards.stock() == {"available": 4, "reserved": 1, "sold": 0}
    rewards.network.faults = {}
    await rewards.work()
    final = await rewards.order(user, key=key)
    assert (final.status_code, final.headers["idempotent-replayed"]) == (201, "true")
    assert final.json()["order_id"] == placed.json()["order_id"]
    assert final.json()["vouchers"]


async def test_a_repeated_request_continues_one_that_died(rewards: Rewards) -> None:
    await rewards.add_item()
    user, key = rewards.citizen(), str(uuid.uuid4())
    rewards.network.faults = {"spend": REQUEST_LOST}
    assert (await rewards.order(user, key=key)).status_code == 202
    rewards.network.faults = {}
    await rewards.sql("UPDATE rewards.idempotency_key SET created_at = created_at - interval '40 s'")
    final = await rewards.order(user, key=key)
    assert final.status_code == 201
    assert len(rewards.ledger.holds) == 1


async def test_an_answer_made_by_the_worker_is_in_the_language_of_the_request(rewards: Rewards) -> None:
    await rewards.add_item()
    user, key = rewards.citizen(0), str(uuid.uuid4())
    rewards.network.faults = {"spend": UNAVAILABLE}
    placed = await rewards.order(user, key=key, language="en")
    assert placed.status_code == 202
    rewards.network.faults = {}
    await rewards.work()
    final = (await rewards.order(user, key=key)).json()
    assert (final["code"], final["title"]) == ("INSUFFICIENT_BALANCE", "Not enough grams")
    assert final["request_id"] == placed.headers["x-request-id"]


async def pending_with_hold(rewards: Rewards, user: uuid.UUID, expires_at: datetime) -> uuid.UUID:
    """An order whose hold was placed by an earlier version, which captured it by a second call."""
    rewards.network.faults = {"spend": REQUEST_LOST}
    placed = await rewards.order(user)
    rewards.network.faults = {}
    order_id, account_id = uuid.UUID(placed.json()["order_id"]), person_account_id(user)
    rewards.ledger.balances[account_id] -= PRICE_MG
    rewards.ledger.holds[order_id] = HoldState(
        hold_id=order_id,
        account_id=account_id,
        amount_mg=PRICE_MG,
        purpose=f"order:{order_id}",
        status="held",
        expires_at=expires_at,
        captured_to=None,
    )
    return order_id


async def test_an_expired_hold_hands_out_nothing(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    order_id = await pending_with_hold(rewards, user, clock.now() + timedelta(minutes=5))
    rewards.ledger.expire_all()
    await rewards.work()
    order = (await rewards.get(f"/orders/{order_id}", user)).json()
    assert (order["status"], order["reason_code"]) == ("cancelled", "SETTLEMENT_TIMED_OUT")
    assert await ended_well(rewards, user, PRICE_MG) == "back"


async def test_a_hold_past_its_time_but_not_expired_hands_out_nothing(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    order_id = await pending_with_hold(rewards, user, clock.now() - timedelta(seconds=1))
    await rewards.work()
    order = (await rewards.get(f"/orders/{order_id}", user)).json()
    assert (order["status"], order["reason_code"]) == ("cancelled", "SETTLEMENT_TIMED_OUT")
    assert await ended_well(rewards, user, PRICE_MG) == "back"


async def test_a_hold_of_an_earlier_version_is_captured(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    await pending_with_hold(rewards, user, clock.now() + timedelta(minutes=5))
    await rewards.work()
    assert await ended_well(rewards, user, PRICE_MG) == "given"


async def test_a_refusal_whose_answer_was_lost_is_final(rewards: Rewards) -> None:
    """The spend is refused for lack of grams, and the answer is lost. Grams that arrive later are not spent."""
    await rewards.add_item()
    user, key = rewards.citizen(0), str(uuid.uuid4())
    rewards.network.faults = {"spend": RESPONSE_LOST}
    assert (await rewards.order(user, key=key)).status_code == 202
    rewards.network.faults = {}
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    await rewards.work()
    assert (await rewards.order(user, key=key)).json()["code"] == "INSUFFICIENT_BALANCE"
    assert await ended_well(rewards, user, PRICE_MG) == "back"


async def test_a_hold_that_arrives_after_its_void_is_refused(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    arrived, go_on = rewards.network.pause("spend")
    request = asyncio.create_task(rewards.order(user))
    await arrived.wait()
    (order,) = (await rewards.get("/me/orders", user)).json()["items"]
    cancelled = await rewards.cancel(user, order["order_id"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    go_on.set()
    answer = await request
    assert (answer.status_code, answer.json()["code"]) == (409, "CALLED_OFF")
    assert await ended_well(rewards, user, PRICE_MG) == "back"


async def test_cancelling_an_unpaid_order_twice_is_harmless(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user = rewards.citizen()
    rewards.network.faults = {"all": UNAVAILABLE}
    pending = (await rewards.order(user)).json()
    waiting = await rewards.cancel(user, pending["order_id"])
    assert (waiting.status_code, waiting.json()["status"]) == (202, "cancelling")
    rewards.network.faults = {}
    done = await rewards.cancel(user, pending["order_id"])
    again = await rewards.cancel(user, pending["order_id"])
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")
    assert again.json() == done.json()
    assert rewards.balance_mg(user) == PRICE_MG


async def test_a_cancellation_after_the_capture_gives_the_grams_back(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    rewards.network.faults = {"spend": RESPONSE_LOST}
    pending = (await rewards.order(user)).json()
    rewards.network.faults = {}
    answer = await rewards.cancel(user, pending["order_id"])
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert await ended_well(rewards, user, PRICE_MG) == "back"


async def test_confirmation_cancellation_and_expiry_at_once_have_one_end(rewards: Rewards) -> None:
    """Two workers, the citizen and the clock act at once, many times: each time there is one end."""
    await rewards.add_item(stock=12, per_user_limit=None)
    outcomes = set()
    for _ in range(12):
        user = rewards.citizen()
        rewards.network.faults = {"spend": REQUEST_LOST}
        pending = (await rewards.order(user)).json()
        rewards.network.faults = {}
        await rewards.pass_time(20)

        async def expire() -> None:
            await asyncio.sleep(0)
            rewards.ledger.expire_all()

        engine = rewards.engine
        await asyncio.gather(
            engine.drive_due(),
            rewards.cancel(user, pending["order_id"]),
            engine.drive("order", uuid.UUID(pending["order_id"])),
            expire(),
        )
        await rewards.work()
        order = (await rewards.get(f"/orders/{pending['order_id']}", user)).json()
        assert (order["status"], rewards.balance_mg(user)) in {("confirmed", 0), ("cancelled", PRICE_MG)}
        assert len(order["vouchers"]) == (order["status"] == "confirmed")
        outcomes.add(order["status"])
    assert "cancelled" in outcomes


async def stuck(rewards: Rewards) -> list[dict[str, Any]]:
    answer = await rewards.client.get(f"{API}/ops/orders/stuck", headers=rewards.tokens.operator())
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_settlements_that_hang_are_listed_for_operators(rewards: Rewards) -> None:
    await rewards.add_item()
    await rewards.add_campaign()
    user = rewards.citizen(3 * PRICE_MG)
    rewards.network.faults = {"all": UNAVAILABLE}
    order = (await rewards.order(user)).json()
    donation = (await rewards.donate(user, 2_000)).json()
    assert await stuck(rewards) == []
    await rewards.work(130)
    items = await stuck(rewards)
    assert [(one["kind"], one["settlement_id"]) for one in items] == [
        ("order", order["order_id"]),
        ("donation", donation["donation_id"]),
    ]
    assert {one["status"] for one in items} == {"cancelling"}
    assert {one["last_error"] for one in items} == {"http_503"}
    async with rewards.database.transaction() as session:
        await rewards.engine.report_stuck(session)
    metrics = (await rewards.client.get("/metrics")).text
    assert 'carbon_settlements_stuck{kind="order"} 1.0' in metrics
    rewards.network.faults = {}
    await rewards.work()
    assert await stuck(rewards) == []
    assert rewards.balance_mg(user) == 3 * PRICE_MG

    for headers, status in ((rewards.tokens.citizen(user), 403), (rewards.tokens.operator("ops:read"), 403), ({}, 401)):
        for path in ("/ops/orders/stuck", "/ops/stock-check"):
            assert (await rewards.client.get(API + path, headers=headers)).status_code == status


async def test_an_order_with_too_few_codes_is_listed_as_stuck(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    user = rewards.citizen()
    (code,) = await rewards.sql("DELETE FROM rewards.voucher RETURNING *")
    answer = await rewards.order(user)
    assert (answer.status_code, answer.json()["vouchers"]) == (202, [])
    await rewards.work(130)
    (hanging,) = await stuck(rewards)
    assert hanging["last_error"] == "VOUCHER_POOL_SHORT"
    await rewards.sql(
        "INSERT INTO rewards.voucher (voucher_id, item_id, code_hash, code_sealed) VALUES ($1, $2, $3, $4)",
        code["voucher_id"],
        code["item_id"],
        code["code_hash"],
        code["code_sealed"],
    )
    await rewards.work()
    assert (await rewards.get(f"/orders/{answer.json()['order_id']}", user)).json()["status"] == "confirmed"

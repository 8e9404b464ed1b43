"""A crowd in front of one item, through HTTP: accounts, accounting and rewards as real processes, two of each."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from shared.contracts.identity import person_account_id
from tests.shop import HOST, PRICE_MG, SPONSOR, Shop, Visitor
from tests.starving import TIMES_FACTOR, compare
from tests.tokens import TokenFactory

pytestmark = pytest.mark.longer

# `make nightly` sells 500 pieces to 5,000 citizens.
VISITORS, STOCK = (5_000, 500) if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else (640, 64)
AT_ONCE = 64
GENUINE, IMPATIENT = 60, 16  # orders of others; connections of one citizen
ITEM = "crowd"
_ALL_S = 600.0


class Crowd(NamedTuple):
    """Answers by status and code, and how long they took."""

    answers: Counter[str]
    took_s: list[float]

    @property
    def p99_ms(self) -> float:
        return 1000 * sorted(self.took_s)[int(len(self.took_s) * 0.99)]


@pytest.fixture(scope="module")
def shop(postgres_admin_dsn: str, tmp_path_factory: pytest.TempPathFactory, tokens: TokenFactory) -> Iterator[Shop]:
    with Shop(postgres_admin_dsn, tmp_path_factory.mktemp("crowd"), "test_crowd", tokens, processes=2) as shop:
        yield shop


async def order_all(shop: Shop, visitors: Sequence[Visitor], *, at_once: int) -> Crowd:
    """Let each visitor order one piece. Requests are written to sockets: a client library costs more than the shop."""
    waiting, crowd = iter(visitors), Crowd(Counter(), [])

    async def one_after_another() -> None:
        async with line_to(shop) as ask:
            for visitor in waiting:
                started = time.perf_counter()
                answer = await ask(visitor.order(ITEM))
                crowd.took_s.append(time.perf_counter() - started)
                crowd.answers[answer] += 1

    async with asyncio.timeout(_ALL_S):
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return crowd


@asynccontextmanager
async def line_to(shop: Shop) -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Give a function that sends a request to rewards over one connection and returns status and code."""
    reader, writer = await asyncio.open_connection(HOST, shop.ports["rewards"])

    async def ask(request: bytes) -> str:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body: dict[str, Any] = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
        return f"{int(head.split(b' ', 2)[1])} {body.get('code', body.get('status'))}"

    try:
        yield ask
    finally:
        writer.close()


async def test_c1_a_crowd_buys_every_piece_once_and_everybody_else_gets_the_same_refusal(
    shop: Shop, tokens: TokenFactory
) -> None:
    await shop.add_item(ITEM, STOCK)
    visitors = await shop.add_visitors(VISITORS)
    started = time.perf_counter()
    crowd = await order_all(shop, visitors, at_once=AT_ONCE)
    print(
        f"{VISITORS} orders by {AT_ONCE} at once for {STOCK} pieces: {time.perf_counter() - started:.1f} s,"
        f" p99 {crowd.p99_ms:.0f} ms, {dict(crowd.answers)}"
    )
    assert crowd.answers == {"201 confirmed": STOCK, "409 SOLD_OUT": VISITORS - STOCK}

    (stock,) = await shop.fetch("SELECT available, reserved, sold FROM rewards.item_stock WHERE item_id = $1", ITEM)
    assert dict(stock) == {"available": 0, "reserved": 0, "sold": STOCK}
    (handed_out,) = await shop.fetch(
        "SELECT count(*) AS codes, count(DISTINCT user_id) AS people FROM rewards.voucher"
        " WHERE item_id = $1 AND order_id IS NOT NULL",
        ITEM,
    )
    assert dict(handed_out) == {"codes": STOCK, "people": STOCK}
    (spent,) = await shop.fetch(
        "SELECT sum(balance_mg)::bigint AS left_mg FROM accounting.ledger_account WHERE account_id = ANY($1)",
        [person_account_id(visitor.user_id) for visitor in visitors],
    )
    assert spent["left_mg"] == (4 * VISITORS - STOCK) * PRICE_MG
    (captured,) = await shop.fetch(
        "SELECT balance_mg, (SELECT sum(amount_mg) FROM rewards.orders WHERE status = 'confirmed')::bigint AS orders_mg"
        " FROM accounting.ledger_account WHERE code = $1",
        f"redeemed:{SPONSOR}",
    )
    assert captured["balance_mg"] == captured["orders_mg"]
    async with httpx.AsyncClient(base_url=shop.url("rewards")) as client:
        check = await client.get("/api/v1/rewards/ops/stock-check", headers=tokens.operator())
    assert check.json()["ok"], check.text


async def test_c1_a_citizen_on_many_connections_delays_nobody_else(shop: Shop) -> None:
    """An impatient citizen repeats an order that is sold out. Other citizens order something else meanwhile."""
    people = round(8 * GENUINE * max(TIMES_FACTOR, 1))
    await shop.add_item("sold-out", 0)
    await shop.add_item("calm", people)
    impatient, *others = await shop.add_visitors(1 + people)
    waiting = iter(others)

    async def insist() -> None:
        async with line_to(shop) as ask:
            while True:
                assert await ask(impatient.order("sold-out")) in {"409 SOLD_OUT", "429 TOO_MANY_AT_ONCE"}

    async def attack() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(IMPATIENT):
                group.create_task(insist())

    async with line_to(shop) as ask:

        async def genuine(_: int) -> None:
            assert await ask(next(waiting).order("calm")) == "201 confirmed"

        await genuine(0)
        figure = await compare("an order beside an impatient citizen", genuine, attack, times=GENUINE)
    assert not figure.starves, figure

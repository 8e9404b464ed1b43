"""A day at the counter: redemptions, double attempts, undos, ten minutes without a line.

The settlement equals the ledger. A small day in the suite, the whole one in `make nightly`.
"""

import asyncio
import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.rewards.clearing import printing
from services.rewards.clearing import service as clearing
from shared import clock
from tests.rewards.conftest import API, PRICE_MG, Rewards
from tests.rewards.tills import Till, add_shop, add_till, bought, open_counter, ops, shown

PRICES_FEN = {"reganmian": 1_000, "donghu-boat": 2_599}
AT_ONCE = 6


@dataclass(frozen=True)
class Plan:
    """How much happens in a day."""

    redemptions: int
    double_attempts: int
    undos: int
    offline: int
    double_uses: int


SMALL = Plan(redemptions=60, double_attempts=6, undos=4, offline=8, double_uses=2)
WHOLE = Plan(redemptions=2_000, double_attempts=50, undos=20, offline=120, double_uses=10)


class Day:
    """Guests with vouchers of two items, and two tills in two shops."""

    def __init__(self, rewards: Rewards, plan: Plan) -> None:
        self.rewards, self.plan = rewards, plan
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.tills: list[Till] = []
        self.redeemed: list[tuple[Till, str, str]] = []  # till, redemption, item

    async def open(self) -> None:
        stock = self.plan.redemptions + self.plan.offline
        for item_id, fen in PRICES_FEN.items():
            await self.rewards.add_item(item_id, stock=stock, per_user_limit=None, limit_fen=10**12, price_fen=fen)
        self.tills = [await open_counter(self.rewards)]
        await add_shop(self.rewards, "jianghan")
        self.tills.append(await add_till(self.rewards, "jianghan"))

    def place(self, number: int) -> tuple[Till, str]:
        return self.tills[number % 2], list(PRICES_FEN)[number % 3 % 2]

    async def guest(self, number: int, *, twice: bool) -> None:
        """A guest redeems, some try the same voucher again at the other till."""
        async with self.gate:
            till, item_id = self.place(number)
            qr = (await shown(self.rewards, *await bought(self.rewards, item_id)))["qr"]
            answer = await till.redeem(qr)
            assert answer.status_code == 201, answer.text
            self.redeemed.append((till, answer.json()["redemption_id"], item_id))
            if twice:
                again = await self.tills[(number + 1) % 2].redeem(qr)
                assert (again.status_code, again.json()["code"]) == (409, "VOUCHER_USED")

    async def undo_some(self) -> None:
        undone, self.redeemed = self.redeemed[: self.plan.undos], self.redeemed[self.plan.undos :]
        for till, redemption_id, _ in undone:
            assert (await till.undo(redemption_id)).status_code == 200

    async def lose_the_line(self) -> None:
        """A till accepts signed codes for ten minutes. Some of these vouchers are used at the other till as well."""
        lost = clock.now() - timedelta(seconds=1)
        entries: list[tuple[dict[str, str], str]] = []
        for number in range(self.plan.offline):
            _, item_id = self.place(number)
            qr = (await shown(self.rewards, *await bought(self.rewards, item_id)))["qr"]
            at = clock.now().isoformat()
            entries.append(({"report_id": str(uuid.uuid4()), "qr": qr, "accepted_at": at}, item_id))
            if number < self.plan.double_uses:
                other = await self.tills[1].redeem(qr)
                assert other.status_code == 201, other.text
                self.redeemed.append((self.tills[1], other.json()["redemption_id"], item_id))
        body = {"line_lost_at": lost.isoformat(), "accepted": [entry for entry, _ in entries]}
        results = (await self.tills[0].post("/vouchers/offline-reports", body)).json()["results"]
        outcomes = [one["outcome"] for one in results]
        assert outcomes == ["double_use"] * self.plan.double_uses + ["redeemed"] * (
            self.plan.offline - self.plan.double_uses
        )
        for (_, item_id), one in zip(entries, results, strict=True):
            if one["outcome"] == "redeemed":
                self.redeemed.append((self.tills[0], one["redemption_id"], item_id))

    def expected(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(pieces, fen) by shop and item, of what the guests got."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for till, _, item_id in self.redeemed:
            pieces, fen = found.get((till.shop_id, item_id), (0, 0))
            found[till.shop_id, item_id] = pieces + 1, fen + PRICES_FEN[item_id]
        return found


async def ledger_of(rewards: Rewards) -> tuple[int, int]:
    """(captured grams, fen of budgets) of the orders whose vouchers are used."""
    rows = await rewards.sql(
        "SELECT o.order_id, o.cost_fen FROM rewards.voucher v JOIN rewards.orders o USING (order_id)"
        " WHERE v.used_at IS NOT NULL"
    )
    holds = [rewards.ledger.holds[row["order_id"]] for row in rows]
    assert {hold.status for hold in holds} <= {"captured"}
    return sum(hold.amount_mg for hold in holds), sum(row["cost_fen"] for row in rows)


def by_shop_and_item(lines: Sequence[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(one["shop_id"], one["item_id"]): (one["pieces"], one["fen"]) for one in lines}


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(WHOLE, id="whole", marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)]),
    ],
)
async def test_the_settlement_of_a_tills_day_equals_the_ledger_to_the_fen(rewards: Rewards, plan: Plan) -> None:
    day = Day(rewards, plan)
    await day.open()
    started = clock.now()
    await asyncio.gather(*(day.guest(n, twice=n < plan.double_attempts) for n in range(plan.redemptions)))
    await day.undo_some()
    await day.lose_the_line()
    today = clock.local_date(clock.now(), "Asia/Shanghai")
    await rewards.sql("UPDATE rewards.redemption SET recorded_day = $1", today)  # midnight may have come meanwhile
    settled = await ops(rewards, "GET", f"/settlements?day={today.isoformat()}", status=200)
    assert by_shop_and_item(settled["lines"]) == day.expected()
    captured_mg, cost_fen = await ledger_of(rewards)
    assert (settled["fen"], settled["pieces"]) == (cost_fen, captured_mg // PRICE_MG)
    assert settled["pieces"] == plan.redemptions - plan.undos + plan.offline
    disputes = await rewards.sql("SELECT count(*) AS count FROM rewards.dispute WHERE status = 'open'")
    assert disputes[0]["count"] == plan.double_uses
    own = [await till.settlement() for till in day.tills]
    assert sum(one["fen"] for one in own) == settled["fen"]
    await closed_equals_open(rewards, settled)
    print(f"{settled['pieces']} pieces, {settled['fen']} fen in {(clock.now() - started).total_seconds():.0f} s")


async def closed_equals_open(rewards: Rewards, settled: dict[str, Any]) -> None:
    """Move the day into the past and close it: the same lines, for good."""
    await rewards.sql("UPDATE rewards.redemption SET recorded_day = recorded_day - 3")
    async with rewards.database.transaction() as session:
        await clearing.close_due(session)
    day = clock.local_date(clock.now() - timedelta(days=3), "Asia/Shanghai").isoformat()
    closed = await ops(rewards, "GET", f"/settlements?day={day}", status=200)
    assert closed["status"] == "closed"
    assert (closed["lines"], closed["total_fen"]) == (settled["lines"], settled["total_fen"])
    [row] = await rewards.sql("SELECT * FROM rewards.clearing_day WHERE pieces > 0")
    assert (row["pieces"], row["fen"]) == (settled["pieces"], settled["fen"])


async def test_a_settlement_as_csv_has_the_same_sums_and_no_formula(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    await rewards.sql("UPDATE rewards.shop SET name_zh = '=1+1'")
    await till.redeem((await shown(rewards, *await bought(rewards)))["qr"])
    day = clock.local_date(clock.now(), "Asia/Shanghai").isoformat()
    answer = await rewards.client.get(f"{API}/merchant/settlements.csv?day={day}", headers=till.headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"settlement-{day}.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["total_fen"] for row in rows] == ["1000", "1000"]
    assert (rows[0]["shop_name"], rows[1]["shop_name"]) == ("'=1+1", "合计")
    assert rows[0]["sponsor_name"] == "过早联盟"


async def test_the_page_names_the_merchant_the_sponsor_and_the_sum_in_yuan(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    await till.redeem((await shown(rewards, *await bought(rewards)))["qr"])
    async with rewards.database.transaction() as session:
        today = clock.local_date(clock.now(), "Asia/Shanghai")
        found = await clearing.get_settlement(session, day=today, merchant_id="guozao")
    page = printing.content_of(found, language="zh")
    assert page["texts"][0] == "商家  过早铺子"
    assert page["texts"][2] == "应付合计  10.00 元"
    assert page["rows"] == [
        ["户部巷店", "过早联盟", "一碗热干面", "1", "1,000", "0", "1,000"],
        ["合计", "", "", "1", "1,000", "0", "1,000"],
    ]


async def test_a_settlement_as_pdf_embeds_the_few_characters_that_it_needs(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    await till.redeem((await shown(rewards, *await bought(rewards)))["qr"])
    day = clock.local_date(clock.now(), "Asia/Shanghai").isoformat()
    found = [
        await rewards.client.get(f"{API}/ops/settlements.pdf?day={day}", headers=rewards.tokens.operator())
        for _ in range(2)
    ]
    assert [one.status_code for one in found] == [200, 200], found[0].text
    first = found[0].content
    assert found[0].headers["content-type"] == "application/pdf"
    assert first.startswith(b"%PDF-")
    assert b"NotoSansSC" in first
    assert len(first) < 200_000
    assert first == found[1].content, "the same content gives the same bytes"


async def test_a_crowd_at_the_printer_is_told_to_come_again(rewards: Rewards, monkeypatch: pytest.MonkeyPatch) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    monkeypatch.setattr(printing, "_WAITING_MAX", 0)
    day = clock.local_date(clock.now(), "Asia/Shanghai").isoformat()
    busy = await rewards.client.get(f"{API}/merchant/settlements.pdf?day={day}", headers=till.headers)
    assert (busy.status_code, busy.json()["code"]) == (503, "PDF_BUSY")
    assert busy.headers["Retry-After"] == "5"

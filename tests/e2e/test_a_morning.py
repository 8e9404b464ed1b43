"""An operator's morning over the gateway, on one stack: what it left in the database, and what it left nowhere."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.gateway import Gateway
from deploy.demo.morning.story import CODES, PRICE_FEN, PRICE_MG, Morning, stages
from tests.e2e import traces
from tests.e2e.lived import World
from tests.e2e.stack import LocalStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@dataclass
class Evidence:
    told: dict[str, Any]
    paper: bytes
    rows: dict[str, list[dict[str, Any]]]
    check: dict[str, Any]
    secrets: dict[str, str]
    tables: dict[str, str]
    files: traces.Found


async def _work(stack: LocalStack) -> Evidence:
    world, gateway = World(stack), Gateway(stack.run_dir / "credentials.json")
    admin = await world.connect()
    try:
        morning = Morning(gateway, uuid.uuid4().hex[:8], stack.run_dir)
        for stage in stages(morning):
            await stage()
        secrets = {"code": morning.voucher["code"], "till": morning.till.token, "qr": morning.voucher["qr"]}
        await admin.execute("CHECKPOINT")
        rows = {
            name: [dict(row) for row in await admin.fetch(f"SELECT * FROM rewards.{name}")]
            for name in ("approval", "redemption", "budget", "orders", "audit_log")
        }
        rows["orders"] = [row for row in rows["orders"] if row["item_id"] == morning.item_id]
        rows["budget"] = [row for row in rows["budget"] if row["budget_id"] == morning.budget_id]
        return Evidence(
            told=morning.told,
            paper=(stack.run_dir / "settlement.pdf").read_bytes(),
            rows=rows,
            check=await gateway.get_as_operator("/api/v1/rewards/ops/stock-check"),
            secrets=secrets,
            tables=await traces.read_tables(admin),
            files=traces.files_with(traces.directories_of(stack.run_dir), secrets),
        )
    finally:
        await admin.close()
        await gateway.close()


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    run_dir: Path = tmp_path_factory.mktemp("morning") / "run"
    stack = LocalStack(run_dir, port_offset=19_000, log="embedded", environment={"API_PROCESSES": "1"})
    stack.up()
    try:
        yield asyncio.run(_work(stack))
    finally:
        stack.clean()


def test_the_morning_ends_with_the_settlement_of_its_one_guest(evidence: Evidence) -> None:
    told = evidence.told
    assert (told["codes"], told["before_raise"], told["voucher"]) == (CODES, "BUDGET_EXHAUSTED", "used")
    assert (told["settled_pieces"], told["settled_fen"]) == (1, PRICE_FEN)
    assert (told["badges"], told["rank"]) == (["第一次捐赠"], 1)
    assert evidence.paper.startswith(b"%PDF-")
    assert b"NotoSansSC" in evidence.paper
    assert len(evidence.paper) < 200_000


def test_redemption_order_and_budget_agree_to_the_fen_and_the_milligram(evidence: Evidence) -> None:
    [redemption], [order], [budget] = (evidence.rows[name] for name in ("redemption", "orders", "budget"))
    assert (order["status"], order["cost_fen"], order["amount_mg"]) == ("confirmed", PRICE_FEN, PRICE_MG)
    assert (redemption["fen"], redemption["order_id"]) == (PRICE_FEN, order["order_id"])
    assert (budget["reserved_fen"], budget["spent_fen"], budget["limit_fen"]) == (0, PRICE_FEN, CODES * PRICE_FEN)
    assert evidence.check["ok"], evidence.check


def test_whatever_gives_value_away_was_decided_by_two_persons(evidence: Evidence) -> None:
    approved = [row for row in evidence.rows["approval"] if row["status"] == "approved"]
    assert sorted(row["kind"] for row in approved) == [
        "budget.open",
        "budget.raise",
        "item.publish",
        "merchant.register",
    ]
    assert all(row["decided_by"] != row["proposed_by"] for row in approved)
    assert evidence.told["by_two"] == len(approved)
    actions = {row["action"] for row in evidence.rows["audit_log"]}
    assert {"item.draft", "vouchers.import", "shop.open", "till.enrol", "budget.raise.approve"} <= actions


def test_no_code_and_no_token_of_a_till_is_readable_in_a_table_a_log_or_a_file(evidence: Evidence) -> None:
    assert traces.tables_with(evidence.tables, evidence.secrets) == {}
    assert evidence.files == {}

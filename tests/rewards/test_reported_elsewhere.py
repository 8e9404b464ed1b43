"""Faults of other ledgers and shops, from public reports: two sides that differ after a restore, and nobody sees it."""

import asyncio
import uuid
from typing import Any

import pytest

from services.rewards.reconciliation.engine import Reconciler
from tests.databases import Dsns, connect_past_triggers
from tests.rewards.backups import Backup
from tests.rewards.test_reconciliation import (
    PRICE_MG,
    City,
    accounting,
    accounting_app,
    accounting_database,
    accounting_dsns,
    accounting_settings,
    accounts,
    city,
)

__all__ = [
    "accounting",
    "accounting_app",
    "accounting_database",
    "accounting_dsns",
    "accounting_settings",
    "accounts",
    "city",
]  # fixtures


async def approve_captures(city: City, run: dict[str, Any]) -> None:
    body = {"reason": "restored from yesterday"}
    proposal = await city.operate("POST", f"/runs/{run['run_id']}/captures", "ops-1", body, expect=201)
    await city.operate("POST", f"/captures/{proposal['proposal_id']}/approve", "ops-2")


async def test_b8_captures_approved_twice_after_a_restore_take_the_grams_once(
    city: City, accounting_dsns: Dsns
) -> None:
    """formancehq/ledger#1592, own-pay/OwnPay#222: a restored node forgets what it did, and does it twice."""
    anna = await city.citizen(rides=2)
    backup = Backup(accounting_dsns, "accounting")
    try:
        await backup.take()
        order, donation = await city.order(anna), await city.donate(anna)
        spent_mg = await city.balance_mg(anna)
        await backup.restore()
    finally:
        await backup.drop()
    runs = [await city.reconcile(), await city.reconcile()]
    for run in runs:
        assert run["differences"] == {"CAPTURE_MISSING": 2}
        await approve_captures(city, run)
    workers: list[Reconciler] = [city.reconciler_with() for _ in range(3)]
    for _tick in range(2):
        await asyncio.gather(*(worker.repeat_captures() for worker in workers))
    assert await city.balance_mg(anna) == spent_mg
    for run in runs:
        found = await city.differences(run)
        assert {one: item["result"] for one, item in found.items()} == {order: "captured", donation: "captured"}
    assert (await city.reconcile())["ok"]
    assert (await city.accounting.check())["ok"]


@pytest.mark.parametrize("column", ["hold.settled_at", "hold.created_at", "donation.settled_at", "donation.created_at"])
async def test_b8_a_time_that_has_not_come_is_no_movement_of_just_now(
    city: City, accounting_dsns: Dsns, rewards_dsns: Dsns, column: str
) -> None:
    """DGAzr/ourschool#32: restored rows get other times, and look new for ever."""
    donation = await city.donate(await city.citizen())
    table, _, time = column.partition(".")
    schema, dsns = ("accounting", accounting_dsns) if table == "hold" else ("rewards", rewards_dsns)
    hour = "created_at = created_at - interval '1 hour', settled_at = settled_at - interval '1 hour'"
    for service, owner, rows in (("accounting", accounting_dsns, "hold"), ("rewards", rewards_dsns, "donation")):
        connection = await connect_past_triggers(owner)
        await connection.execute(f"UPDATE {service}.{rows} SET {hour}")
        await connection.close()
    connection = await connect_past_triggers(dsns)
    await connection.execute(f"UPDATE {schema}.{table} SET amount_mg = amount_mg + 1, {time} = '2999-01-01'")
    await connection.close()
    city.reconciler = city.reconciler_with(in_flight_s=900)
    run = await city.reconcile()
    assert (run["in_flight"], list(await city.differences(run))) == (0, [donation])


async def test_b8_what_a_citizen_pays_again_after_a_restore_is_found(city: City, rewards_dsns: Dsns) -> None:
    """woocommerce/woocommerce-gateway-stripe#5703, saleor/saleor#9504: paid for a record that is gone or called off."""
    anna = await city.citizen(rides=2)
    key = str(uuid.uuid4())
    backup = Backup(rewards_dsns, "rewards")
    try:
        await backup.take()
        first = (await city.rewards.order(anna, key=key)).json()["order_id"]
        await backup.restore()
    finally:
        await backup.drop()
    # The phone sends the same request again. Rewards knows nothing of the first one.
    again = await city.rewards.order(anna, key=key)
    assert again.status_code == 201
    second = again.json()["order_id"]
    run = await city.reconcile()
    found = await city.differences(run)
    assert second != first
    assert {one: item["difference"] for one, item in found.items()} == {first: "CAPTURE_UNCLAIMED"}
    totals = {one["receiver"]: (one["confirmed_mg"], one["captured_mg"]) for one in run["totals"]}
    assert totals["redeemed:guozao"] == (PRICE_MG, 2 * PRICE_MG)

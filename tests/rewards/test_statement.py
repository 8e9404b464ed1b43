"""Both services, both real: what a person reads after an order, and what comes back after a cancellation."""

import asyncio
from typing import Any

from shared.contracts.identity import person_account_id
from tests.databases import Dsns
from tests.rewards.backups import Backup
from tests.rewards.loans import open_bank
from tests.rewards.test_reconciliation import (
    DONATED_MG,
    PRICE_MG,
    City,
    accounting,
    accounting_app,
    accounting_database,
    accounting_dsns,
    accounting_settings,
    accounts,
    capture_again,
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


async def entries(city: City, user: Any) -> list[dict[str, Any]]:
    answer = await city.accounting.client.get(
        "/api/v1/accounting/me/entries", headers=city.accounting.tokens.citizen(user)
    )
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_c11_the_statement_names_the_item_and_the_campaign(city: City) -> None:
    anna = await city.citizen()
    order_id, donation_id = await city.order(anna), await city.donate(anna)
    gift, order, credit = await entries(city, anna)
    assert (order["title"], order["order_id"], order["donation_id"]) == ("兑换：一碗热干面", order_id, None)
    assert (gift["title"], gift["donation_id"], gift["order_id"]) == ("捐赠给零碳马拉松", donation_id, None)
    assert credit["activity_id"]


async def test_c10_a_cancelled_order_gives_the_grams_back_in_the_ledger(city: City) -> None:
    anna = await city.citizen()
    before = await city.balance_mg(anna)
    order_id = await city.order(anna)
    assert await city.balance_mg(anna) == before - PRICE_MG
    answers = await asyncio.gather(*(city.rewards.cancel(anna, order_id) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert await city.balance_mg(anna) == before
    assert (await entries(city, anna))[0]["title"] == "取消兑换，退回：一碗热干面"
    await city.donate(anna)
    run = await city.reconcile()
    assert run["ok"], await city.differences(run)
    assert [one["receiver"] for one in run["totals"]] == ["donated:zero-carbon-marathon"]
    assert (await city.accounting.check())["ok"]


async def test_c9_a_frozen_citizen_is_refused_by_name_through_both_services(city: City) -> None:
    anna = await city.citizen()
    reason = {"reason": "疑似盗用，待核实"}
    operator = city.accounting.tokens.operator()
    frozen = await city.accounting.client.post(
        f"/api/v1/accounting/ops/accounts/{person_account_id(anna)}/freeze", json=reason, headers=operator
    )
    assert frozen.status_code == 200
    for answer in (await city.rewards.order(anna), await city.rewards.donate(anna, DONATED_MG)):
        assert (answer.status_code, answer.json()["code"]) == (409, "ACCOUNT_FROZEN")
        assert "12345" in answer.json()["detail"]


async def test_c1_sixty_citizens_at_once_spend_in_both_services(city: City) -> None:
    users = await asyncio.gather(*(city.citizen() for _ in range(60)))
    answers = await asyncio.gather(*(city.rewards.order(user) for user in users))
    assert sorted(answer.status_code for answer in answers) == [201] * 30 + [409] * 30
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"SOLD_OUT"}
    run = await city.reconcile()
    assert run["ok"], await city.differences(run)


async def test_a_capture_that_operators_repeat_keeps_its_line(city: City, accounting_dsns: Dsns) -> None:
    anna = await city.citizen()
    backup = Backup(accounting_dsns, "accounting")
    try:
        await backup.take()
        await city.order(anna)
        await city.donate(anna)
        before = [entry["title"] for entry in await entries(city, anna)]
        await backup.restore()
    finally:
        await backup.drop()
    await capture_again(city, await city.reconcile())
    assert sorted(entry["title"] for entry in await entries(city, anna)) == sorted(before)


async def test_words_that_no_line_can_show_never_hold_up_an_order(city: City) -> None:
    """Items of earlier versions may have such a title."""
    await city.rewards.sql("UPDATE rewards.item SET title_en = E'Noodles\\nRedeemed: a car'")
    anna = await city.citizen()
    await city.order(anna)
    assert (await entries(city, anna))[0]["title"].startswith("兑换：")


async def test_loan_interest_and_its_return_are_lines_of_their_own(city: City) -> None:
    anna = await city.citizen()
    had_mg = await city.balance_mg(anna)
    async with open_bank(city.rewards) as lending:
        await lending.register(sponsor_id="guozao")
        quotes = [await lending.quote(await lending.borrow(anna, 2)) for _ in range(2)]
        kept, refused = [await lending.offset(anna, quote_id, 10_000) for quote_id in quotes]
        assert (kept.status_code, refused.status_code) == (201, 201), kept.text
        await lending.bank.send("POST", f"/loan-offsets/{refused.json()['offset_id']}/refuse")
        assert await lending.work() == {quotes[0]: "confirmed"}
    assert await city.balance_mg(anna) == had_mg - 10_000
    returned, _, spent = (await entries(city, anna))[:3]
    assert returned["title"] == "银行没有减息，退回：江城示范银行"
    assert (spent["title"], spent["loan_offset_id"]) == ("抵扣贷款利息：江城示范银行", kept.json()["offset_id"])
    run = await city.reconcile()
    assert run["ok"], await city.differences(run)
    assert [one["receiver"] for one in run["totals"]] == ["redeemed:guozao"]
    assert (await city.accounting.check())["ok"]

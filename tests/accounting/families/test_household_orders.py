"""Rewards and accounting together: a household spends its grams on real orders, and each order has one right end."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.rewards.main import create_app
from services.rewards.settings import Settings
from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.families.test_family_spends import agree, home_mg, propose, rich_family, set_rule
from tests.accounting.households.homes import KWH_MG, publish, unpublish
from tests.accounting.reports import Reports
from tests.databases import Dsns, empty_tables, make_database
from tests.fake_accounts import FakeAccounts
from tests.rewards.conftest import VOUCHER_KEY, Rewards
from tests.rewards.fake_accounting import FaultyNetwork, Ledger
from tests.tokens import SERVICE_KEYS, TokenFactory

PRICE_MG = 300_000


class Wire(httpx.AsyncBaseTransport):
    """The network between rewards and accounting."""

    def __init__(self, accounting: httpx.AsyncClient) -> None:
        self._accounting = accounting
        self.down = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        return await self._accounting._transport.handle_async_request(request)


@pytest.fixture(autouse=True)
async def district(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    await publish(accounting.database)
    yield
    await unpublish(accounting_dsns)


@pytest.fixture(scope="session")
def shop_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "test_family_rewards", ["rewards"])


@pytest.fixture
def wire(accounting: Accounting) -> Wire:
    return Wire(accounting.client)


@pytest.fixture
async def shop(
    shop_dsns: Dsns, tokens: TokenFactory, jwks_transport: httpx.MockTransport, wire: Wire
) -> AsyncIterator[Rewards]:
    await empty_tables(shop_dsns, "rewards")
    settings = Settings(
        database_url=shop_dsns.app("rewards"),
        event_log_url=shop_dsns.event_log,
        jwks_url="http://accounts.test/jwks",
        service_key=SERVICE_KEYS["rewards"],
        accounting_base_url="http://accounting.test",
        voucher_key=VOUCHER_KEY,
    )
    app = create_app(
        settings, accounting_transport=wire, accounts_transport=FakeAccounts(), jwks_transport=jwks_transport
    )
    driver = Rewards(settings, shop_dsns, tokens, app, FaultyNetwork(Ledger()))
    async with app.router.lifespan_context(app), driver.client:
        await driver.add_item(stock=10, price_mg=PRICE_MG, per_user_limit=None)
        yield driver
        check = await driver.stock_check()
        assert check["ok"], check
        await driver.database.stop()


async def order(
    shop: Rewards, person: Reports, account_id: uuid.UUID, agreement_id: str | None = None
) -> tuple[int, dict[str, Any]]:
    agreed: dict[str, Any] = {} if agreement_id is None else {"agreement_id": agreement_id}
    answer = await shop.order(person.user_id, key=None, account_id=str(account_id), **agreed)
    return answer.status_code, answer.json()


async def test_two_members_who_order_the_last_grams_at_once_get_one_bowl(accounting: Accounting, shop: Rewards) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", KWH_MG)
    answers = await asyncio.gather(*(order(shop, who, home.account_id) for who in (anna, bert)))
    assert sorted(status for status, _ in answers) == [201, 409]
    assert [body["code"] for status, body in answers if status == 409] == ["INSUFFICIENT_BALANCE"]
    assert await home_mg(accounting, home, anna) == KWH_MG - PRICE_MG
    [bowl] = [(who, body) for who, (status, body) in zip((anna, bert), answers, strict=True) if status == 201]
    assert (await shop.cancel(bowl[0].user_id, bowl[1]["order_id"])).json()["status"] == "cancelled"
    assert await home_mg(accounting, home, anna) == KWH_MG, "back to the household"
    assert await shop.stock() == {"available": 10, "reserved": 0, "sold": 0}


async def test_a_household_agrees_and_its_proposer_orders_once(accounting: Accounting, shop: Rewards) -> None:
    home, [anna, bert] = await rich_family(accounting)
    refused = await order(shop, anna, home.account_id)
    assert (refused[0], refused[1]["code"]) == (409, "AGREEMENT_REQUIRED")
    agreement_id = await propose(accounting, home, anna, PRICE_MG)
    await agree(accounting, home, bert, agreement_id)
    status, body = await order(shop, anna, home.account_id, agreement_id=agreement_id)
    assert (status, body["status"]) == (201, "confirmed")
    again = await order(shop, anna, home.account_id, agreement_id=agreement_id)
    assert (again[0], again[1]["code"]) == (409, "AGREEMENT_REQUIRED")
    assert await home_mg(accounting, home, bert) == KWH_MG - PRICE_MG


async def test_an_agreed_order_of_a_member_who_leaves_before_it_is_paid_is_cancelled(
    accounting: Accounting, shop: Rewards, wire: Wire
) -> None:
    home, [anna, bert] = await rich_family(accounting)
    agreement_id = await propose(accounting, home, anna, PRICE_MG)
    await agree(accounting, home, bert, agreement_id)
    wire.down = True
    status, body = await order(shop, anna, home.account_id, agreement_id=agreement_id)
    assert (status, body["status"]) == (202, "pending")
    await home.leave(anna, clock.now())
    wire.down = False
    await shop.work()
    ended = (await shop.get(f"/orders/{body['order_id']}", anna.user_id)).json()
    assert (ended["status"], ended["reason_code"]) == ("cancelled", "SPENDER_NOT_ALLOWED")
    assert await home_mg(accounting, home, bert) == KWH_MG
    assert await shop.stock() == {"available": 10, "reserved": 0, "sold": 0}

"""The rewards service on its own database, with a fake of accounting's holds."""

import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.rewards.assembly import build_desks, build_engine
from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import Terms
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.main import create_app
from services.rewards.settings import Settings
from services.rewards.settlement.engine import SettlementEngine
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import clock
from shared.contracts.identity import person_account_id
from shared.db import Database
from shared.httpclient import new_client
from shared.language import Text
from tests.databases import Dsns, empty_tables, make_database
from tests.fake_accounts import FakeAccounts
from tests.rewards.fake_accounting import FaultyNetwork, Ledger
from tests.tokens import SERVICE_KEYS, TokenFactory

VOUCHER_KEY = base64.b64encode(bytes(range(32))).decode()
PRICE_MG = 5_000_000
COST_FEN = 1_000
API = "/api/v1/rewards"


@pytest.fixture(scope="session")
def rewards_dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "test_rewards", ["rewards"])


@pytest.fixture(scope="session")
def rewards_settings(rewards_dsns: Dsns) -> Settings:
    return Settings(
        database_url=rewards_dsns.app("rewards"),
        event_log_url=rewards_dsns.event_log,
        jwks_url="http://accounts.test/jwks",
        service_key=SERVICE_KEYS["rewards"],
        accounting_base_url="http://accounting.test",
        voucher_key=VOUCHER_KEY,
        public_base_url="https://carbon.test",
    )


class Rewards:
    """The actions of a test: as citizens over HTTP, as the worker, as an operator."""

    def __init__(
        self, settings: Settings, dsns: Dsns, tokens: TokenFactory, app: FastAPI, network: FaultyNetwork
    ) -> None:
        self.settings, self.dsns, self.tokens, self.app = settings, dsns, tokens, app
        self.network, self.ledger = network, network.ledger
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rewards.test")
        self.database = Database(settings.database_url, pool_size=10)
        self.accounts = FakeAccounts()

    @property
    def engine(self) -> SettlementEngine:
        engine: SettlementEngine = self.app.state.settlements
        return engine

    @asynccontextmanager
    async def use_database(self, database: Database) -> AsyncIterator[None]:
        """Give the application another Database object for a while."""
        state = self.app.state
        before = state.db, state.settlements, state.desks
        async with new_client("http://accounting.test", transport=self.network) as client:
            state.db, state.settlements = database, build_engine(self.settings, database, client)
            state.desks = build_desks(state.settlements)
            try:
                yield
            finally:
                state.db, state.settlements, state.desks = before

    def citizen(self, balance_mg: int = PRICE_MG) -> uuid.UUID:
        user_id = uuid.uuid4()
        self.ledger.balances[person_account_id(user_id)] = balance_mg
        return user_id

    def balance_mg(self, user_id: uuid.UUID) -> int:
        return self.ledger.balances[person_account_id(user_id)]

    async def add_item(
        self,
        item_id: str = "reganmian",
        *,
        stock: int = 5,
        price_mg: int = PRICE_MG,
        per_user_limit: int | None = 1,
        limit_fen: int = 1_000_000,
        codes: list[str] | None = None,
        **changes: Any,
    ) -> None:
        async with self.database.transaction() as session:
            await budgets.open_budget(
                session,
                budget_id=f"budget-{item_id}",
                sponsor=Sponsor("guozao", Text("过早联盟", "Breakfast Alliance")),
                limit_fen=limit_fen,
            )
            await catalogue.offer_item(
                session,
                **{
                    "item_id": item_id,
                    "texts": ItemTexts(Text("一碗热干面", "A bowl of hot dry noodles")),
                    "category": "food",
                    "price_mg": price_mg,
                    "price_fen": COST_FEN,
                    "budget_id": f"budget-{item_id}",
                    "per_user_limit": per_user_limit,
                    **changes,
                },
            )
            await vouchers.load_codes(
                session,
                sealer=CodeSealer(self.settings.voucher_key_bytes),
                item_id=item_id,
                codes=codes if codes is not None else [new_code() for _ in range(stock)],
            )

    async def add_campaign(
        self,
        campaign_id: str = "zero-carbon-marathon",
        *,
        opens_in: timedelta = timedelta(0),
        target_mg: int = 30_000_000_000,
        min_mg: int = 1_000,
    ) -> None:
        opens = clock.now() - timedelta(days=1) + opens_in
        async with self.database.transaction() as session:
            await campaigns.open_campaign(
                session,
                campaign_id=campaign_id,
                title=Text("零碳马拉松", "Zero-carbon marathon"),
                description=Text("", ""),
                target_mg=target_mg,
                terms=Terms(opens, opens + timedelta(days=30), min_mg=min_mg, max_mg=100_000_000),
            )

    async def get(self, path: str, user_id: uuid.UUID | None = None, **params: Any) -> httpx.Response:
        headers = {} if user_id is None else self.tokens.citizen(user_id)
        return await self.client.get(f"{API}{path}", headers=headers, params=params)

    async def order(
        self,
        user_id: uuid.UUID,
        item_id: str = "reganmian",
        *,
        quantity: int = 1,
        key: str | None = None,
        client_request_id: str | None = None,
        language: str = "zh",
        **whose: str,
    ) -> httpx.Response:
        key = key or str(uuid.uuid4())
        wanted = {"item_id": item_id, "quantity": quantity, "client_request_id": client_request_id or key}
        return await self.client.post(
            f"{API}/orders",
            json=wanted | whose,
            headers={**self.tokens.citizen(user_id), "Idempotency-Key": key, "Accept-Language": language},
        )

    async def donate(
        self,
        user_id: uuid.UUID,
        amount_mg: int,
        *,
        campaign_id: str = "zero-carbon-marathon",
        key: str | None = None,
        **whose: str,
    ) -> httpx.Response:
        return await self.client.post(
            f"{API}/campaigns/{campaign_id}/donations",
            json={"amount_mg": amount_mg} | whose,
            headers={**self.tokens.citizen(user_id), "Idempotency-Key": key or str(uuid.uuid4())},
        )

    async def cancel(self, user_id: uuid.UUID, order_id: str) -> httpx.Response:
        return await self.client.post(f"{API}/orders/{order_id}/cancel", headers=self.tokens.citizen(user_id))

    async def sql(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsns.admin)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *args)
            return rows
        finally:
            await connection.close()

    async def pass_time(self, seconds: int) -> None:
        """Move open orders and donations, and their next attempts, into the past."""
        for table in ("orders", "donation"):
            await self.sql(
                f"UPDATE rewards.{table} SET created_at = created_at - make_interval(secs => $1),"
                " next_attempt_at = next_attempt_at - make_interval(secs => $1)"
                " WHERE status IN ('pending', 'cancelling')",
                float(seconds),
            )

    async def work(self, seconds: int = 20) -> None:
        """Run the worker's job `seconds` later."""
        await self.pass_time(seconds)
        await self.engine.drive_due()

    async def drive_due(self) -> None:
        await self.engine.drive_due()

    async def start_over(self) -> None:
        """Empty the tables and the ledger."""
        await empty_tables(self.dsns, "rewards")
        self.ledger.balances.clear()
        self.ledger.accounts.clear()
        self.ledger.holds.clear()

    async def stock_check(self) -> dict[str, Any]:
        answer = await self.client.get(f"{API}/ops/stock-check", headers=self.tokens.operator())
        assert answer.status_code == 200, answer.text
        check: dict[str, Any] = answer.json()
        return check

    async def stock(self, item_id: str = "reganmian") -> dict[str, int]:
        (line,) = [line for line in (await self.stock_check())["items"] if line["item_id"] == item_id]
        return {name: line[name] for name in ("available", "reserved", "sold")}


@pytest.fixture
async def rewards(
    rewards_settings: Settings, rewards_dsns: Dsns, tokens: TokenFactory, jwks_transport: httpx.MockTransport
) -> AsyncIterator[Rewards]:
    """After every test all counters must agree with their rows."""
    await empty_tables(rewards_dsns, "rewards")
    network, accounts = FaultyNetwork(Ledger()), FakeAccounts()
    app = create_app(
        rewards_settings, accounting_transport=network, accounts_transport=accounts, jwks_transport=jwks_transport
    )
    driver = Rewards(rewards_settings, rewards_dsns, tokens, app, network)
    driver.accounts = accounts
    async with app.router.lifespan_context(app), driver.client:
        yield driver
        check = await driver.stock_check()
        assert check["ok"], check
        await driver.database.stop()

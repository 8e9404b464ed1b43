"""The four services in one process, on one database: a citizen, a live partner, and one operator with every scope."""

import base64
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.accounting import main as accounting_main
from services.accounting import seed as accounting_seed
from services.accounting.settings import Settings as AccountingSettings
from services.accounts import main as accounts_main
from services.accounts.settings import Settings as AccountsSettings
from services.ingest import main as ingest_main
from services.ingest import seed as ingest_seed
from services.ingest.settings import Settings as IngestSettings
from services.rewards import main as rewards_main
from services.rewards.disputes.domain import DECIDE
from services.rewards.merchants.domain import KINDS as MERCHANT_KINDS
from services.rewards.reconciliation.service import CAPTURES
from services.rewards.settings import Settings as RewardsSettings
from shared.contracts import topics
from shared.db import Database
from tests.accounting.driver import Accounting
from tests.accounting.operators import FACTORS
from tests.accounting.reports import PARTNER, Reports
from tests.databases import Dsns, make_database
from tests.ingest.samples import seed_partner
from tests.tokens import ALL_OPS, SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

KEY = base64.b64encode(bytes(range(32))).decode()
PEPPER = "pepper-of-the-tests-1234"
SAMPLE = "01999e5e-0000-7000-8000-000000000001"
SERVICES = ("accounts", "ingest", "accounting", "rewards")
ALONE = "ops-alone"
WHY = "试一试能不能"
ACCOUNTS = "/api/v1/accounts/ops"
SCOPES = f"{ALL_OPS} ops:accounts"
ACCOUNTING, INGEST = "/api/v1/accounting/ops", "/api/v1/ingest/ops"
REWARDS = "/api/v1/rewards/ops/reconciliation"

# What an operator could gain: grams, and whatever lets events, people or rules in.
_GAINS = {
    "balances": "SELECT account_id || ' ' || balance_mg FROM accounting.ledger_account WHERE balance_mg <> 0",
    "accounts that may spend": "SELECT account_id::text FROM accounting.ledger_account WHERE frozen_at IS NULL",
    "bindings": "SELECT row::text FROM accounting.binding row",
    "households": "SELECT row::text FROM accounting.household_member row",
    "meters": "SELECT row::text FROM accounting.household_meter row",
    "proxies": "SELECT card_id || ' ' || proxy_user_id FROM accounts.family_card WHERE proxy_user_id IS NOT NULL",
    "codes of cards": "SELECT card_id::text FROM accounts.family_card_code",
    "methodologies": "SELECT row::text FROM accounting.methodology_version row",
    "factors": "SELECT row::text FROM accounting.factor row",
    "live partners": "SELECT row::text FROM (SELECT partner_id, source, scenes, event_types, cities, late_window_s,"
    " binding_modes, events_per_day, allowed_networks, phone_pepper_sealed, oauth_sealed FROM ingest.partner"
    " WHERE environment = 'live' AND status = 'active') row",
    "live keys": "SELECT app_key FROM ingest.partner_key WHERE environment = 'live' AND revoked_at IS NULL"
    " AND coalesce(not_after, 'infinity') > now() AND coalesce(not_before, '-infinity') <= now()",
    "receivers": "SELECT code FROM accounting.capture_target",
    "enterprises that may act": "SELECT enterprise_id::text FROM accounts.enterprise WHERE status = 'active'",
    "members of enterprises": "SELECT membership_id || ' ' || roles FROM accounts.enterprise_member"
    " WHERE ended_at IS NULL",
    "acts of two, done alone": "SELECT proposal_id::text FROM accounts.approval WHERE status = 'approved'",
    "merchants that may redeem": "SELECT merchant_id FROM rewards.merchant WHERE status = 'active'",
    "live keys of merchants": "SELECT app_key FROM rewards.merchant_key WHERE live_at IS NOT NULL"
    " AND revoked_at IS NULL",
    "tills": "SELECT till_id::text FROM rewards.till WHERE revoked_at IS NULL",
    "money of disputes": "SELECT dispute_id::text FROM rewards.dispute WHERE adjusted_fen <> 0",
    "redemptions": "SELECT redemption_id::text FROM rewards.redemption",
    "items on offer": "SELECT item_id || ' ' || price_mg || ' ' || price_fen FROM rewards.item"
    " WHERE status = 'published'",
    "budgets": "SELECT budget_id || ' ' || limit_fen FROM rewards.budget WHERE closed_at IS NULL",
    "banks": "SELECT bank_id || ' ' || fen_per_kg || ' ' || month_fen || ' ' || budget_id FROM rewards.bank"
    " WHERE suspended_at IS NULL",
    "live keys of banks": "SELECT app_key FROM rewards.bank_key WHERE revoked_at IS NULL",
    "campaigns that take grams": "SELECT campaign_id || ' ' || target_mg || ' ' || ends_at FROM rewards.campaign"
    " WHERE closed_at IS NULL",
    "refunds": "SELECT order_id::text FROM rewards.orders WHERE status <> 'confirmed'",
    "certificates revoked": "SELECT certificate_no FROM rewards.certificate_revocation",
    "captures allowed": "SELECT run_id::text FROM rewards.reconciliation_run WHERE capture_again IS NOT NULL",
}


class City:
    """The services, and what the operator works on."""

    def __init__(
        self,
        apps: dict[str, FastAPI],
        accounting: Accounting,
        dsns: Dsns,
        tokens: TokenFactory,
        connection: "asyncpg.Connection[Any]",
    ) -> None:
        self.apps, self.accounting, self.dsns, self.tokens = apps, accounting, dsns, tokens
        self.clients = {
            name: httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=f"http://{name}.test"
            )
            for name, app in apps.items()
        }
        self.person = Reports(uuid.UUID(int=0), uuid.UUID(int=0))
        self.originals: set[bytes] = set()
        self._before: dict[str, set[str]] = {}
        self._connection = connection  # of the administrator; one for all, because connecting takes 20 ms

    async def did(self, status: int, method: str, path: str, body: Any = None, *, by: str = ALONE) -> Any:
        """Call, and require this status: an attempt that fails for another reason proves nothing."""
        answer = await self.call(method, path, body, by=by)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def mark(self) -> None:
        """Everything before is the stage of an attempt. What the operator gains counts from here."""
        self._before = await self.gains()

    async def gained(self) -> dict[str, set[str]]:
        """What is there and was not at the mark."""
        now = await self.gains()
        new = {name: rows - self._before[name] for name, rows in now.items()}
        invented = {str(value) for value in await self.records_on_their_way() if value not in self.originals}
        return {name: rows for name, rows in {**new, "records": invented}.items() if rows}

    async def call(self, method: str, path: str, body: Any = None, *, by: str = ALONE) -> httpx.Response:
        return await self._send(path.split("/")[3], method, path, body, by)

    async def call_anywhere(self, method: str, path: str, body: Any) -> httpx.Response:
        """Call a route of citizens, partners or services with the operator's token."""
        service = path.split("/")[2 if path.startswith("/internal/") else 3]
        return await self._send(service, method, path, body, ALONE)

    async def citizen(self) -> Reports:
        return await self.accounting.citizen()

    async def rider(self) -> Reports:
        """A citizen with grams."""
        person = await self.citizen()
        await self.accounting.post(person.bus())
        return person

    async def _send(self, service: str, method: str, path: str, body: Any, by: str) -> httpx.Response:
        return await self.clients[service].request(
            method, path, json=body, headers=self.tokens.operator(SCOPES, subject=by)
        )

    async def sql(self, statement: str, *values: object) -> list[Any]:
        return [row[0] for row in await self._connection.fetch(statement, *values)]

    async def gains(self) -> dict[str, set[str]]:
        return {name: set(await self.sql(statement)) for name, statement in _GAINS.items()}

    async def records_on_their_way(self) -> list[bytes]:
        """Values for the topic of events in the outboxes of all services."""
        found = []
        for service in SERVICES:
            packed = await self.sql(f"SELECT records FROM {service}.outbox WHERE topic = $1", topics.ACTIVITIES)
            found += [bytes(value) for records in packed for _, value, _ in msgspec.msgpack.decode(records)]
        return found

    async def dead_letter(self, service: str, value: bytes, topic: str = topics.ACTIVITIES) -> int:
        self.originals.add(value)
        (letter,) = await self.sql(
            f'INSERT INTO {service}.dead_letter (consumer, topic, partition, "offset", reason, message, key, value,'
            f" appended_at) SELECT 'c', $1, 0, count(*), 'UNREADABLE_RECORD', 'unreadable', 'k', $2, now()"
            f" FROM {service}.dead_letter RETURNING id",
            topic,
            value,
        )
        return int(letter)

    async def open_proposals(self) -> list[str]:
        """The path of each open proposal, without the decision."""
        places = {
            "reversal": f"{ACCOUNTING}/reversals",
            "unfreeze": f"{ACCOUNTING}/unfreezes",
            "capture_target": f"{ACCOUNTING}/capture-targets/proposals",
            "factors": f"{ACCOUNTING}/proposals",
            "retirement": f"{ACCOUNTING}/proposals",
            CAPTURES: f"{REWARDS}/captures",
            **dict.fromkeys(MERCHANT_KINDS, "/api/v1/rewards/ops/merchant-proposals"),
            DECIDE: "/api/v1/rewards/ops/disputes/proposals",
        }
        paths = []
        for service in ("accounts", "accounting", "ingest", "rewards"):
            mends = f"/api/v1/{service}/ops/dead-letters/mends"
            others = {"accounts": f"{ACCOUNTS}/approvals", "rewards": "/api/v1/rewards/ops/proposals"}.get(
                service, "/api/v1/ingest/ops/proposals"
            )
            rows = await self.sql(
                f"SELECT kind || '|' || proposal_id FROM {service}.approval WHERE status = 'open' ORDER BY 1"
            )
            for kind, proposal_id in (row.split("|") for row in rows):
                default = mends if kind == "dead_letter.mend" else others
                paths.append(f"{places.get(kind, default)}/{proposal_id}")
        return paths


def _common(dsns: Dsns, service: str) -> dict[str, Any]:
    return {
        "database_url": dsns.app(service),
        "event_log_url": dsns.event_log,
        "jwks_url": "http://accounts.test/jwks",
        "service_callers": SERVICE_CALLERS,
        "service_key": SERVICE_KEYS.get(service),
        "log_level": "ERROR",
    }


async def _apps(dsns: Dsns, tokens: TokenFactory, jwks: httpx.MockTransport) -> tuple[dict[str, FastAPI], Any]:
    accounting = AccountingSettings.model_validate(_common(dsns, "accounting"))
    ingest = IngestSettings.model_validate(
        {**_common(dsns, "ingest"), "account_ref_pepper": PEPPER, "key_encryption_key": KEY}
    )
    accounts = AccountsSettings.model_validate(
        {
            **_common(dsns, "accounts"),
            "wechat_app_id": "wx-test",
            "wechat_app_secret": "wechat-secret-of-the-tests",
            "token_signing_key": tokens.pem,
            "phone_pepper": PEPPER,
            "phone_encryption_key": KEY,
            "account_ref_pepper": PEPPER,
            "ingest_base_url": "http://ingest.test",
        }
    )
    rewards = RewardsSettings.model_validate(
        {**_common(dsns, "rewards"), "accounting_base_url": "http://accounting.test", "voucher_key": KEY}
    )
    await accounting_seed.seed(accounting)
    partners = [seed_partner(PARTNER, cities=["420100"]), seed_partner("box", environment="sandbox")]
    await ingest_seed.seed(ingest, json.dumps(partners).encode())
    ingest_app = ingest_main.create_app(ingest, jwks_transport=jwks)
    return {
        "accounts": accounts_main.create_app(accounts, ingest_transport=httpx.ASGITransport(ingest_app)),
        "ingest": ingest_app,
        "accounting": accounting_main.create_app(accounting, jwks_transport=jwks),
        "rewards": rewards_main.create_app(rewards, jwks_transport=jwks),
    }, accounting


@pytest.fixture(scope="session")
async def city(
    postgres_admin_dsn: str, tokens: TokenFactory, jwks_transport: httpx.MockTransport
) -> AsyncIterator[City]:
    dsns = make_database(postgres_admin_dsn, "four_eyes", SERVICES)
    apps, settings = await _apps(dsns, tokens, jwks_transport)
    database = Database(settings.database_url)
    async with AsyncExitStack() as stack:
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(apps["accounting"]), base_url="http://accounting.test")
        )
        connection = await asyncpg.connect(dsns.admin)
        stack.push_async_callback(connection.close)
        found = City(apps, Accounting(settings, database, client, tokens), dsns, tokens, connection)
        for one in found.clients.values():
            stack.push_async_callback(one.aclose)
        found.person = await found.accounting.citizen()
        await found.accounting.post(found.person.bus())
        made = await found.did(201, "POST", f"{ACCOUNTING}/factors", {"yaml": FACTORS, "reason": WHY}, by="ann")
        decision = f"{ACCOUNTING}/proposals/{made['proposal_id']}/approve"
        await found.did(200, "POST", decision, {"reason": WHY}, by="bob")
        yield found
    await database.stop()

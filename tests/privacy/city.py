"""The four services in one process on one database, with the jobs of their workers called by hand."""

import base64
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
from pydantic import SecretStr

from deploy.local import fake_wechat
from services.accounting import seed as accounting_seed
from services.accounting.bindings import service as projected_bindings
from services.accounting.consents import service as projected_consents
from services.accounting.decoders import BINDINGS, CONSENTS, ENTERPRISES, HOUSEHOLDS, MANDATES
from services.accounting.enterprises import service as projected_enterprises
from services.accounting.erasures import service as accounting_erasures
from services.accounting.households import service as projected_households
from services.accounting.main import create_app as create_accounting
from services.accounting.mandates import service as projected_mandates
from services.accounting.settings import Settings as AccountingSettings
from services.accounts.erasures import service as accounts_erasures
from services.accounts.exports import service as exports
from services.accounts.exports.client import RowsReader
from services.accounts.leaving import service as leaving
from services.accounts.main import create_app as create_accounts
from services.accounts.messages.service import MessageKind
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.settings import Settings as AccountsSettings
from services.ingest.erasures import service as ingest_erasures
from services.ingest.main import create_app as create_ingest
from services.ingest.seed import seed as seed_partners
from services.ingest.settings import Settings as IngestSettings
from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import Terms
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.enterprises import service as rewards_enterprises
from services.rewards.erasures import service as rewards_erasures
from services.rewards.main import create_app as create_rewards
from services.rewards.settings import Settings as RewardsSettings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import clock
from shared.contracts.erasures_v1 import ErasureAsked, ErasureMessage
from shared.contracts.identity import person_account_id
from shared.db import Database
from shared.language import Text
from shared.outbox import records_in
from shared.projection import Decoder, decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, Reports, as_records
from tests.databases import Dsns
from tests.ingest.samples import archive_reports, seed_partner
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

WX_SECRET = "wechat-secret-of-the-city"
REF_PEPPER = "pepper"  # the one of tests.accounting.reports, and long enough below
ITEM, CAMPAIGN = "reganmian", "zero-carbon-marathon"
_ASKED = msgspec.json.Decoder(ErasureAsked)
_ANSWERED: msgspec.json.Decoder[ErasureMessage] = msgspec.json.Decoder(ErasureMessage)


def settings_of(dsns: Dsns, tokens: TokenFactory) -> dict[str, Any]:
    common = {
        "event_log_url": dsns.event_log,
        "jwks_url": "http://accounts.test/jwks.json",
        "service_callers": SERVICE_CALLERS,
        "log_level": "ERROR",
    }
    key = base64.b64encode(bytes(range(32))).decode()
    return {
        "accounts": AccountsSettings.model_validate(
            {
                **common,
                "database_url": dsns.app("accounts"),
                "service_key": SERVICE_KEYS["accounts"],
                "wechat_base_url": "http://wechat.test",
                "wechat_app_id": "wx-test",
                "wechat_app_secret": WX_SECRET,
                "token_signing_key": tokens.pem,
                "phone_pepper": "phone-pepper-of-the-city",
                "phone_encryption_key": key,
                "account_ref_pepper": "reference-pepper-of-the-city",
                "message_templates": {kind: {"template_id": kind} for kind in MessageKind},
                "ingest_base_url": "http://ingest.test",
                "accounting_base_url": "http://accounting.test",
                "rewards_base_url": "http://rewards.test",
            }
        ),
        "ingest": IngestSettings.model_validate(
            {
                **common,
                "database_url": dsns.app("ingest"),
                "account_ref_pepper": "reference-pepper-of-the-city",
                "key_encryption_key": base64.b64encode(b"k" * 32).decode(),
            }
        ),
        "accounting": AccountingSettings.model_validate(
            {
                **common,
                "database_url": dsns.app("accounting"),
                "service_key": SERVICE_KEYS["accounting"],
                "accounts_base_url": "http://accounts.test",
            }
        ),
        "rewards": RewardsSettings.model_validate(
            {
                **common,
                "database_url": dsns.app("rewards"),
                "service_key": SERVICE_KEYS["rewards"],
                "accounting_base_url": "http://accounting.test",
                "accounts_base_url": "http://accounts.test",
                "voucher_key": key,
            }
        ),
    }


class Citizen:
    """A logged-in person."""

    def __init__(self, city: "City", answer: Mapping[str, Any], code: str) -> None:
        self._city, self._code = city, code
        self.openid = code.removeprefix("dev:")
        self.user_id = uuid.UUID(answer["user_id"])
        self.account_id = person_account_id(self.user_id)
        self.refresh_token = str(answer["refresh_token"])
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        self.reports = Reports(self.user_id, self.account_id)

    async def call(self, service: str, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return await self._city.http[service].request(method, f"/api/v1/{service}{path}", headers=headers, **kwargs)

    async def step_up(self) -> None:
        answer = await self.call("accounts", "POST", "/sessions/step-up", json={"code": self._code})
        assert answer.status_code == 204, answer.text


class City:
    """`http`: a client of each application. `databases`: what the worker of each service would use."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        http: Mapping[str, httpx.AsyncClient],
        apps: Mapping[str, Any],
        databases: Mapping[str, Database],
        admin: "asyncpg.Connection[asyncpg.Record]",
        tokens: TokenFactory,
    ) -> None:
        self.settings, self.http, self.apps, self.databases, self.admin = settings, http, apps, databases, admin
        self.tokens = tokens
        self.accounting = Accounting(settings["accounting"], databases["accounting"], http["accounting"], tokens)
        transports = {name: httpx.ASGITransport(app) for name, app in apps.items()}
        self.rows = RowsReader(
            base_urls={name: f"http://{name}.test" for name in ("ingest", "accounting", "rewards")},
            service_key=SecretStr(SERVICE_KEYS["accounts"]),
            transports=transports,
        )

    @property
    def vault(self) -> Any:
        return self.apps["accounts"].state.resources.vault

    async def visitor(self, openid: str) -> Citizen:
        """A person who has logged in and has no account."""
        code = f"dev:{openid}"
        answer = await self.http["accounts"].post("/api/v1/accounts/sessions", json={"code": code})
        assert answer.status_code == 201, answer.text
        return Citizen(self, answer.json(), code)

    async def citizen(self, openid: str) -> Citizen:
        person = await self.visitor(openid)
        opened = await person.call(
            "accounts", "POST", "/me/carbon-account", json={"consent": {"policy_version": "2026-11"}}
        )
        assert opened.status_code in {200, 201}, opened.text
        return person

    async def open_shop(self) -> None:
        await self.accounting.know_receivers("redeemed:guozao", f"donated:{CAMPAIGN}")
        sealer = CodeSealer(self.settings["rewards"].voucher_key_bytes)
        opens = clock.now() - timedelta(days=1)
        async with self.databases["rewards"].transaction() as session:
            sponsor = Sponsor("guozao", Text("过早联盟", "Breakfast Alliance"))
            await budgets.open_budget(session, budget_id="noodles", sponsor=sponsor, limit_fen=10**9)
            await catalogue.offer_item(
                session,
                item_id=ITEM,
                texts=ItemTexts(Text("一碗热干面", "A bowl of hot dry noodles")),
                category="food",
                price_mg=1000,
                price_fen=100,
                budget_id="noodles",
                per_user_limit=None,
            )
            await vouchers.load_codes(session, sealer=sealer, item_id=ITEM, codes=[new_code() for _ in range(50)])
            await campaigns.open_campaign(
                session,
                campaign_id=CAMPAIGN,
                title=Text("零碳马拉松", "Zero-carbon marathon"),
                description=Text("", ""),
                target_mg=10**12,
                terms=Terms(opens, opens + timedelta(days=30), min_mg=100, max_mg=10**9),
            )

    async def report(self, *reports: Any) -> None:
        """Let ingest archive and accounting post reports, as both workers do."""
        records = as_records(reports)
        async with self.databases["ingest"].transaction() as session:
            await archive_reports(session, records, time_zone="Asia/Shanghai")
        await self.accounting.post(*(record.value for record in records))

    async def relay(self) -> None:
        """Take the outbox of each service to the consumers, until nothing is left, as log and workers do."""
        while await self.relay_once():
            pass

    async def relay_once(self, without: str = "") -> int:
        """Take what each outbox has now to the consumers, except one topic. Return how many rows that was."""
        moved = 0
        for schema in ("accounts", "accounting", "ingest", "rewards"):
            rows = await self.admin.fetch(
                f"DELETE FROM {schema}.outbox WHERE topic <> $1 RETURNING id, topic, records", without
            )
            for row in sorted(rows, key=lambda one: one["id"]):
                moved += 1
                await self._consume(row["topic"], [record.value for record in records_in(row["records"])])
        return moved

    async def _consume(self, topic: str, values: list[bytes | None]) -> None:
        present = as_records([value for value in values if value is not None])

        async def handle(own: str, decoder: Decoder[Any], handler: Any, **options: Any) -> None:
            found = decoded(present, decoder)
            assert not found.dead, found.dead
            async with self.databases[own].transaction() as session:
                await handler(session, found.items, **options)

        if topic == "accounts.consents.v1":
            await handle("accounting", CONSENTS, projected_consents.handle_consents)
        elif topic == "accounts.enterprises.v1":
            await handle("accounting", ENTERPRISES, projected_enterprises.handle_facts)
            await handle("rewards", ENTERPRISES, rewards_enterprises.handle_facts)
        elif topic == "accounts.mandates.v1":
            await handle("accounting", MANDATES, projected_mandates.handle_mandates)
        elif topic == "accounts.bindings.v1":
            await handle("accounting", BINDINGS, projected_bindings.handle_bindings)
        elif topic == "accounts.households.v1":
            await handle("accounting", HOUSEHOLDS, projected_households.handle_facts)
        elif topic == "accounts.erasures.v1":
            for service, room in (("accounting", accounting_erasures), ("rewards", rewards_erasures)):
                await handle(service, _ASKED, room.handle_asked, topic=f"{service}.erasures.v1")
        elif topic.endswith(".erasures.v1"):
            service = topic.partition(".")[0]
            if service == "accounting":
                await handle("ingest", _ANSWERED, ingest_erasures.handle_erasures, topic="ingest.erasures.v1")
            await handle("accounts", _ANSWERED, accounts_erasures.handle_answers, service=service)

    async def build_exports(self) -> None:
        while await exports.build_next(
            self.databases["accounts"], settings=self.settings["accounts"], vault=self.vault, reader=self.rows
        ):
            pass

    async def end_cooling_off(self) -> None:
        await self.admin.execute("UPDATE accounts.erasure SET due_at = now() - interval '1 s' WHERE status = 'planned'")

    async def erase_all_due(self) -> None:
        """Run the jobs of erasure of all services until every erasure is done."""
        while await leaving.carry_out_due(self.databases["accounts"], settings=self.settings["accounts"]):
            pass
        while await self.admin.fetchval("SELECT count(*) FROM accounts.erasure WHERE status = 'running'"):
            await self.relay()
            for schema in ("accounting", "rewards"):
                await self.admin.execute(f"UPDATE {schema}.erasure_task SET next_at = now() WHERE done_at IS NULL")
            async with self.databases["accounting"].transaction() as session:
                await accounting_erasures.erase_due(session, topic="accounting.erasures.v1", quiet_s=0)
            async with self.databases["rewards"].transaction() as session:
                await rewards_erasures.erase_due(session, topic="rewards.erasures.v1")
            await self.relay()


@asynccontextmanager
async def run_city(dsns: Dsns, tokens: TokenFactory, jwks: httpx.MockTransport) -> AsyncIterator[City]:
    settings = settings_of(dsns, tokens)
    await accounting_seed.seed(settings["accounting"])
    partner = seed_partner(
        PARTNER, late_window_s=30 * 86_400, cities=[], binding_modes=["account_no"], environment="live"
    )
    await seed_partners(settings["ingest"], json.dumps([partner]).encode())
    apps: dict[str, Any] = {}

    async def ask_accounts(*call: Any) -> None:  # accounts asks accounting too, so one of them is made first
        await apps["accounts"](*call)

    apps["accounting"] = create_accounting(
        settings["accounting"], accounts_transport=httpx.ASGITransport(ask_accounts), jwks_transport=jwks
    )
    apps["ingest"] = create_ingest(settings["ingest"], jwks_transport=jwks)
    apps["accounts"] = create_accounts(
        settings["accounts"],
        wechat_transport=httpx.ASGITransport(fake_wechat.create_app("wx-test", WX_SECRET)),
        ingest_transport=httpx.ASGITransport(apps["ingest"]),
        accounting_transport=httpx.ASGITransport(apps["accounting"]),
    )
    apps["rewards"] = create_rewards(
        settings["rewards"],
        accounting_transport=httpx.ASGITransport(apps["accounting"]),
        accounts_transport=httpx.ASGITransport(apps["accounts"]),
        jwks_transport=jwks,
    )
    http = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{name}.test")
        for name, app in apps.items()
    }
    databases = {name: Database(one.database_url, pool_size=4) for name, one in settings.items()}
    admin = await asyncpg.connect(dsns.admin)
    async with (
        apps["accounting"].router.lifespan_context(apps["accounting"]),
        apps["ingest"].router.lifespan_context(apps["ingest"]),
        apps["accounts"].router.lifespan_context(apps["accounts"]),
        apps["rewards"].router.lifespan_context(apps["rewards"]),
    ):
        state = apps["accounts"].state
        state.resources = dataclasses.replace(state.resources, partners=PartnerDirectory(state.resources.ingest))
        city = City(settings, http, apps, databases, admin, tokens)
        try:
            yield city
        finally:
            await city.rows.stop()
            for client in http.values():
                await client.aclose()
            for database in databases.values():
                await database.stop()
            await admin.close()

"""Rewards against accounting, both real: after faults and after a restore of one side from its backup."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from services.accounting import main as accounting_main
from services.rewards.assembly import build_reconciler
from services.rewards.main import create_app
from services.rewards.reconciliation import service as reconciliation
from services.rewards.reconciliation.engine import Reconciler
from services.rewards.settings import Settings
from shared.httpclient import new_client
from tests.accounting.conftest import (
    accounting,
    accounting_app,
    accounting_database,
    accounting_dsns,
    accounting_settings,
    accounts,
)
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY
from tests.databases import LIBRARY_TABLES, Dsns, connect_past_triggers, empty_tables
from tests.fake_accounts import FakeAccounts
from tests.rewards.backups import Backup, RealAccounting
from tests.rewards.conftest import API, Rewards
from tests.rewards.fake_accounting import RESPONSE_LOST, UNAVAILABLE
from tests.tokens import ALL_OPS, TokenFactory

# Fixtures.
__all__ = ["accounting", "accounting_app", "accounting_database", "accounting_dsns", "accounting_settings", "accounts"]

PRICE_MG = 10_000
DONATED_MG = 5_000


class City:
    """Citizens with grams, both services, and the reconciliation that a worker would run."""

    def __init__(self, accounting: Accounting, rewards: Rewards, client: httpx.AsyncClient) -> None:
        self.accounting, self.rewards, self._client = accounting, rewards, client
        self.reconciler = self.reconciler_with()

    def reconciler_with(self, *, page_size: int = 100, in_flight_s: int = 0) -> Reconciler:
        settings = self.rewards.settings.model_copy(update={"reconciliation_in_flight_s": in_flight_s})
        return build_reconciler(settings, self.rewards.database, self._client, page_size=page_size)

    async def citizen(self, rides: int = 1) -> uuid.UUID:
        person = await self.accounting.citizen()
        await self.accounting.post(*(person.bus(YESTERDAY + timedelta(hours=6 + n)) for n in range(rides)))
        return person.user_id

    async def balance_mg(self, user_id: uuid.UUID) -> int:
        answer = await self.accounting.client.get(
            "/api/v1/accounting/me/balance", headers=self.accounting.tokens.citizen(user_id)
        )
        return int(answer.json()["available_mg"])

    async def operate(
        self, method: str, path: str, operator: str = "ops-1", body: object = None, expect: int = 200
    ) -> dict[str, Any]:
        answer = await self.rewards.client.request(
            method,
            f"{API}/ops/reconciliation{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.rewards.tokens.access(operator, ALL_OPS)}"},
        )
        assert answer.status_code == expect, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def reconcile(self) -> dict[str, Any]:
        """A whole run, started by an operator. Return its details."""
        run = await self.operate("POST", "/runs", expect=202)
        for _tick in range(100):
            await self.reconciler.advance()
            detail = await self.operate("GET", f"/runs/{run['run_id']}")
            if detail["finished_at"]:
                return detail
        raise AssertionError(f"the run does not end: {detail}")

    async def differences(self, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
        page = await self.operate("GET", f"/runs/{run['run_id']}/differences?limit=100")
        return {item["settlement_id"]: item for item in page["items"]}

    async def order(self, user_id: uuid.UUID) -> str:
        answer = await self.rewards.order(user_id)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def donate(self, user_id: uuid.UUID) -> str:
        answer = await self.rewards.donate(user_id, DONATED_MG)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["donation_id"])


@pytest.fixture
async def city(
    accounting: Accounting,
    accounting_dsns: Dsns,
    rewards_settings: Settings,
    rewards_dsns: Dsns,
    tokens: TokenFactory,
    jwks_transport: httpx.MockTransport,
) -> AsyncIterator[City]:
    await empty_tables(rewards_dsns, "rewards")
    ledger_app = accounting_main.create_app(accounting.settings, jwks_transport=jwks_transport)
    network = RealAccounting(ledger_app)
    app = create_app(
        rewards_settings,
        accounting_transport=network,
        accounts_transport=FakeAccounts(),
        jwks_transport=jwks_transport,
    )
    rewards = Rewards(rewards_settings, rewards_dsns, tokens, app, network)
    async with (
        ledger_app.router.lifespan_context(ledger_app),
        app.router.lifespan_context(app),
        rewards.client,
        new_client("http://accounting.test", transport=network) as client,
    ):
        await rewards.add_item(price_mg=PRICE_MG, stock=30, per_user_limit=None)
        await rewards.add_campaign()
        yield City(accounting, rewards, client)
        await rewards.database.stop()
    # What a test planted is gone before `accounting` checks the ledger.
    await empty_tables(accounting_dsns, "accounting", keep=LIBRARY_TABLES)


async def test_b8_two_sides_that_agree_have_no_difference_and_equal_sums(city: City) -> None:
    anna, bert = await city.citizen(), await city.citizen()
    await city.order(anna)
    await city.order(bert)
    await city.donate(bert)
    refused = await city.rewards.order(uuid.uuid4())  # nobody's grams: a void before its hold
    assert refused.json()["code"] == "INSUFFICIENT_BALANCE"
    run = await city.reconcile()
    assert run["ok"], run
    assert (run["compared"], run["differing"], run["in_flight"]) == (4, 0, 0)
    assert run["totals"] == [
        {
            "receiver": "donated:zero-carbon-marathon",
            "confirmed": 1,
            "confirmed_mg": DONATED_MG,
            "captured": 1,
            "captured_mg": DONATED_MG,
        },
        {
            "receiver": "redeemed:guozao",
            "confirmed": 2,
            "confirmed_mg": 2 * PRICE_MG,
            "captured": 2,
            "captured_mg": 2 * PRICE_MG,
        },
    ]


async def test_b8_accounting_restored_from_yesterday_is_found_and_captured_again(
    city: City, accounting_dsns: Dsns
) -> None:
    """The runbook of docs/reliability.md, accounting restored."""
    anna, bert, carl = [await city.citizen() for _ in range(3)]
    before_backup = await city.order(anna)
    backup = Backup(accounting_dsns, "accounting")
    try:
        await backup.take()
        lost_order, lost_donation = await city.order(anna), await city.donate(bert)
        spent_again = await city.order(carl)
        carl_had_mg = await city.balance_mg(carl)
        refused = await city.rewards.order(uuid.uuid4())
        assert refused.status_code == 409
        await backup.restore()
    finally:
        await backup.drop()
    # The grams are back, and every check of one side alone is content.
    assert await city.balance_mg(carl) == carl_had_mg + PRICE_MG
    assert (await city.accounting.check())["ok"]
    assert (await city.rewards.stock_check())["ok"]

    run = await city.reconcile()
    found = await city.differences(run)
    assert not run["ok"]
    missing = {lost_order, lost_donation, spent_again}
    assert {one for one, item in found.items() if item["difference"] == "CAPTURE_MISSING"} == missing
    assert run["differences"] == {"CAPTURE_MISSING": 3, "RECORD_MISSING": 1}
    assert before_backup not in found
    item = found[lost_order]
    assert (item["kind"], item["status"], item["amount_mg"], item["hold_status"]) == (
        "order",
        "confirmed",
        PRICE_MG,
        None,
    )
    totals = {one["receiver"]: (one["confirmed_mg"], one["captured_mg"]) for one in run["totals"]}
    assert totals == {"redeemed:guozao": (3 * PRICE_MG, PRICE_MG), "donated:zero-carbon-marathon": (DONATED_MG, 0)}

    # Carl spends all he has got back before anybody looks.
    for _bowl in range(await city.balance_mg(carl) // PRICE_MG):
        await city.order(carl)
    await capture_again(city, run)
    found = await city.differences(run)
    assert {one: found[one]["result"] for one in missing} == {
        lost_order: "captured",
        lost_donation: "captured",
        spent_again: "insufficient_balance",
    }
    again = await city.reconcile()
    assert again["differences"] == {"CAPTURE_MISSING": 1, "RECORD_MISSING": 1}
    assert set(await city.differences(again)) == {spent_again, *(o for o in found if o not in missing)}
    assert (await city.accounting.check())["ok"]


async def capture_again(city: City, run: dict[str, Any]) -> None:
    """One person proposes and moves nothing, a second one approves."""
    found = await city.differences(run)
    captures = f"/runs/{run['run_id']}/captures"
    proposal = await city.operate("POST", captures, "ops-1", {"reason": "restored from yesterday"}, expect=201)
    await city.reconciler.repeat_captures()
    assert await city.differences(run) == found
    path = f"/captures/{proposal['proposal_id']}/approve"
    assert (await city.operate("POST", path, "OPS-1", expect=409))["code"] == "SECOND_PERSON_NEEDED"
    await city.operate("POST", path, "ops-2")
    await city.reconciler.repeat_captures()
    await city.reconciler.repeat_captures()


async def test_b8_rewards_restored_from_yesterday_is_found(city: City, rewards_dsns: Dsns) -> None:
    """The runbook of docs/reliability.md, rewards restored."""
    anna, bert = await city.citizen(rides=3), await city.citizen()
    await city.order(anna)
    backup = Backup(rewards_dsns, "rewards")
    try:
        await backup.take()
        lost_order, lost_donation = await city.order(anna), await city.donate(bert)
        await backup.restore()
    finally:
        await backup.drop()
    run = await city.reconcile()
    found = await city.differences(run)
    assert {one: item["difference"] for one, item in found.items()} == {
        lost_order: "CAPTURE_UNCLAIMED",
        lost_donation: "CAPTURE_UNCLAIMED",
    }
    item = found[lost_donation]
    assert (item["hold_status"], item["posted_to"], item["posted_mg"], item["status"]) == (
        "captured", "donated:zero-carbon-marathon", DONATED_MG, None,
    )  # fmt: skip
    answer = await city.operate(
        "POST", f"/runs/{run['run_id']}/captures", body={"reason": "nothing to take"}, expect=409
    )
    assert answer["code"] == "NOTHING_TO_CAPTURE"


async def test_b8_an_order_that_was_open_in_the_backup_is_confirmed_by_the_worker(
    city: City, rewards_dsns: Dsns
) -> None:
    anna = await city.citizen()
    city.rewards.network.faults["spend"] = RESPONSE_LOST
    answer = await city.rewards.order(anna)
    assert answer.status_code == 202
    city.rewards.network.faults.clear()
    backup = Backup(rewards_dsns, "rewards")
    try:
        await backup.take()
        await city.rewards.work()
        await backup.restore()
    finally:
        await backup.drop()
    run = await city.reconcile()
    assert run["differences"] == {"OPEN_TOO_LONG": 1}
    await city.rewards.work()
    assert (await city.reconcile())["ok"]


PLANTED = [
    ("accounting", "UPDATE accounting.hold SET amount_mg = amount_mg - 1 WHERE hold_id = $1", "LEDGER_DIFFERS"),
    ("accounting", "UPDATE accounting.hold SET captured_to = 'redeemed:other' WHERE hold_id = $1", "LEDGER_DIFFERS"),
    ("accounting", "DELETE FROM accounting.hold WHERE hold_id = $1", "CAPTURE_MISSING"),
    ("accounting", "DELETE FROM accounting.posting WHERE hold_id = $1", "LEDGER_DIFFERS"),
    ("accounting", "UPDATE accounting.hold SET account_id = gen_random_uuid() WHERE hold_id = $1", "FIELDS_DIFFER"),
    (
        "accounting",
        "UPDATE accounting.posting SET amount_mg = 1 WHERE hold_id = $1 AND kind = 'capture'",
        "LEDGER_DIFFERS",
    ),
    ("rewards", "UPDATE rewards.donation SET amount_mg = amount_mg + 1 WHERE donation_id = $1", "FIELDS_DIFFER"),
    ("rewards", "UPDATE rewards.donation SET capture_to = 'donated:other' WHERE donation_id = $1", "FIELDS_DIFFER"),
    ("rewards", "DELETE FROM rewards.donation WHERE donation_id = $1", "CAPTURE_UNCLAIMED"),
    (
        "rewards",
        "UPDATE rewards.donation SET status = 'cancelled', reason_code = 'CALLED_OFF' WHERE donation_id = $1",
        "CAPTURE_UNCLAIMED",
    ),
]


async def plant(dsns: Dsns, statement: str, settlement_id: str) -> None:
    connection = await connect_past_triggers(dsns)
    await connection.execute(statement, uuid.UUID(settlement_id))
    await connection.close()


@pytest.mark.parametrize(("side", "statement", "difference"), PLANTED)
async def test_b8_every_planted_difference_is_found(
    city: City, accounting_dsns: Dsns, rewards_dsns: Dsns, side: str, statement: str, difference: str
) -> None:
    anna = await city.citizen()
    donation = await city.donate(anna)
    await city.order(anna)
    await plant(accounting_dsns if side == "accounting" else rewards_dsns, statement, donation)
    run = await city.reconcile()
    assert run["differences"] == {difference: 1}
    assert list(await city.differences(run)) == [donation]


async def test_b8_a_captured_hold_without_its_order_is_found(city: City) -> None:
    anna = await city.citizen()
    order = await city.order(anna)
    connection = await connect_past_triggers(city.rewards.dsns)
    await connection.execute("DELETE FROM rewards.voucher WHERE order_id = $1", uuid.UUID(order))
    await connection.execute("DELETE FROM rewards.orders WHERE order_id = $1", uuid.UUID(order))
    await connection.close()
    run = await city.reconcile()
    assert run["differences"] == {"CAPTURE_UNCLAIMED": 1}


async def test_b8_what_moved_just_now_is_left_to_the_next_run(city: City) -> None:
    anna = await city.citizen()
    await city.order(anna)
    city.reconciler = city.reconciler_with(in_flight_s=900)
    run = await city.reconcile()
    assert (run["ok"], run["compared"], run["in_flight"]) == (True, 0, 1)


@pytest.mark.parametrize("page_size", [1, 2, 3])
async def test_b8_pages_of_any_size_find_the_same(city: City, accounting_dsns: Dsns, page_size: int) -> None:
    anna = await city.citizen(rides=3)
    ids = [await city.order(anna) if n % 3 else await city.donate(anna) for n in range(9)]
    connection = await connect_past_triggers(accounting_dsns)
    await connection.execute("DELETE FROM accounting.hold WHERE hold_id = ANY($1::uuid[])", ids[2:7])
    await connection.close()
    city.reconciler = city.reconciler_with(page_size=page_size)
    run = await city.reconcile()
    assert (run["compared"], run["differences"]) == (9, {"CAPTURE_MISSING": 5})
    assert sorted(await city.differences(run)) == sorted(ids[2:7])


async def test_b8_an_outage_of_accounting_delays_a_run_and_is_named(city: City) -> None:
    anna = await city.citizen()
    await city.order(anna)
    run = await city.operate("POST", "/runs", expect=202)
    assert (await city.operate("POST", "/runs", expect=409))["code"] == "RECONCILIATION_RUNNING"
    city.rewards.network.faults["all"] = UNAVAILABLE
    await city.reconciler.advance()
    detail = await city.operate("GET", f"/runs/{run['run_id']}")
    assert (detail["finished_at"], detail["last_error"]) == (None, "http_503")
    city.rewards.network.faults.clear()
    await city.reconciler.advance()
    detail = await city.operate("GET", f"/runs/{run['run_id']}")
    assert (detail["ok"], detail["last_error"]) == (True, None)


async def test_b8_two_workers_drive_one_run_without_counting_twice(city: City) -> None:
    anna = await city.citizen(rides=3)
    for _bowl in range(6):
        await city.order(anna)
    city.reconciler = city.reconciler_with(page_size=1)
    await city.operate("POST", "/runs", expect=202)
    await asyncio.gather(*(city.reconciler.advance() for _ in range(4)))
    await city.reconciler.advance()
    (run,) = (await city.operate("GET", "/runs"))["items"]
    assert (run["compared"], run["differing"]) == (6, 0)


async def test_b8_a_night_has_one_run_and_sets_the_metrics(city: City) -> None:
    async with city.rewards.database.transaction() as session:
        await reconciliation.start_nightly(session, time_zone="Etc/GMT-8")
    await city.reconciler.advance()
    for _minute in range(2):
        async with city.rewards.database.transaction() as session:
            await reconciliation.start_nightly(session, time_zone="Etc/GMT-8")
            await reconciliation.report(session)
    runs = (await city.operate("GET", "/runs"))["items"]
    assert len(runs) <= 1
    if runs:  # not between midnight and three
        assert runs[0]["requested_by"] == "~nightly"
        assert REGISTRY.get_sample_value("carbon_reconciliation_age_seconds") is not None
        labels = {"difference": "CAPTURE_MISSING"}
        assert REGISTRY.get_sample_value("carbon_reconciliation_differences", labels) == 0

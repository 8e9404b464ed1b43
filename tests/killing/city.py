"""The shop with a gate in front of each database, and the people, items and operators of one cell of the matrix."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy.local.fake_bank import Bank
from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import Terms
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import Limits
from services.rewards.catalogue.service import ItemTexts
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import clock
from shared.contracts.identity import person_account_id
from shared.db import Database
from shared.language import Text
from shared.sealing_keys import parse_keys
from tests.killing.gate import CommitGate, Fault
from tests.killing.steps import step_of_accounting, step_of_rewards
from tests.shop import KEY_OF_32_BYTES, PRICE_MG, SPONSOR, Shop, Visitor
from tests.tokens import TokenFactory

API: Final = "/api/v1/rewards"
WORKER: Final = "rewards-worker"
PROCESSES: Final = ("rewards", WORKER, "accounting")
STOCK, COST_FEN = 3, 1_000  # 1,000 fen of interest need the grams of a piece as well: 5 kg at 200 fen
_TABLES: Final = {
    "order": ("orders", "order_id"),
    "donation": ("donation", "donation_id"),
    "loan": ("loan_offset", "offset_id"),
}
HAS_MG: Final = 4 * PRICE_MG
_WHY: Final = {"reason": "照合同办理"}
_PENDING_S: Final = 90


class City:
    def __init__(self, shop: Shop, gates: dict[str, CommitGate], passed: list[str], tokens: TokenFactory) -> None:
        self.shop, self.gates, self.passed, self._tokens = shop, gates, passed, tokens

    async def prepare(self, *, kind: str, is_poor: bool) -> "Case":
        name = f"kill-{uuid.uuid4().hex[:12]}"
        price_mg = 2 * HAS_MG if is_poor else PRICE_MG
        database = Database(self.shop.dsns.app("rewards"), pool_size=1)
        try:
            async with database.transaction() as session:
                await _add_item(session, name, price_mg)
                await _add_campaign(session, name)
        finally:
            await database.stop()
        (visitor,) = await self.shop.add_visitors(1)
        await self.shop.fetch(
            "INSERT INTO accounting.capture_target (code, title_zh, title_en) VALUES ($1, '公益', 'Charity')"
            " ON CONFLICT DO NOTHING",
            f"donated:{name}",
        )
        case = Case(self, name, visitor, price_mg, kind)
        if kind == "loan":
            await case.get_quote()
        return case

    def operator(self, name: str) -> dict[str, str]:
        return self._tokens.operator(subject=name)

    def disarm(self) -> None:
        for gate in self.gates.values():
            gate.disarm()
        self.passed.clear()

    @contextmanager
    def frozen_worker(self) -> Iterator[None]:
        """The worker stands still meanwhile, so that the request does all steps."""
        pid = self.shop.processes[WORKER].pid
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)


class Case:
    """One citizen with one item and one campaign of their own."""

    def __init__(self, city: City, name: str, visitor: Visitor, price_mg: int, kind: str) -> None:
        self._city, self._shop = city, city.shop
        self.name, self.visitor, self.price_mg, self.kind = name, visitor, price_mg, kind
        self.key = str(uuid.uuid4())
        self._table, self._id = _TABLES[kind]
        self._bank_key = Ed25519PrivateKey.generate()

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response | None:
        """Return None if no answer comes."""
        sent = {"Authorization": f"Bearer {self.visitor.token}", **headers}
        try:
            async with httpx.AsyncClient(base_url=self._shop.url("rewards"), timeout=60, trust_env=False) as client:
                return await client.request(method, f"{API}{path}", json=body, headers=sent)
        except httpx.TransportError:
            return None

    async def spend(self) -> httpx.Response | None:
        """Order, donate or offset, always under the same key."""
        key = {"Idempotency-Key": self.key}
        if self.kind == "loan":
            offset = {"bank_id": self.name, "quote_id": self.name, "amount_mg": self.price_mg}
            return await self.call("POST", "/loan-offsets", offset, **key)
        if self.kind == "donation":
            return await self.call("POST", f"/campaigns/{self.name}/donations", {"amount_mg": self.price_mg}, **key)
        body = {"item_id": self.name, "quantity": 1, "client_request_id": self.key}
        return await self.call("POST", "/orders", body, **key)

    async def cancel(self) -> httpx.Response | None:
        return await self.call("POST", f"/orders/{(await self.row())['id']}/cancel")

    async def propose_refund(self) -> str:
        answer = await self.call(
            "POST", f"/ops/orders/{(await self.row())['id']}/refund", _WHY, **self._city.operator("ann")
        )
        assert answer is not None
        assert answer.status_code == 202, answer.text
        return str(answer.json()["proposal_id"])

    async def approve(self, proposal_id: str) -> httpx.Response | None:
        return await self.call("POST", f"/ops/proposals/{proposal_id}/approve", _WHY, **self._city.operator("bob"))

    async def get_quote(self) -> None:
        """Register a bank, which quotes the interest that the price offsets."""
        pem = self._bank_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        await self._shop.fetch(
            "INSERT INTO rewards.bank (bank_id, name_zh, name_en, budget_id, fen_per_kg, month_fen, answer_hours)"
            " VALUES ($1, '银行', 'Bank', $1, 200, 100000, 48)",
            self.name,
        )
        await self._shop.fetch(
            "INSERT INTO rewards.bank_key (app_key, bank_id, algorithm, public_key)"
            " VALUES ('bk-' || $1, $1, 'CP1-ED25519', $2)",
            self.name,
            pem,
        )
        ref = Pseudonyms(parse_keys(KEY_OF_32_BYTES)).current(self.name, person_account_id(self.visitor.user_id))
        await self._shop.fetch(
            "INSERT INTO rewards.loan_quote (bank_id, quote_id, customer_ref, interest_fen, expires_at)"
            " VALUES ($1, $1, $2, 100000, now() + interval '1 hour')",
            self.name,
            ref,
        )

    async def refuse(self) -> httpx.Response | None:
        """The bank refuses."""
        offset_id = (await self.row())["id"]
        try:
            async with httpx.AsyncClient(base_url=self._shop.url("rewards"), timeout=60, trust_env=False) as client:
                bank = Bank(client, app_key=f"bk-{self.name}", key=self._bank_key)
                return await bank.send("POST", f"/loan-offsets/{offset_id}/refuse")
        except httpx.TransportError:
            return None

    async def be_silent(self) -> None:
        """The bank's time is over."""
        await self._shop.fetch(
            "UPDATE rewards.loan_offset SET answer_by = now() WHERE user_id = $1", self.visitor.user_id
        )

    async def become_pending(self, fault: Fault, step: str) -> None:
        """Order while accounting's answer is an error."""
        self._city.gates["accounting"].arm(step, fault, lambda: None)
        answer = await self.spend()
        assert answer is not None
        assert answer.status_code == 202, answer.text

    async def grow_old(self) -> None:
        await self._shop.fetch(
            f"UPDATE rewards.{self._table} SET created_at = created_at - make_interval(secs => $2),"
            " next_attempt_at = clock_timestamp() WHERE user_id = $1",
            self.visitor.user_id,
            float(_PENDING_S),
        )

    async def rows(self) -> list[dict[str, Any]]:
        found = await self._shop.fetch(
            f"SELECT {self._id} AS id, status FROM rewards.{self._table} WHERE user_id = $1", self.visitor.user_id
        )
        return [dict(row) for row in found]

    async def row(self) -> dict[str, Any]:
        (row,) = await self.rows()
        return row

    async def wait_for_end(self, started: float, within_s: float, *, ends: Collection[str]) -> float:
        """Return how many seconds after `started` the settlement has one of these states."""
        while not all(row["status"] in ends for row in await self.rows()):
            took_s = time.monotonic() - started
            assert took_s < within_s, f"still open after {took_s:.0f} s: {await self.rows()}"
            await asyncio.sleep(0.2)
        return time.monotonic() - started

    async def state(self) -> dict[str, Any]:
        """Return all that a settlement moves, from both databases in one snapshot."""
        (row,) = await self._shop.fetch(
            _STATE, self.visitor.user_id, self.name, person_account_id(self.visitor.user_id)
        )
        return dict(row)


# Every count that an order or a donation touches.
_STATE: Final = """
SELECT (SELECT balance_mg FROM accounting.ledger_account WHERE account_id = $3) AS balance_mg,
 (SELECT coalesce(sum(balance_mg), 0)::bigint FROM accounting.ledger_account
  WHERE kind = 'hold' AND account_id IN (SELECT order_id FROM rewards.orders WHERE user_id = $1)) AS held_mg,
 (SELECT coalesce(string_agg(status, ' '), '') FROM accounting.hold WHERE account_id = $3) AS holds,
 (SELECT count(*) FROM rewards.voucher WHERE item_id = $2 AND order_id IS NOT NULL AND user_id = $1) AS codes,
 (SELECT count(*) FROM rewards.voucher WHERE item_id = $2 AND order_id IS NULL) AS free_codes,
 (SELECT available FROM rewards.item_stock WHERE item_id = $2) AS available,
 (SELECT reserved FROM rewards.item_stock WHERE item_id = $2) AS reserved,
 (SELECT sold FROM rewards.item_stock WHERE item_id = $2) AS sold,
 (SELECT reserved_fen FROM rewards.budget WHERE budget_id = $2) AS reserved_fen,
 (SELECT spent_fen FROM rewards.budget WHERE budget_id = $2) AS spent_fen,
 (SELECT coalesce(sum(taken), 0) FROM rewards.item_taken WHERE user_id = $1) AS taken,
 (SELECT coalesce(sum(taken), 0) FROM rewards.window_taken WHERE user_id = $1) AS taken_in_windows,
 (SELECT coalesce(sum(taken_fen), 0)::bigint FROM rewards.loan_month WHERE user_id = $1) AS offset_fen,
 (SELECT donated_mg FROM rewards.campaign WHERE campaign_id = $2) AS donated_mg,
 (SELECT count(*) FROM rewards.certificate WHERE campaign_id = $2) AS certificates"""


async def _add_item(session: Any, name: str, price_mg: int) -> None:
    await budgets.open_budget(
        session, budget_id=name, sponsor=Sponsor(SPONSOR, Text("赞助方", "Sponsor")), limit_fen=10 * COST_FEN
    )
    await catalogue.offer_item(
        session,
        item_id=name,
        texts=ItemTexts(Text("一碗热干面", "A bowl of hot dry noodles")),
        category="food",
        price_mg=price_mg,
        price_fen=COST_FEN,
        budget_id=name,
        per_user_limit=1,
        limits=Limits(per_day=1, per_month=1, promotion=name, per_promotion=1),
    )
    sealer = CodeSealer(bytes(range(32)))
    await vouchers.load_codes(session, sealer=sealer, item_id=name, codes=[new_code() for _ in range(STOCK)])


async def _add_campaign(session: Any, name: str) -> None:
    opens = clock.now() - timedelta(days=1)
    await campaigns.open_campaign(
        session,
        campaign_id=name,
        title=Text("零碳马拉松", "Zero-carbon marathon"),
        description=Text("", ""),
        target_mg=100 * HAS_MG,
        terms=Terms(opens, opens + timedelta(days=30), min_mg=1_000, max_mg=10 * HAS_MG),
    )


def expected(case: Case, end: str) -> dict[str, Any]:
    """Return the state that an end must leave."""
    is_given = end == "given"
    pieces = int(is_given and case.kind == "order")
    gifts = int(is_given and case.kind == "donation")
    offsets = int(is_given and case.kind == "loan")
    return {
        "balance_mg": HAS_MG - case.price_mg * is_given,
        "held_mg": 0,
        "codes": pieces,
        "free_codes": STOCK - pieces,
        "available": STOCK - pieces,
        "reserved": 0,
        "sold": pieces,
        "reserved_fen": 0,
        "spent_fen": COST_FEN * (pieces + offsets),
        "offset_fen": COST_FEN * offsets,
        "taken": pieces,
        "taken_in_windows": 3 * pieces,
        "donated_mg": case.price_mg * gifts,
        "certificates": gifts,
    }


@contextmanager
def open_city(admin_dsn: str, directory: Path, tokens: TokenFactory) -> Iterator[City]:
    port = urlsplit(admin_dsn).port
    assert port is not None
    names: dict[str, Callable[..., str | None]] = {
        process: step_of_accounting if process == "accounting" else step_of_rewards for process in PROCESSES
    }
    passed: list[str] = []
    with ExitStack() as stack:
        gates = {process: stack.enter_context(CommitGate(port, names[process], passed)) for process in PROCESSES}
        ports = {process: gate.port for process, gate in gates.items()}
        shop = stack.enter_context(Shop(admin_dsn, directory, "test_killing", tokens, database_ports=ports))
        shop.start_worker("rewards")
        yield City(shop, gates, passed, tokens)

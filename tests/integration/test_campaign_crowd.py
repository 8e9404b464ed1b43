"""A city gives to one campaign at once, through HTTP: accounts, accounting and rewards as real processes, two of each.

The campaign closes at its target to the milligram. Then ledger, campaign, donors and certificates agree.
"""

import asyncio
import json
import os
import random
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import asyncpg
import httpx
import pytest

from shared import clock
from shared.contracts.identity import enterprise_account_id, person_account_id
from tests.shop import HOST, Shop, Visitor
from tests.tokens import TokenFactory

pytestmark = pytest.mark.longer

# `make nightly` lets a thousand citizens give.
CITIZENS: Final = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 60
ENTERPRISES: Final = 2
GIFTS_OF_ENTERPRISE: Final = 5
CAMPAIGN: Final = "whole-city"
# Citizens want to give 8 kg on the average, so the campaign is full before the last of them.
TARGET_MG: Final = CITIZENS * 5_000_000 + 123_457
ENTERPRISE_MG: Final = CITIZENS * 1_000_000
_ALL_S: Final = 300.0


@pytest.fixture(scope="module")
def shop(postgres_admin_dsn: str, tmp_path_factory: pytest.TempPathFactory, tokens: TokenFactory) -> Iterator[Shop]:
    with Shop(
        postgres_admin_dsn, tmp_path_factory.mktemp("campaign"), "test_campaign_crowd", tokens, processes=2
    ) as shop:
        yield shop


class Giver:
    """One donor on one connection: gives, and if that is too much, gives what the campaign still takes."""

    def __init__(self, shop: Shop, visitor: Visitor, wishes_mg: list[int], enterprise_id: uuid.UUID | None) -> None:
        self._shop, self._visitor, self._wishes, self.enterprise_id = shop, visitor, wishes_mg, enterprise_id
        self.answers: Counter[str] = Counter()
        self.took_s: list[float] = []
        self.certificates: list[tuple[str, int]] = []

    async def give_all(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._shop.ports["rewards"])
        try:
            for wish_mg in self._wishes:
                await self._give(reader, writer, wish_mg)
        finally:
            writer.close()

    async def _give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, amount_mg: int) -> None:
        key = secrets.token_hex(12)
        while amount_mg:
            started = time.perf_counter()
            writer.write(self._request(amount_mg, key))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body: dict[str, Any] = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
            self.took_s.append(time.perf_counter() - started)
            status = int(head.split(b" ", 2)[1])
            self.answers[f"{status} {body.get('code', body.get('status'))}"] += 1
            if status == 429:
                await asyncio.sleep(random.uniform(0.2, 1.0))
            elif status == 409 and body["code"] == "TARGET_EXCEEDED":
                amount_mg, key = body["rest_mg"], secrets.token_hex(12)
            else:
                assert status == 201, body
                self.certificates.append((body["certificate"]["certificate_no"], body["amount_mg"]))
                return

    def _request(self, amount_mg: int, key: str) -> bytes:
        wanted: dict[str, Any] = {"amount_mg": amount_mg}
        if self.enterprise_id is not None:
            wanted["enterprise_id"] = str(self.enterprise_id)
        body = json.dumps(wanted).encode()
        head = (
            f"POST /api/v1/rewards/campaigns/{CAMPAIGN}/donations HTTP/1.1\r\nhost: shop\r\nidempotency-key: {key}\r\n"
            f"authorization: Bearer {self._visitor.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def open_campaign(shop: Shop) -> None:
    now = clock.now()
    connection = await asyncpg.connect(shop.dsns.admin)
    try:
        await connection.execute(
            "INSERT INTO rewards.campaign (campaign_id, title_zh, title_en, target_mg, min_mg, max_mg, starts_at,"
            " ends_at) VALUES ($1, '全城一起捐', 'The whole city', $2, 1000, $2, $3, $4)",
            CAMPAIGN,
            TARGET_MG,
            now - timedelta(days=1),
            now + timedelta(days=1),
        )
        await connection.execute(
            "INSERT INTO accounting.capture_target (code, title_zh, title_en) VALUES ($1, '全城一起捐', 'The city')",
            f"donated:{CAMPAIGN}",
        )
    finally:
        await connection.close()


async def open_enterprise(shop: Shop, maker: Visitor) -> uuid.UUID:
    """An enterprise with grams, as accounts has published it to both services."""
    enterprise_id, now = uuid.uuid4(), clock.now()
    account_id, person_id = enterprise_account_id(enterprise_id), person_account_id(maker.user_id)
    connection = await asyncpg.connect(shop.dsns.admin)
    try:
        await connection.execute(
            "INSERT INTO accounting.ledger_account (account_id, kind, balance_mg, lifetime_mg)"
            " VALUES ($1, 'enterprise', $2, $2)",
            account_id,
            ENTERPRISE_MG,
        )
        await connection.execute(
            "INSERT INTO accounting.enterprise (enterprise_id, version, status, kinds, account_id)"
            " VALUES ($1, 1, 'active', '[\"sponsor\"]', $2)",
            enterprise_id,
            account_id,
        )
        await connection.execute(
            "INSERT INTO rewards.enterprise (enterprise_id, version, status, name, account_id)"
            " VALUES ($1, 1, 'active', '江城会展有限公司', $2)",
            enterprise_id,
            account_id,
        )
        for schema in ("accounting", "rewards"):
            await connection.execute(
                f"INSERT INTO {schema}.enterprise_member (membership_id, version, enterprise_id, account_id, roles,"
                " since) VALUES (gen_random_uuid(), 1, $1, $2, '[\"maker\"]', $3)",
                enterprise_id,
                person_id,
                now,
            )
    finally:
        await connection.close()
    return enterprise_id


async def test_a_thousand_citizens_and_two_enterprises_close_a_campaign_to_the_milligram(
    shop: Shop, tokens: TokenFactory
) -> None:
    await open_campaign(shop)
    dice = random.Random(20_261_128)
    makers, citizens = await shop.add_visitors(ENTERPRISES), await shop.add_visitors(CITIZENS)
    givers = [Giver(shop, visitor, [dice.randrange(1_000, 16_000_000)], None) for visitor in citizens]
    for maker in makers:
        each_mg = ENTERPRISE_MG // GIFTS_OF_ENTERPRISE
        givers.append(Giver(shop, maker, [each_mg] * GIFTS_OF_ENTERPRISE, await open_enterprise(shop, maker)))
    givers.reverse()  # whoever writes first is not refused at once: the makers also have gifts to come
    started = time.perf_counter()
    async with asyncio.timeout(_ALL_S):
        await asyncio.gather(*(giver.give_all() for giver in givers))
    took_s = time.perf_counter() - started
    answers = sum((giver.answers for giver in givers), Counter[str]())
    waits_ms = sorted(1000 * one for giver in givers for one in giver.took_s)
    print(
        f"{CITIZENS} citizens and {ENTERPRISES} enterprises at once: {took_s:.1f} s, p50"
        f" {waits_ms[len(waits_ms) // 2]:.0f} ms, p99 {waits_ms[int(len(waits_ms) * 0.99)]:.0f} ms,"
        f" {TARGET_MG:,} mg, {dict(answers)}"
    )
    assert set(answers) <= {"201 confirmed", "409 TARGET_EXCEEDED", "429 TOO_MANY_AT_ONCE"}
    assert answers["409 TARGET_EXCEEDED"] > 0
    await _agree(shop, tokens, givers)


async def _agree(shop: Shop, tokens: TokenFactory, givers: list[Giver]) -> None:
    """Ledger, campaign, donors, certificates, and what the donors were told."""
    told = [one for giver in givers for one in giver.certificates]
    assert sum(amount_mg for _, amount_mg in told) == TARGET_MG
    (campaign,) = await shop.fetch(
        "SELECT donated_mg, reserved_mg, donors, completed_at IS NOT NULL AS completed FROM rewards.campaign"
        " WHERE campaign_id = $1",
        CAMPAIGN,
    )
    donors = sum(bool(giver.certificates) for giver in givers)
    assert dict(campaign) == {"donated_mg": TARGET_MG, "reserved_mg": 0, "donors": donors, "completed": True}
    (ledger,) = await shop.fetch(
        "SELECT balance_mg FROM accounting.ledger_account WHERE code = $1", f"donated:{CAMPAIGN}"
    )
    assert ledger["balance_mg"] == TARGET_MG
    (held,) = await shop.fetch(
        "SELECT count(*) AS holds, coalesce(sum(amount_mg), 0)::bigint AS mg FROM accounting.hold"
        " WHERE captured_to = $1 AND status = 'captured'",
        f"donated:{CAMPAIGN}",
    )
    assert dict(held) == {"holds": len(told), "mg": TARGET_MG}
    rows = await shop.fetch(
        "SELECT certificate_no, amount_mg FROM rewards.certificate WHERE campaign_id = $1", CAMPAIGN
    )
    assert {(row["certificate_no"], row["amount_mg"]) for row in rows} == set(told)
    (sums,) = await shop.fetch(
        "SELECT sum(donated_mg)::bigint AS mg, count(*) FILTER (WHERE is_enterprise) AS enterprises"
        " FROM rewards.campaign_donor WHERE campaign_id = $1",
        CAMPAIGN,
    )
    enterprises = sum(giver.enterprise_id is not None and bool(giver.certificates) for giver in givers)
    assert dict(sums) == {"mg": TARGET_MG, "enterprises": enterprises}
    assert enterprises > 0
    async with httpx.AsyncClient(base_url=shop.url("rewards"), trust_env=False) as client:
        for number, amount_mg in told:
            checked = (await client.get(f"/api/v1/rewards/certificates/{number}")).json()
            assert (checked["amount_mg"], checked["campaign"]["campaign_id"]) == (amount_mg, CAMPAIGN)
        check = await client.get("/api/v1/rewards/ops/stock-check", headers=tokens.operator())
    assert check.json()["ok"], check.text

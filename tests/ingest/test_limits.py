"""Limits of a partner: rates, the daily budget, and the size of a decompressed body."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from services.ingest.limits.domain import NANO, Bucket, seconds_to_midnight
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared.eventlog import LogUnavailable
from tests.databases import Dsns
from tests.ingest.conftest import Outage, Reader, RunApp, Settle
from tests.ingest.samples import EVENTS, PartnerClient, event, seed_partner
from tests.ingest.test_partners import rows
from tests.ingest.test_requests import FailingLog


def batch(partner: str, count: int, start: int = 0) -> bytes:
    return json.dumps([event(f"l-{start + number}", partner=partner) for number in range(count)]).encode()


@pytest.fixture(scope="module")
async def limited(seeded: Settings) -> Settings:
    partners = [
        seed_partner("chatty", requests_per_s=1, requests_burst=3),
        seed_partner("torrent", events_per_s=100, events_burst=500),
        seed_partner("thrifty", events_per_day=10),
        seed_partner("shared-budget", events_per_day=10),
        seed_partner("unlucky", events_per_day=10),
    ]
    await seed(seeded, json.dumps(partners).encode())
    return seeded


@pytest.fixture(scope="module")
async def http(limited: Settings, run_app: RunApp) -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(limited) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert int(answer.headers["retry-after"]) > 0
    return answer.status_code, answer.json()["code"]


class FakeClock:
    """The clock of the buckets, moved by the test."""

    def __init__(self) -> None:
        self.ns = 0

    def monotonic_ns(self) -> int:
        return self.ns


@pytest.fixture
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    found = FakeClock()
    monkeypatch.setattr("services.ingest.limits.service.time", found)
    return found


async def test_requests_per_second_are_limited(http: httpx.AsyncClient, fake_clock: FakeClock) -> None:
    partner = PartnerClient(http, "ak-chatty")
    answers = [await partner.post(b"[]", nonce=f"nonce-of-request-{number}") for number in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert refusal(answers[3]) == (429, "REQUEST_RATE_EXCEEDED")
    fake_clock.ns += NANO
    again = await partner.post(
        b"[]", nonce="nonce-of-request-3"
    )  # the same bytes: a refused request releases its nonce
    assert again.status_code == 202
    asked = await partner.get("/api/v1/ingest/events/x")
    assert refusal(asked) == (429, "REQUEST_RATE_EXCEEDED")
    forged = await partner.post(b"[]", secret="nobodys-secret-nobodys")
    assert forged.status_code == 401  # a forged request does not use up the partner's rate


async def test_events_per_second_are_limited(http: httpx.AsyncClient, published: Reader, fake_clock: FakeClock) -> None:
    partner = PartnerClient(http, "ak-torrent")
    assert (await partner.post(batch("torrent", 450))).status_code == 202
    body = batch("torrent", 100, start=450)
    refused = await partner.post(body, nonce="nonce-of-the-torrent")
    assert refusal(refused) == (429, "EVENT_RATE_EXCEEDED")
    assert len(await published.new_records()) == 450
    assert (await partner.post(batch("torrent", 1, start=600))).status_code == 202


async def test_the_daily_budget_stops_a_leaked_key(http: httpx.AsyncClient, published: Reader) -> None:
    partner = PartnerClient(http, "ak-thrifty")
    assert (await partner.post(b"[1,2,3,4,5,6,7,8,9]")).json()["rejected"] == 9  # rejected events do not count
    assert (await partner.post(batch("thrifty", 8))).status_code == 202
    assert (await partner.post(batch("thrifty", 8), target=EVENTS + "?dry_run=true")).status_code == 202
    refused = await partner.post(batch("thrifty", 3, start=8))
    assert refusal(refused) == (429, "DAILY_BUDGET_EXHAUSTED")
    assert int(refused.headers["retry-after"]) <= 86_401
    assert "10" in refused.json()["detail"]
    assert len(await published.new_records()) == 8
    assert (await partner.post(batch("thrifty", 2, start=8))).status_code == 202


async def test_processes_share_the_daily_budget(
    limited: Settings, run_app: RunApp, http: httpx.AsyncClient, settle: Settle, ingest_dsns: Dsns
) -> None:
    async with run_app(limited) as other:
        one, two = PartnerClient(http, "ak-shared-budget"), PartnerClient(other, "ak-shared-budget")
        assert (await one.post(batch("shared-budget", 6))).status_code == 202
        assert (await two.post(batch("shared-budget", 1, start=6))).status_code == 202

        async def is_counted() -> bool:
            return (await two.post(batch("shared-budget", 5, start=20))).status_code == 429

        async def written() -> bool:
            query = "SELECT events FROM ingest.partner_usage WHERE partner_id = 'shared-budget'"
            return [row["events"] for row in await rows(ingest_dsns, query)] == [7]

        await settle(written)
        await settle(is_counted)
    async with run_app(limited) as restarted:
        answer = await PartnerClient(restarted, "ak-shared-budget").post(batch("shared-budget", 4, start=30))
        assert refusal(answer) == (429, "DAILY_BUDGET_EXHAUSTED")


async def test_events_that_the_log_refused_do_not_count_against_the_budget(limited: Settings, run_app: RunApp) -> None:
    log = FailingLog(limited.event_log_url, client_id="unlucky")
    async with run_app(limited, log=log) as client:
        partner = PartnerClient(client, "ak-unlucky")
        log.failure = LogUnavailable("away")
        for _ in range(3):
            assert (await partner.post(batch("unlucky", 9))).status_code == 503
        log.failure = None
        assert (await partner.post(batch("unlucky", 9))).status_code == 202
        assert (await partner.post(batch("unlucky", 9))).status_code == 429


async def test_budgets_are_enforced_without_the_database(
    limited: Settings, run_app: RunApp, database_away: Outage
) -> None:
    await seed(limited, json.dumps([seed_partner("offline", events_per_day=10)]).encode())
    async with run_app(limited) as client, database_away():
        partner = PartnerClient(client, "ak-offline")
        assert (await partner.post(batch("offline", 10))).status_code == 202
        assert refusal(await partner.post(batch("offline", 1))) == (429, "DAILY_BUDGET_EXHAUSTED")


def test_a_bucket_refills_as_time_passes() -> None:
    bucket = Bucket(per_s=2, burst=4)
    assert [bucket.take(1, 0) for _ in range(5)] == [0, 0, 0, 0, NANO // 2]
    assert bucket.take(1, NANO // 2) == 0
    assert bucket.take(2, NANO // 2) == NANO
    assert bucket.take(9, 100 * NANO) == 0  # more than the burst passes if the bucket is full
    assert bucket.take(1, 100 * NANO) > 0


@pytest.mark.parametrize(
    ("instant", "seconds"),
    [("2026-11-24T15:59:59+00:00", 2), ("2026-11-24T16:00:00+00:00", 86_401), ("2026-11-24T04:00:00+00:00", 43_201)],
)
def test_a_budget_day_ends_at_midnight_in_the_programmes_time_zone(instant: str, seconds: int) -> None:
    assert seconds_to_midnight(datetime.fromisoformat(instant), "Asia/Shanghai") == seconds


# --- compressed and endless bodies -----------------------------------------------------------------------------------

GZIP = {"Content-Encoding": "gzip"}


async def test_a_gzip_body_is_verified_compressed_and_read_decompressed(bike: PartnerClient, published: Reader) -> None:
    body = gzip.compress(batch("bike", 400))
    answer = await bike.post(body, headers=GZIP)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 400
    assert len(await published.new_records()) == 400
    inflated = await bike.post(body, signed=gzip.decompress(body), headers=GZIP)
    assert inflated.json()["code"] == "SIGNATURE_INVALID"


async def test_a_gzip_bomb_is_refused_without_decompressing_it(bike: PartnerClient) -> None:
    """128 MiB of spaces in 130 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(128)) + packer.flush()
    assert len(bomb) < 2**18
    tracemalloc.start()
    try:
        answer = await bike.post(bomb, headers=GZIP)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert peak_bytes < 16 * 2**20


def _packed(content: bytes) -> bytes:
    """Without the time: processes that share the tests must use the same names."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (b"[]", "gzip", 400, "BROKEN_COMPRESSION"),
        (_packed(b"[]")[:-3], "gzip", 400, "BROKEN_COMPRESSION"),
        (_packed(b"[]")[:-6] + b"\x00" * 6, "gzip", 400, "BROKEN_COMPRESSION"),
        (_packed(b"[]") + _packed(b"[]"), "gzip", 400, "BROKEN_COMPRESSION"),
        (_packed(b"[]") + b"x", "gzip", 400, "BROKEN_COMPRESSION"),
        (b"", "gzip", 400, "BROKEN_COMPRESSION"),
        (_packed(b"{"), "x-gzip", 400, "MALFORMED_BODY"),
        (zlib.compress(b"[]"), "deflate", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"[]", "br", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (_packed(_packed(b"[]")), "gzip, gzip", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
    ids=[
        "not packed",
        "cut",
        "wrong checksum",
        "two members",
        "something behind",
        "empty",
        "no batch",
        "deflate",
        "br",
        "packed twice",
    ],
)
async def test_bodies_that_cannot_be_decompressed_are_refused(
    bike: PartnerClient, body: bytes, encoding: str, status: int, code: str
) -> None:
    answer = await bike.post(body, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 415:
        assert "gzip" in answer.headers["accept-encoding"]


async def test_an_endless_chunked_body_is_refused_at_the_limit(bike: PartnerClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65_536

    answer = await bike.post(endless(), signed=b"")
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert sent <= 20

"""Real processes: the API is killed in the middle of a redemption, the worker finishes and publishes it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import uvicorn
from fastapi import Request, Response

from services.rewards.settings import Settings
from services.rewards.worker import build
from shared.contracts.rewards_v1 import OrderConfirmed, RewardEvent
from shared.eventlog import TopicPartition, open_event_log
from tests.fake_accounts import PATH
from tests.rewards.conftest import API, PRICE_MG, VOUCHER_KEY, Rewards
from tests.rewards.fake_accounting import holds_app
from tests.tokens import SERVICE_KEYS

ROOT = Path(__file__).resolve().parents[2]
START_S, END_S = 20, 20


@asynccontextmanager
async def accounting_over_http(rewards: Rewards, killer: "Killer") -> AsyncIterator[str]:
    """Run the fake as a real server, which also publishes the keys of tokens."""
    app = holds_app(rewards.ledger)

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return rewards.tokens.jwks()

    @app.post(PATH)
    async def live(request: Request) -> dict[str, list[bool]]:
        return rewards.accounts.answer(request.headers["authorization"], await request.body())

    @app.middleware("http")
    async def kill(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        killer.after_call(request.url.path)
        return response

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


class Killer:
    """Kills a process as soon as accounting has done `operation`, before the answer arrives."""

    def __init__(self, operation: str) -> None:
        self.operation, self.victim = operation, 0

    def after_call(self, path: str) -> None:
        if self.victim and path.endswith(self.operation):
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0


def start_api(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "REWARDS_DATABASE_URL": settings.database_url,
        "REWARDS_EVENT_LOG_URL": settings.event_log_url,
        "REWARDS_JWKS_URL": settings.jwks_url,
        "REWARDS_SERVICE_KEY": SERVICE_KEYS["rewards"],
        "REWARDS_ACCOUNTING_BASE_URL": settings.accounting_base_url,
        "REWARDS_VOUCHER_KEY": VOUCHER_KEY,
    }
    program = ["uvicorn", "services.rewards.main:create_app", "--factory", "--port", str(port), "--no-access-log"]
    return subprocess.Popen([sys.executable, "-m", *program], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


@asynccontextmanager
async def api_process(settings: Settings, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    process = start_api(settings, port)
    try:
        async with asyncio.timeout(START_S), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def published(settings: Settings) -> list[OrderConfirmed]:
    log = open_event_log(settings.event_log_url, client_id="test")
    await log.start()
    try:
        topic = "rewards.events.v1"
        partitions = [TopicPartition(topic, p) for p in range(await log.partition_count(topic))]
        begins = await log.begin_offsets(partitions)
        found = await log.fetch(begins, max_records=1000, max_wait_s=0.5)
        events = [msgspec.json.decode(r.value or b"", type=RewardEvent) for records in found.values() for r in records]
        return [event for event in events if isinstance(event, OrderConfirmed)]
    finally:
        await log.stop()


async def test_kill_9_in_the_middle_of_a_redemption(rewards: Rewards) -> None:
    await rewards.add_item()
    user, key = rewards.citizen(), str(uuid.uuid4())
    killer = Killer("spends")
    async with accounting_over_http(rewards, killer) as url:
        settings = rewards.settings.model_copy(
            update={"accounting_base_url": url, "jwks_url": f"{url}/jwks", "database_pool_size": 4}
        )
        port = free_port()
        async with api_process(settings, port) as process, httpx.AsyncClient(timeout=10) as client:
            killer.victim = process.pid
            with pytest.raises(httpx.TransportError):
                await client.post(
                    f"http://127.0.0.1:{port}{API}/orders",
                    json={"item_id": "reganmian", "quantity": 1, "client_request_id": key},
                    headers={**rewards.tokens.citizen(user), "Idempotency-Key": key},
                )
            assert process.wait() == -signal.SIGKILL
        assert await rewards.stock() == {"available": 4, "reserved": 1, "sold": 0}
        assert rewards.balance_mg(user) == 0

        await rewards.pass_time(20)
        worker, stopping = build(settings), asyncio.Event()
        running = asyncio.create_task(worker.run_until(stopping))
        try:
            async with asyncio.timeout(END_S):
                while (await rewards.stock())["sold"] == 0 or await rewards.sql("SELECT FROM rewards.outbox"):
                    await asyncio.sleep(0.1)
        finally:
            stopping.set()
            await running
    (order,) = (await rewards.get("/me/orders", user)).json()["items"]
    assert (order["status"], len(order["vouchers"])) == ("confirmed", 1)
    assert rewards.ledger.accounts == {"redeemed:guozao": PRICE_MG}
    assert [event.order_id for event in await published(settings) if str(event.order_id) == order["order_id"]]


@pytest.mark.parametrize("table", ["certificate", "audit_log", "approval"])
@pytest.mark.parametrize("statement", ["TRUNCATE rewards.{}", "DELETE FROM rewards.{}"])
async def test_b9_the_owner_cannot_remove_certificates_proposals_or_audit_entries(
    rewards: Rewards, table: str, statement: str
) -> None:
    owner = await asyncpg.connect(rewards.dsns.owner("rewards"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is not allowed"):
            await owner.execute(statement.format(table))
    finally:
        await owner.close()

"""Readers of pages who take nothing do not hold up the services: the small form of `make chaos FAULTS=starve`."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.gateway.settings import GatewaySettings
from deploy.local.ports import free_port
from deploy.local.settings import ROOT
from tests.deploy.closed_windows import ClosedWindows, Mode
from tests.deploy.gateways import running
from tests.deploy.upstream import Upstream
from tests.starving import compare

pytestmark = pytest.mark.longer

ATTACKER, CITIZEN = ["10.2.0.1"], "10.2.0.2"
CROWD = [f"10.3.{number // 200}.{number % 200 + 1}" for number in range(800)]


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The real process of the pages."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "deploy.pages.app:create_app", "--factory", "--port", str(port)]
    process = subprocess.Popen([*command, "--no-access-log", "--log-level", "critical"], cwd=ROOT)
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                break
        except httpx.TransportError:
            pass
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def gateway(pages: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    upstream = Upstream()
    upstream.start()
    here = f"127.0.0.1:{upstream.port}"
    services: dict[str, Any] = dict.fromkeys(("accounts", "ingest", "accounting", "rewards"), here)
    settings = GatewaySettings(
        port=free_port(),
        admin_port=free_port(),
        **services,
        pages=f"127.0.0.1:{pages}",
        trusted_hops=1,
    )
    with running(settings, tmp_path_factory.mktemp("starving"), "/api/v1/accounts/readyz") as url:
        yield url
    upstream.stop()


@pytest.mark.parametrize("path", ["/docs/scalar.js", "/api/v1/accounts/openapi.json"])
@pytest.mark.parametrize("addresses", [ATTACKER, CROWD], ids=["one-address", "800-addresses"])
async def test_b4_page_loads_with_closed_windows_do_not_delay_others(
    gateway: str, path: str, addresses: list[str]
) -> None:
    port = int(gateway.rpartition(":")[2])

    async def attack() -> None:
        async with ClosedWindows(port, path, addresses=addresses):
            await asyncio.sleep(60)

    async with httpx.AsyncClient(
        base_url=gateway, headers={"X-Forwarded-For": CITIZEN}, trust_env=False, timeout=10
    ) as client:
        # The cluster and the process of the log-in, on a route without a limit of its own.
        async def genuine(_: int) -> None:
            assert (await client.get("/api/v1/accounts/scenes")).status_code == 200

        figure = await compare(f"{path} 800 × closed windows, {len(addresses)} addresses", genuine, attack)
    assert not figure.starves, figure


@pytest.mark.parametrize("mode", ["dribble", "unread"])
async def test_b4_other_ways_to_take_nothing_do_not_delay_others_either(gateway: str, mode: Mode) -> None:
    port = int(gateway.rpartition(":")[2])

    async def attack() -> None:
        async with ClosedWindows(port, "/docs/scalar.js", addresses=CROWD, mode=mode):
            await asyncio.sleep(60)

    async with httpx.AsyncClient(base_url=gateway, headers={"X-Forwarded-For": CITIZEN}, trust_env=False) as client:

        async def genuine(_: int) -> None:
            assert (await client.get("/api/v1/accounts/scenes")).status_code == 200

        figure = await compare(f"800 page loads, {mode}", genuine, attack)
    assert not figure.starves, figure


async def test_b4_a_page_is_read_while_another_address_takes_none(gateway: str) -> None:
    port = int(gateway.rpartition(":")[2])
    async with (
        ClosedWindows(port, "/docs/scalar.js", addresses=ATTACKER),
        httpx.AsyncClient(base_url=gateway, headers={"X-Forwarded-For": "10.2.0.3"}, trust_env=False) as client,
    ):
        await asyncio.sleep(0.5)
        script = await client.get("/docs/scalar.js")
        assert script.status_code == 200
        assert len(script.content) > 1_000_000

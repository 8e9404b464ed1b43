"""Two deployments that start in the same second: migrations and seeds run twice side by side."""

import asyncio
import base64
import json
import os
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from deploy.local.database import create_test_database
from deploy.local.settings import ROOT, SERVICES
from shared.migrations import TURN_LOCK
from tests.databases import Dsns, in_own_loop
from tests.ingest.samples import seed_partner
from tests.tokens import SERVICE_KEYS

AT_ONCE = 2


@pytest.fixture
def dsns(postgres_admin_dsn: str) -> Dsns:
    in_own_loop(lambda: create_test_database(postgres_admin_dsn, "starts_at_once"))
    return Dsns(postgres_admin_dsn, "starts_at_once")


async def run(*arguments: str, environment: dict[str, str]) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def owners(dsns: Dsns) -> dict[str, str]:
    return {f"{service.upper()}_MIGRATION_DATABASE_URL": dsns.owner(service) for service in SERVICES}


def service_environment(dsns: Dsns, service: str) -> dict[str, str]:
    values = {
        "DATABASE_URL": dsns.app(service),
        "EVENT_LOG_URL": dsns.event_log,
        "JWKS_URL": "http://accounts.test/jwks",
        "SERVICE_KEY": SERVICE_KEYS["rewards"],
        "ACCOUNTING_BASE_URL": "http://accounting.test",
        "ACCOUNTS_BASE_URL": "http://accounts.test",
        "VOUCHER_KEY": base64.b64encode(bytes(range(32))).decode(),
        "ACCOUNT_REF_PEPPER": "pepper-of-the-tests-1234",
        "KEY_ENCRYPTION_KEY": base64.b64encode(b"k" * 32).decode(),
    }
    return {f"{service.upper()}_{name}": value for name, value in values.items()}


async def test_b13_migrations_at_once_wait_for_each_other(dsns: Dsns) -> None:
    command = ("shared.migrations", "upgrade", *SERVICES)
    results = await asyncio.gather(*(run(*command, environment=owners(dsns)) for _ in range(AT_ONCE)))
    assert [code for code, _ in results] == [0] * AT_ONCE, results
    assert (await run("shared.migrations", "check", *SERVICES, environment=owners(dsns)))[0] == 0


async def test_b13_a_migration_waits_longer_than_the_lock_timeout_of_its_statements(dsns: Dsns) -> None:
    connection = await asyncpg.connect(dsns.admin)
    try:
        await connection.execute("SELECT pg_advisory_lock($1, hashtext('rewards'))", TURN_LOCK)
        started = time.monotonic()
        second = asyncio.create_task(run("shared.migrations", "upgrade", "rewards", environment=owners(dsns)))
        await asyncio.sleep(8)  # above the 5 s that a statement of a migration waits
        assert not second.done()
        await connection.execute("SELECT pg_advisory_unlock_all()")
        code, output = await second
        assert (code, time.monotonic() - started > 8) == (0, True), output
    finally:
        await connection.close()


async def test_b13_a_waiting_migration_does_not_block_an_index_built_concurrently(dsns: Dsns) -> None:
    """hexpm/hexpm#1817: a second migration that waits inside a transaction and CREATE INDEX CONCURRENTLY deadlock."""
    first = await asyncpg.connect(dsns.admin)
    try:
        await first.execute("CREATE TABLE public.built (n int)")
        await first.execute("SELECT pg_advisory_lock($1, hashtext('rewards'))", TURN_LOCK)
        second = asyncio.create_task(run("shared.migrations", "upgrade", "rewards", environment=owners(dsns)))
        await asyncio.sleep(4)  # it waits by now
        async with asyncio.timeout(10):
            await first.execute("CREATE INDEX CONCURRENTLY built_n ON public.built (n)")
        await first.execute("SELECT pg_advisory_unlock_all()")
        code, output = await second
        assert code == 0, output
    finally:
        await first.close()


async def test_b13_seeds_at_once_leave_one_set_of_rows(dsns: Dsns, tmp_path: Path) -> None:
    assert (await run("shared.migrations", "upgrade", *SERVICES, environment=owners(dsns)))[0] == 0
    partners = tmp_path / "partners.json"
    partners.write_text(json.dumps([seed_partner("bike")]))
    commands = {"accounting": (), "ingest": (str(partners),), "rewards": ()}
    for service, more in commands.items():
        environment = service_environment(dsns, service)
        command = (f"services.{service}.seed", *more)
        results = await asyncio.gather(*(run(*command, environment=environment) for _ in range(AT_ONCE)))
        assert [code for code, _ in results] == [0] * AT_ONCE, results
    connection = await asyncpg.connect(dsns.admin)
    try:
        counted = "SELECT item_id, count(*) AS n FROM rewards.voucher GROUP BY 1 ORDER BY 1"
        codes = await connection.fetch(counted)
        assert len(codes) > 0
        again = await run("services.rewards.seed", environment=service_environment(dsns, "rewards"))
        assert again[0] == 0
        assert codes == await connection.fetch(
            "SELECT item_id, count(*) AS n FROM rewards.voucher GROUP BY 1 ORDER BY 1"
        )
        assert await connection.fetchval("SELECT count(*) FROM ingest.partner") == 1
    finally:
        await connection.close()

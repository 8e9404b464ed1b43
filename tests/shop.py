"""Accounts, accounting and rewards as real processes on one database, with citizens who hold sessions and grams.

Used by the test of a crowd and by the benchmark of an order, which runs an older checkout beside this one.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from deploy.local.ports import free_port
from shared import clock
from shared.contracts.identity import person_account_id
from tests.databases import Dsns
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

ROOT: Final = Path(__file__).resolve().parents[1]
HOST: Final = "127.0.0.1"
PRICE_MG: Final = 5_000_000
SPONSOR: Final = "bench"
SERVICES: Final = ("accounts", "accounting", "rewards")
KEY_OF_32_BYTES: Final = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_NOWHERE: Final = f"http://{HOST}:9"
_POOL_SIZE: Final = 16  # connections of a service, over all its processes
_READY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """A citizen with a live session."""

    user_id: uuid.UUID
    token: str

    def order(self, item_id: str) -> bytes:
        """Return the HTTP/1.1 request of an order of one piece."""
        key = secrets.token_hex(12)
        body = json.dumps({"item_id": item_id, "quantity": 1, "client_request_id": key}).encode()
        head = (
            f"POST /api/v1/rewards/orders HTTP/1.1\r\nhost: shop\r\nidempotency-key: {key}\r\n"
            f"authorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Shop:
    """The services of one checkout, each with its own number of processes. Use as `with Shop(…) as shop`.

    `directory` gets the logs. Citizens' tokens are signed with the key of `tokens`, which accounts publishes.
    `database_ports`: of proxies, by process. A process is a service, or `<service>-worker`.
    """

    def __init__(
        self,
        admin_dsn: str,
        directory: Path,
        name: str,
        tokens: TokenFactory,
        *,
        checkout: Path = ROOT,
        processes: int = 1,
        database_ports: Mapping[str, int] | None = None,
    ) -> None:
        self._admin_dsn, self._directory, self._checkout, self._tokens = admin_dsn, directory, checkout, tokens
        self._count, self._database_ports = processes, database_ports or {}
        self.name, self.dsns = name, Dsns(admin_dsn, name)
        self.ports = {service: free_port() for service in SERVICES}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._make_database()
            for service in SERVICES:
                self._start(service)
            for service in SERVICES:
                self._wait(service)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"

    def _make_database(self) -> None:
        """With the migrations of its own checkout."""
        program = (
            "import sys; from tests.databases import make_database;"
            f" make_database(sys.argv[1], sys.argv[2], {SERVICES!r})"
        )
        command = [sys.executable, "-c", program, self._admin_dsn, self.name]
        subprocess.run(command, cwd=self._checkout, check=True, capture_output=True)

    def _database_url(self, process: str, service: str) -> str:
        url, port = self.dsns.app(service), self._database_ports.get(process)
        parts = urlsplit(url)
        return (
            url
            if port is None
            else urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")))
        )

    def _environment(self, process: str) -> dict[str, str]:
        service = process.removesuffix("-worker")
        values = {
            "DATABASE_URL": self._database_url(process, service),
            "EVENT_LOG_URL": self.dsns.event_log,
            "JWKS_URL": f"{self.url('accounts')}/api/v1/accounts/.well-known/jwks.json",
            "LOG_LEVEL": "ERROR",
            "SERVICE_TOKEN_SECRET": "of-older-checkouts-with-one-secret-for-all",
            "SERVICE_KEY": SERVICE_KEYS.get(service, ""),
            "SERVICE_CALLERS": json.dumps(SERVICE_CALLERS),
            "ACCOUNTING_BASE_URL": self.url("accounting"),
            "VOUCHER_KEY": KEY_OF_32_BYTES,
            "TOKEN_SIGNING_KEY": self._tokens.pem,
            "WECHAT_BASE_URL": _NOWHERE,
            "WECHAT_APP_ID": "wx-of-nobody",
            "WECHAT_APP_SECRET": "secret-of-nobody",
            "INGEST_BASE_URL": _NOWHERE,
            "PHONE_PEPPER": "pepper-of-phones-in-tests",
            "PHONE_ENCRYPTION_KEY": KEY_OF_32_BYTES,
            "ACCOUNT_REF_PEPPER": "pepper-of-references-in-tests",
        }
        if self._count > 1:
            values["DATABASE_POOL_SIZE"] = str(max(4, _POOL_SIZE // self._count))
        return {**os.environ, **{f"{service.upper()}_{name}": value for name, value in values.items()}}

    def start_worker(self, service: str) -> None:
        self._run(f"{service}-worker", [sys.executable, "-m", f"services.{service}.worker"])

    def kill(self, process: str) -> None:
        """End a process as SIGKILL does: nothing of it runs on."""
        os.killpg(self.processes[process].pid, signal.SIGKILL)

    def restart(self, process: str) -> None:
        """Start a killed process again and wait until it is ready."""
        self.processes[process].wait()
        if process.endswith("-worker"):
            self.start_worker(process.removesuffix("-worker"))
        else:
            self._start(process)
            self._wait(process)

    def _start(self, service: str) -> None:
        command = [sys.executable, "-m", "uvicorn", f"services.{service}.main:create_app", "--factory", "--host", HOST]
        command += ["--port", str(self.ports[service]), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        if self._count > 1:
            command += ["--workers", str(self._count)]
        self._run(service, command)

    def _run(self, process: str, command: Sequence[str]) -> None:
        with self._log(process).open("ab") as sink:
            self.processes[process] = subprocess.Popen(
                command,
                cwd=self._checkout,
                env=self._environment(process),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def _log(self, service: str) -> Path:
        return self._directory / f"{self.name}-{service}.log"

    def _wait(self, service: str) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url(service)}/readyz", trust_env=False).status_code == 200:
                    return
            if time.monotonic() > deadline or self.processes[service].poll() is not None:
                tail = self._log(service).read_text(encoding="utf-8")[-2000:]
                raise RuntimeError(f"{service} of {self.name} did not start\n{tail}")
            time.sleep(0.1)

    # --- things and people -----------------------------------------------------------------------------------------

    async def add_item(self, item_id: str, stock: int) -> None:
        """Offer an item with so many pieces, one for each person."""
        connection = await asyncpg.connect(self.dsns.admin)
        try:
            await connection.execute(
                "INSERT INTO rewards.budget (budget_id, sponsor_id, sponsor_zh, sponsor_en, limit_fen)"
                " VALUES ($1, $1, '赞助方', 'Sponsor', 1000000000000) ON CONFLICT DO NOTHING",
                SPONSOR,
            )
            await connection.execute(
                "INSERT INTO rewards.item (item_id, title_zh, title_en, category, price_mg, price_fen, budget_id,"
                " per_user_limit) VALUES ($1, '热干面', 'Noodles', 'food', $2, 1000, $3, 1)",
                item_id,
                PRICE_MG,
                SPONSOR,
            )
            await connection.execute(
                "INSERT INTO rewards.item_stock (item_id, loaded, available) VALUES ($1, $2, $2)", item_id, stock
            )
            await connection.execute(
                "INSERT INTO rewards.voucher (voucher_id, item_id, code_hash, code_sealed)"
                " SELECT gen_random_uuid(), $1, decode(md5($1 || n), 'hex'), decode(md5($1 || n), 'hex')"
                " FROM generate_series(1, $2) n",
                item_id,
                stock,
            )
            await connection.execute("ANALYZE rewards.item, rewards.item_stock, rewards.voucher, rewards.budget")
        finally:
            await connection.close()

    async def add_visitors(self, count: int) -> list[Visitor]:
        """Log citizens in and give each the grams of four pieces."""
        users = [(uuid.uuid4(), uuid.uuid4()) for _ in range(count)]
        at = clock.now()
        connection = await asyncpg.connect(self.dsns.admin)
        try:
            await connection.copy_records_to_table(
                "app_user",
                schema_name="accounts",
                columns=("user_id", "openid_hash", "openid_sealed", "created_at", "last_login_at"),
                records=[(user_id, user_id.bytes, b"sealed", at, at) for user_id, _ in users],
            )
            await connection.copy_records_to_table(
                "login_session",
                schema_name="accounts",
                columns=("session_id", "user_id", "created_at", "expires_at"),
                records=[(session_id, user_id, at, at + timedelta(days=1)) for user_id, session_id in users],
            )
            await connection.copy_records_to_table(
                "ledger_account",
                schema_name="accounting",
                columns=("account_id", "kind", "balance_mg", "lifetime_mg"),
                records=[(person_account_id(user_id), "person", 4 * PRICE_MG, 4 * PRICE_MG) for user_id, _ in users],
            )
            await connection.execute("ANALYZE accounts.app_user, accounts.login_session, accounting.ledger_account")
            await _allow_target(connection, f"redeemed:{SPONSOR}")
        finally:
            await connection.close()
        return [Visitor(user_id, self._tokens.access(user_id, jti=f"{session_id}.1")) for user_id, session_id in users]

    async def fetch(self, query: str, *args: Any) -> Sequence[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsns.admin)
        try:
            rows: Sequence[asyncpg.Record] = await connection.fetch(query, *args)
            return rows
        finally:
            await connection.close()


async def _allow_target(connection: "asyncpg.Connection[Any]", code: str) -> None:
    """Name a receiver of captures, where accounting keeps a list of them."""
    if await connection.fetchval("SELECT to_regclass('accounting.capture_target')"):
        await connection.execute(
            "INSERT INTO accounting.capture_target (code, title_zh, title_en) VALUES ($1, '赞助方', 'Sponsor')"
            " ON CONFLICT DO NOTHING",
            code,
        )

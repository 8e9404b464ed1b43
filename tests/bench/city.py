"""The whole local stack as real processes with bound citizens, for the measurements over HTTP."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from deploy.gateway.render import envoy_command, envoy_program, render
from deploy.gateway.settings import GatewaySettings
from deploy.local.database import role_dsn
from deploy.local.ports import free_port
from deploy.local.secrets_file import TOKEN_AUDIENCE, TOKEN_ISSUER, Secrets
from deploy.local.state import RunDirectory
from shared import clock
from shared.auth import cp1
from shared.contracts.identity import account_key, person_account_id
from tests.databases import in_own_loop
from tests.e2e.stack import LocalStack

HOST = "127.0.0.1"
TARGET = "/api/v1/ingest/events"
PEOPLE = 20_000
PARTNER = "metro"
_UNLIMITED = {"GATEWAY_ADDRESS_PER_S": "1000000", "GATEWAY_ADDRESS_BURST": "1000000"} | {
    "GATEWAY_SUBJECT_PER_S": "1000000",
    "GATEWAY_SUBJECT_BURST": "1000000",
}
_READY_S = 30.0


class City:
    """Use as `with City("kafka") as city`. Its ports lie below the range of ephemeral ports."""

    def __init__(self, log: str, *, port_offset: int = 23_000) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bench-city-"))
        self.directory.chmod(0o755)
        os.environ.update(_UNLIMITED)  # all requests come from one address
        self.stack = LocalStack(self.directory / "run", port_offset=port_offset, log=log)
        self.port = 8080 + port_offset
        self.log = log
        self._extra: list[subprocess.Popen[bytes]] = []
        self.peer_port = 0

    def __enter__(self) -> Self:
        try:
            self.stack.up()
            run = self.directory / "run"
            self.secrets = Secrets(run / "secrets.json", {})
            state = RunDirectory(run).read()
            assert state is not None
            port = state.processes["postgres"].port
            self.admin = f"postgresql://postgres:{self.secrets['postgres_password']}@{HOST}:{port}/carbon"
            in_own_loop(self._insert_people)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for process in self._extra:
            process.terminate()
            process.wait(20)
        self.stack.down()
        self.stack.clean()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- people ----------------------------------------------------------------------------------------------------

    @staticmethod
    def user_of(person: int) -> uuid.UUID:
        return uuid.UUID(hashlib.md5(f"u{person}".encode()).hexdigest(), version=4)

    def account_of(self, person: int) -> uuid.UUID:
        return person_account_id(self.user_of(person))

    async def _insert_people(self) -> None:
        """Insert accounts and bindings of everyone, as the topic of accounts delivers them."""
        pepper, since = self.secrets["account_ref_pepper"], clock.now() - timedelta(days=500)
        accounts, bindings = [], []
        for person in range(1, PEOPLE + 1):
            account_id = person_account_id(self.user_of(person))
            accounts.append((account_id, "person"))
            key = account_key(pepper, PARTNER, "account_no", f"bench-{person}")
            bindings.append((uuid.uuid4(), 1, PARTNER, key, account_id, "active", since))
        connection = await asyncpg.connect(self.admin)
        try:
            await connection.copy_records_to_table(
                "ledger_account", schema_name="accounting", columns=("account_id", "kind"), records=accounts
            )
            columns = ("binding_id", "version", "partner_id", "account_key", "account_id", "status", "counts_from")
            await connection.copy_records_to_table(
                "binding", schema_name="accounting", columns=columns, records=bindings
            )
            await connection.execute("ANALYZE accounting.ledger_account, accounting.binding")
        finally:
            await connection.close()

    def token(self, person: int) -> str:
        """Return a citizen's access token, signed as accounts signs it."""
        key = load_pem_private_key(self.secrets["token_signing_key"].encode(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        now_s = int(time.time())
        claims = {
            "iss": TOKEN_ISSUER,
            "sub": str(self.user_of(person)),
            "aud": [TOKEN_AUDIENCE],
            "iat": now_s,
            "exp": now_s + 1800,
            "jti": secrets.token_hex(16),
            "scope": "citizen",
        }
        header = {"typ": "at+jwt", "kid": hashlib.sha256(raw).hexdigest()[:16]}
        return jwt.encode(claims, key, algorithm="EdDSA", headers=header)

    # --- requests --------------------------------------------------------------------------------------------------

    def signed_requests(self, count: int, size: int, *, seed: int) -> list[bytes]:
        """Return `count` requests of `size` rides each, signed now and valid for five minutes."""
        app_key, secret = self.secrets.partner_key(PARTNER)
        encode = msgspec.json.Encoder().encode
        number, now = 0, clock.now().replace(microsecond=0)
        requests = []
        for _ in range(count):
            events = []
            for _ in range(size):
                number += 1
                events.append(_ride(seed, number, now))
            body = encode(events if size > 1 else events[0])
            requests.append(_request(body, app_key, secret, batch=size > 1))
        return requests

    def read_requests(self, path: str, people: Sequence[int] | None) -> list[bytes]:
        """Return one GET request for each of these people, or one without a token for None."""
        if people is None:
            return [f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()]
        return [
            f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.token(person)}\r\n\r\n".encode()
            for person in people
        ]

    # --- the peer --------------------------------------------------------------------------------------------------

    def start_peer(self) -> int:
        """Start the peer behind its own gateway of the same template. Returns the gateway's port."""
        if self.peer_port:
            return self.peer_port
        app_port, self.peer_port, admin_port = free_port(), free_port(), free_port()
        _, secret = self.secrets.partner_key(PARTNER)
        environment = {
            **os.environ,
            "PEER_SECRET": secret,
            "PEER_DATABASE_URL": role_dsn(self.admin, "accounting", self.secrets.roles["accounting"]),
        }
        command = [sys.executable, "-m", "uvicorn", "tests.bench.peer_app:create_app", "--factory", "--host", HOST]
        command += ["--port", str(app_port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        self._spawn(command, environment, "peer")
        accounts = f"{HOST}:{self.port - 8080 + 8101}"
        settings = GatewaySettings().model_copy(
            update={
                "accounts": accounts,
                **dict.fromkeys(("ingest", "accounting", "rewards"), f"{HOST}:{app_port}"),
                "port": self.peer_port,
                "admin_port": admin_port,
            }
        )
        config = self.directory / "peer-envoy.yaml"
        config.write_text(render(settings), encoding="utf-8")
        self._spawn(envoy_command(envoy_program(), config, concurrency=2), dict(os.environ), "peer-gateway")
        self._wait(f"http://{HOST}:{self.peer_port}/api/v1/ingest/readyz")
        return self.peer_port

    def _spawn(self, command: Sequence[str], environment: dict[str, str], name: str) -> None:
        root = Path(__file__).resolve().parents[2]
        with (self.directory / f"{name}.log").open("wb") as sink:
            self._extra.append(
                subprocess.Popen(
                    command,
                    cwd=root,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,
                )
            )

    @staticmethod
    def _wait(url: str) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                if httpx.get(url, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} did not answer")
            time.sleep(0.1)

    # --- processes -------------------------------------------------------------------------------------------------

    def resident_mib(self) -> dict[str, float]:
        """Return the RSS of every process of the stack in MiB, without the children of PostgreSQL."""
        state = RunDirectory(self.directory / "run").read()
        assert state is not None
        found = {}
        for name, process in state.processes.items():
            if process.pid is not None and (status := Path(f"/proc/{process.pid}/status")).exists():
                lines = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
                found[name] = int(lines[0].split()[1]) / 1024 if lines else 0.0
        return found

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stop processes of the stack while the block runs. Use it for seconds only: their leases go on."""
        pids = [self.pid_of(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def pid_of(self, name: str) -> int:
        pid = self.stack.pid_of(name)
        assert pid is not None
        return pid


def _ride(seed: int, number: int, now: datetime) -> dict[str, Any]:
    draw = (number * 7919 + seed * 104_729) % (PEOPLE * 16_000)
    start = now - timedelta(seconds=7200 + draw // PEOPLE % 14_000 * 50)
    return {
        "specversion": "1.0",
        "id": f"bench-{seed}-{number}",
        "source": f"https://{PARTNER}.example/events",
        "type": "cn.carboninclusion.transit.ridden.v1",
        "time": now.astimezone(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "account_ref": {"type": "account_no", "value": f"bench-{1 + draw % PEOPLE}"},
            "ride_id": f"r-{seed}-{number}",
            "vehicle_type": "bus" if number % 2 else "metro",
            "boarded_at": start.isoformat(),
            "alighted_at": (start + timedelta(minutes=20)).isoformat(),
            "city_code": "420100",
        },
    }


def _request(body: bytes, app_key: str, secret: str, *, batch: bool) -> bytes:
    signature = cp1.authorization(
        app_key=app_key,
        secret=secret,
        method="POST",
        target=TARGET,
        timestamp=int(time.time()),
        nonce=secrets.token_hex(16),
        body=body,
    )
    kind = "cloudevents-batch+json" if batch else "cloudevents+json"
    head = (
        f"POST {TARGET} HTTP/1.1\r\nhost: bench\r\nauthorization: {signature}\r\n"
        f"content-type: application/{kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def credited(connection: "asyncpg.Connection[Any]") -> int:
    """Return the number of events judged and committed so far."""
    return int(await connection.fetchval("SELECT coalesce(sum(events), 0)::bigint FROM accounting.intake_tally"))

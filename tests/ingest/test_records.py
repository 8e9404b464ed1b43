"""What a superuser changes in partners, keys, approvals and the audit log, and how it is found."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from services.ingest.partners.proof import opener
from services.ingest.records import service
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared.contracts.digests_v1 import DaySealed
from shared.db import Database
from shared.eventlog import Record
from shared.sealing import Sealer
from shared.seals.signer import DigestSigner, is_signature_valid
from tests.accounting.proofs.test_proofs import new_pem
from tests.databases import Dsns, connect_past_triggers, make_database
from tests.ingest.conftest import RunApp
from tests.ingest.operators import OperatorClient
from tests.ingest.samples import PartnerClient, event, seed_partner
from tests.tokens import TokenFactory


CHECK = "/api/v1/ingest/ops/records/check"
DELAY_S = 300


@pytest.fixture(scope="session")
def dsns(postgres_admin_dsn: str) -> Dsns:
    return make_database(postgres_admin_dsn, "ingest_records", ["ingest"])


class Ingest:
    """The service on a database of its own, two operators, and a superuser whom no trigger stops."""

    def __init__(self, settings: Settings, dsns: Dsns, operators: OperatorClient, admin: Any) -> None:
        self.settings, self.dsns, self.operators, self.admin = settings, dsns, operators, admin
        self.database = Database(settings.database_url, pool_size=2)
        self.opens = opener(Sealer(settings.sealing_key))

    async def findings(self) -> list[dict[str, Any]]:
        answer = await self.operators.http.get(CHECK, headers=self.operators.headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["ok"] is (not answer.json()["findings"])
        found: list[dict[str, Any]] = answer.json()["findings"]
        return found

    async def texts(self) -> str:
        return " / ".join(f"{one['partner_id']} {one['app_key']} {one['text']}" for one in await self.findings())

    async def age(self, days: int) -> None:
        """Make all records older."""
        for table, column in (
            ("audit_log", "at"),
            ("partner_record", "at"),
            ("approval", "proposed_at"),
            ("approval", "decided_at"),
        ):
            await self.admin.execute(
                f"UPDATE ingest.{table} SET {column} = {column} - $1::interval", timedelta(days=days)
            )

    async def seal(self, signer: DigestSigner | None = None) -> int:
        """Run the timed job until it has nothing to seal. Return the number of sealed days."""
        sealed = 0
        while True:
            async with self.database.transaction() as session:
                zone = self.settings.time_zone
                if await service.seal_next_day(session, time_zone=zone, delay_s=DELAY_S, signer=signer) is None:
                    return sealed
            sealed += 1

    async def verify(self, *arguments: object, key: bool = True) -> tuple[int, str]:
        """Run the command line in its own process. Return exit code and output."""
        environment = {"INGEST_DATABASE_URL": self.dsns.app("ingest"), "PATH": os.environ.get("PATH", "")}
        if key:
            environment["INGEST_KEY_ENCRYPTION_KEY"] = self.settings.key_encryption_key.get_secret_value()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.ingest.verify", "records", *(str(one) for one in arguments),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**environment, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()


@pytest.fixture
async def ingest(dsns: Dsns, settings: Settings, run_app: RunApp, tokens: TokenFactory) -> AsyncIterator[Ingest]:
    admin = await connect_past_triggers(dsns)
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ingest' AND tablename !~ 'alembic'")
    await admin.execute(
        f"TRUNCATE {', '.join('ingest.' + row['tablename'] for row in tables)} RESTART IDENTITY CASCADE"
    )
    mine = settings.model_copy(update={"database_url": dsns.app("ingest"), "event_log_url": dsns.event_log})
    await seed(mine, json.dumps([seed_partner("bike"), seed_partner("box", environment="sandbox")]).encode())
    async with run_app(mine) as client:
        operators = OperatorClient(client, tokens.operator(), tokens.operator(subject="operator-2"))
        made = Ingest(mine, dsns, operators, admin)
        yield made
        await made.database.stop()
    await admin.close()


async def answered(ingest: Ingest, app_key: str, partner: str = "bike") -> httpx.Response:
    return await PartnerClient(ingest.operators.http, app_key).post(
        json.dumps([event("e-1", partner=partner)]).encode()
    )


async def test_a2_partners_keys_and_operators_records_are_sealed_every_day(ingest: Ingest, tmp_path: Path) -> None:
    await ingest.operators.partner("sealed")
    await ingest.operators.signer("sealed")
    assert await ingest.findings() == []
    await ingest.age(3)
    signer = DigestSigner(new_pem())
    assert await ingest.seal(signer) == 3
    assert await ingest.findings() == []
    rows = await ingest.admin.fetch("SELECT records FROM ingest.outbox WHERE topic = 'ingest.digests.v1' ORDER BY id")
    records = [record for row in rows for record in msgspec.msgpack.decode(row["records"], type=list[Record])]
    days = [msgspec.json.decode(record.value or b"", type=DaySealed) for record in records]
    assert [day.chain for day in days] == ["partners"] * 3
    assert dict(records[0].headers)["ce_source"] == b"/ingest"
    assert all(is_signature_valid(d.statement, public_key=signer.public_key, signature=str(d.signature)) for d in days)
    kept = await ingest.admin.fetch("SELECT facts::text FROM ingest.partner_record")
    sealed = await ingest.admin.fetch("SELECT encode(secret_sealed, 'hex') AS secret FROM ingest.partner_key")
    assert len(kept) == 6  # three partners, three keys
    assert not any(row["secret"] in str(kept) for row in sealed)
    code, output = await ingest.verify()
    assert code == 0, output
    await ingest.admin.execute("DELETE FROM ingest.audit_log WHERE action = 'key.issue.propose'")
    code, output = await ingest.verify()
    assert (code, "运营记录被改动" in output) == (1, True), output

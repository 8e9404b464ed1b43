"""The service on a database of its own, and a superuser who changes its tables by hand."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from services.ingest.partners.proof import opener
from services.ingest.records import service
from services.ingest.seed import seed
from services.ingest.settings import Settings, sealer_of
from shared.db import Database
from shared.seals.signer import DigestSigner
from tests.databases import Dsns
from tests.ingest.operators import OperatorClient, accepted_by
from tests.ingest.samples import PartnerClient, event, seed_partner
from tests.ingest.signing import Signer

CHECK = "/api/v1/ingest/ops/records/check"
DELAY_S = 300
SEEDED = json.dumps([seed_partner("bike"), seed_partner("box", environment="sandbox")]).encode()


class Ingest:
    """The service on a database of its own, two operators, and a superuser whom no trigger stops."""

    def __init__(self, settings: Settings, dsns: Dsns, operators: OperatorClient, admin: Any) -> None:
        self.settings, self.dsns, self.operators, self.admin = settings, dsns, operators, admin
        self.database = Database(settings.database_url, pool_size=2)
        self.opens = opener(sealer_of(settings.sealing_keys))

    async def seed_again(self) -> None:
        """Run the seed file of the fixture once more: its secrets are sealed anew."""
        await seed(self.settings, SEEDED)

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


async def answered(ingest: Ingest, app_key: str, partner: str = "bike") -> httpx.Response:
    return await PartnerClient(ingest.operators.http, app_key).post(
        json.dumps([event("e-1", partner=partner)]).encode()
    )


FORGED_KEY = (
    "INSERT INTO ingest.partner_key (app_key, partner_id, algorithm, environment, public_key)"
    " VALUES ('ak-forged', 'bike', 'CP1-ED25519', 'live', $1)"
)


async def refused(ingest: Ingest, settle: Callable[..., Any], signer: Signer, partner: str) -> None:
    """Wait until the key is unknown, then see that it is a typed refusal and no loss."""
    await settle(accepted_by(signer, partner, status=401))
    answer = await signer.post(b"[]")
    assert answer.json()["code"] in {"UNKNOWN_APP_KEY", "SIGNATURE_MISSING"}

"""Closed days for tests of proofs: a superuser moves postings into the past before days are sealed."""

import asyncio
import os
import sys
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.accounting.proofs import sealing
from shared.seals.signer import DigestSigner
from tests.accounting.driver import Accounting

DELAY_S = 300


class Days:
    def __init__(self, accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.accounting, self.admin = accounting, admin

    async def shift(self, days: int) -> None:
        """Make all postings and activities of today older by `days`."""
        for table, column in (("posting", "posted_at"), ("activity", "recorded_at"), ("activity_change", "changed_at")):
            await self.admin.execute(
                f"UPDATE accounting.{table} SET {column} = {column} - $1::interval"
                f" WHERE {column} > now() - interval '12 hours'",
                timedelta(days=days),
            )

    async def seal(self, signer: DigestSigner | None = None) -> list[date]:
        """Run the timed job until it has nothing to seal. Return the sealed days."""
        sealed: list[date] = []
        while True:
            async with self.accounting.database.transaction() as session:
                day = await sealing.seal_next_day(
                    session, time_zone=self.accounting.settings.time_zone, delay_s=DELAY_S, signer=signer
                )
            if day is None:
                return sealed
            sealed.append(day)


@pytest.fixture
def days(accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]") -> Days:
    return Days(accounting, admin)


class Verifier:
    """Runs the command line as users do, in its own process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, name: str, content: str) -> Path:
        path = self._directory / name
        path.write_text(content)
        return path

    async def run(self, *arguments: object, env: dict[str, str] | None = None) -> tuple[int, str]:
        """Return exit code and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.accounting.verify",
            *(str(argument) for argument in arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", ""), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", **(env or {})},
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()


@pytest.fixture
def verify(tmp_path: Path) -> Verifier:
    return Verifier(tmp_path)

"""The commands about keys work as the documents print them."""

import asyncio
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.accounts.settings import Settings
from tests.accounts.conftest import Db, People
from tests.accounts.fakes import FakeIngest
from tests.accounts.rotating import (
    changed,
    environment_of,
    log_in,
    process,
    set_phone,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["docs/operators.md", "services/accounts/README.md"])
async def test_the_commands_of_the_documents_work_as_printed(
    page: str, settings: Settings, ingest: FakeIngest, people: People, db: Db
) -> None:
    """All bash blocks about keys, top to bottom, in one shell with the settings of the service."""
    anna = await people.new("anna")
    await set_phone(anna, "13812345678")
    blocks = re.findall(r"^```bash\n(.*?)^```$", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    wanted = [block for block in blocks if "services.accounts.keys" in block]
    assert wanted
    shell = await asyncio.create_subprocess_exec(
        "bash",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env=environment_of(settings),
    )
    script = "set -euo pipefail\n" + "\n".join(wanted) + "\necho PEPPER=$ACCOUNTS_PHONE_PEPPER"
    output, _ = await shell.communicate((script + "\necho KEY=$ACCOUNTS_PHONE_ENCRYPTION_KEY\n").encode())
    assert shell.returncode == 0, output.decode()
    pepper, key = (re.search(rf"^{name}=(.*)$", output.decode(), re.MULTILINE) for name in ("PEPPER", "KEY"))
    assert pepper
    assert key
    afterwards = changed(settings, phone_pepper=SecretStr(pepper[1]), phone_encryption_key=SecretStr(key[1]))
    async with process(afterwards, ingest) as (client, _):
        again = await log_in(client, "anna")
        assert again.user_id == anna.user_id
        assert (await again.call("GET", "/me")).json()["phone_masked"] == "138****5678"
    schedule = await db.fetch("SELECT key_id FROM accounts.signing_key WHERE signs_from > now()")
    assert len(schedule) == 1

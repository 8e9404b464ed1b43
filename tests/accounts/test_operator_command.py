"""Operators are made and disabled on the machine, not over HTTP."""

import asyncio
import json
from pathlib import Path

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from services.accounts.operator_command import app as command
from services.accounts.settings import Settings
from tests.accounts.conftest import Db, code_of
from tests.accounts.operators import OPS, LocalOperator, bearer

pytestmark = pytest.mark.usefixtures("early_in_a_step")


@pytest.fixture
def variables(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.model_dump().items():
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(text, str) and name != "profile":
            monkeypatch.setenv(f"ACCOUNTS_{name.upper()}", text)


async def run(*arguments: str) -> tuple[int, str]:
    ended = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
    return ended.exit_code, ended.output


async def test_b10_an_account_made_on_the_machine_logs_in_until_it_is_disabled(
    client: httpx.AsyncClient, variables: None, db: Db
) -> None:
    code, output = await run("add", "li.wei", "--role", "ledger", "--role", "operator-admin")
    assert code == 0, output
    shown = dict(line.split(maxsplit=1) for line in output.strip().splitlines())
    operator = LocalOperator("li.wei", shown["password"], pyotp.parse_uri(shown["TOTP"]))  # type: ignore[arg-type]  # ours is TOTP
    answer = await client.post(f"{OPS}/sessions", json=operator.body())
    assert answer.json()["roles"] == ["ledger", "operator-admin"]
    assert (await run("add", "li.wei", "--role", "ledger"))[0] == 1, "a name is made once"
    assert "local:li.wei" in (await run("list"))[1]
    code, output = await run("disable", "local:li.wei", "--reason", "离职")
    assert (code, "1 sessions ended" in output) == (0, True)
    assert code_of(await client.get(f"{OPS}/sessions", headers=bearer(answer))) == (401, "OPERATOR_SESSION_ENDED")
    assert code_of(await client.post(f"{OPS}/sessions", json=operator.body(steps=1))) == (403, "OPERATOR_DISABLED")
    assert (await run("enable", "local:li.wei"))[0] == 0
    assert (await client.post(f"{OPS}/sessions", json=operator.body(steps=1))).status_code == 201
    actions = [row["action"] for row in await db.fetch("SELECT action FROM accounts.audit_log ORDER BY entry_id")]
    assert actions == [
        *("operator.add", "operator_session.start", "operator.disable", "operator_session.end"),
        *("operator.enable", "operator_session.start"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "li.wei", "--role", "king"),
        ("add", "Li Wei", "--role", "ledger"),
        ("add", "li.wei\n", "--role", "ledger"),
        ("disable", "local:nobody"),
        ("enable", "local:nobody"),
    ],
)
async def test_b10_a_wrong_command_changes_nothing(variables: None, db: Db, arguments: tuple[str, ...]) -> None:
    assert (await run(*arguments))[0] == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.operator_account") == 0


async def test_b10_accounts_with_given_secrets_are_imported_in_development_only(
    app: FastAPI, variables: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: Db
) -> None:
    file = tmp_path / "operators.json"
    account = {"name": "anna", "roles": ["ledger"], "password": "short", "totp_secret": pyotp.random_base32()}
    file.write_text(json.dumps([account]))
    assert (await run("import", str(file)))[0] == 1, "the password is too short"
    file.write_text(json.dumps([{**account, "password": "long-enough-password"}]))
    assert (await run("import", str(file)))[0] == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.operator_account") == 1
    monkeypatch.setenv("PROFILE", "production")
    assert (await run("import", str(file)))[0] == 1

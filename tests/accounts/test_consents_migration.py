"""The migration keeps every consent, gives each live binding its consent, and writes the history of both."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from alembic import command

from shared import migrations
from shared.ids import new_id
from tests.databases import Dsns, make_database


@pytest.fixture
async def fresh() -> None:
    """This folder's clean-up is of another database."""


@pytest.fixture
async def old(postgres_admin_dsn: str) -> AsyncIterator[tuple[Dsns, "asyncpg.Connection[asyncpg.Record]"]]:
    dsns = make_database(postgres_admin_dsn, "test_accounts_before_consents", [])
    await _move(dsns, command.upgrade, "20261127_0010-1")
    connection = await asyncpg.connect(dsns.admin)
    yield dsns, connection
    await connection.close()


async def _move(dsns: Dsns, step: Any, revision: str) -> None:
    config = migrations.config_for("accounts", dsns.owner("accounts"))
    if revision.endswith("-1"):
        revision = _before(config, revision.removesuffix("-1"))
    await asyncio.to_thread(step, config, revision)


def _before(config: Any, revision: str) -> str:
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(config).get_revision(revision)
    assert found is not None
    return str(found.down_revision)


async def _add_person(connection: "asyncpg.Connection[asyncpg.Record]", account: str) -> uuid.UUID:
    user_id, account_id = new_id(), uuid.uuid4()
    await connection.execute("INSERT INTO accounts.app_user VALUES ($1, $2, '', now(), now())", user_id, user_id.bytes)
    await connection.execute(
        "INSERT INTO accounts.carbon_account (account_id, user_id, account_no, kind, opened_at)"
        " VALUES ($1, $2, $3, 'person', now())",
        account_id,
        user_id,
        account,
    )
    for partner, status, ended in (("didi", "active", None), ("metro", "ended", "now()")):
        await connection.execute(
            "INSERT INTO accounts.binding (binding_id, user_id, account_id, partner_id, account_key, mode, status,"
            f" version, since, counts_from, ended_at, changed_at) VALUES ($1, $2, $3, $4, $5, 'token', '{status}', 1,"
            f" '2026-11-02Z', '2026-11-02Z', {ended or 'NULL'}, now())",
            new_id(),
            user_id,
            account_id,
            partner,
            account,
        )
    return user_id


async def test_consents_and_bindings_of_before_have_their_history(
    old: tuple[Dsns, "asyncpg.Connection[asyncpg.Record]"],
) -> None:
    dsns, connection = old
    user_id = await _add_person(connection, "WH1")
    for given, ended, reason in (
        ("2026-10-01Z", "2026-10-02Z", "superseded"),
        ("2026-10-02Z", "2026-10-03Z", "withdrawn"),
        ("2026-10-04Z", None, None),
    ):
        await connection.execute(
            "INSERT INTO accounts.consent (consent_id, user_id, purpose, policy_version, given_at, ended_at,"
            " ended_reason) VALUES ($1, $2, 'data_processing', '2026-11', $3::text::timestamptz,"
            " $4::text::timestamptz, $5)",
            new_id(),
            user_id,
            given,
            ended,
            reason,
        )
    await _move(dsns, command.upgrade, "20261127_0010")
    rows = await connection.fetch(
        "SELECT purpose, policy_family, version, ended_reason FROM accounts.consent ORDER BY purpose, version"
    )
    assert [tuple(row) for row in rows] == [
        ("data_processing", "general", 1, "superseded"),
        ("data_processing", "general", 2, "withdrawn"),
        ("data_processing", "general", 3, None),
        ("partner:didi", "partner_sharing", 1, None),
    ]
    changes = await connection.fetch("SELECT purpose, change, channel FROM accounts.consent_change ORDER BY at, change")
    assert [tuple(row) for row in changes] == [
        ("data_processing", "given", "app"),
        ("data_processing", "renewed", "app"),
        ("data_processing", "withdrawn", "app"),
        ("data_processing", "given", "app"),
        ("partner:didi", "given", "migration"),
    ]
    await _move(dsns, command.downgrade, "20261127_0010-1")
    assert await connection.fetchval("SELECT count(*) FROM accounts.consent") == 3
    await _move(dsns, command.upgrade, "20261127_0010")
    assert await connection.fetchval("SELECT count(*) FROM accounts.consent") == 4

"""Faults of other audit trails and ledgers, from public reports: walls of the database that somebody takes down."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from services.accounting.checks import service as checks
from shared.db import Database
from tests.accounting.driver import Accounting
from tests.databases import Dsns

NEW = "CREATE TRIGGER refuse_change BEFORE {} EXECUTE FUNCTION accounting.refuse_change()"
OPENED = {
    "a disabled trigger": "ALTER TABLE accounting.posting DISABLE TRIGGER refuse_change",
    "all triggers of a table": "ALTER TABLE accounting.audit_log DISABLE TRIGGER ALL",
    "a trigger for replicas only": "ALTER TABLE accounting.posting ENABLE REPLICA TRIGGER check_postings",
    "a dropped trigger": "DROP TRIGGER keep_replaced_verdicts ON accounting.activity",
    "a trigger of fewer events": "DROP TRIGGER refuse_change ON accounting.posting; "
    + NEW.format("DELETE ON accounting.posting FOR EACH STATEMENT"),
    "a trigger for rows, which TRUNCATE passes": "DROP TRIGGER refuse_change ON accounting.posting; "
    + NEW.format("UPDATE OR DELETE ON accounting.posting FOR EACH ROW"),
    "a trigger with an impossible condition": "DROP TRIGGER refuse_change ON accounting.hold; "
    + NEW.format("DELETE OR TRUNCATE ON accounting.hold FOR EACH STATEMENT WHEN (false)"),
    "a function that does nothing": "CREATE OR REPLACE FUNCTION accounting.refuse_change() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NULL;END'",
    "a movement beside the chart": "INSERT INTO accounting.posting_rule VALUES ('gift', 'person', 'person')",
    "a right of the service": "GRANT TRUNCATE ON accounting.posting TO accounting",
}


class Undone(Exception):
    """Rolls the owner's changes back."""


@pytest.fixture
async def owner(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[Database]:
    """Connections with the rights of the owner of the tables, as migrations have them."""
    database = Database(accounting_dsns.owner("accounting"), pool_size=1)
    yield database
    await database.stop()


async def figure_after(owner: Database, statements: str, equation: str) -> int:
    """Return the figure of an equation as it would be after these statements of the owner."""
    figures: list[int] = []
    with contextlib.suppress(Undone):
        async with owner.transaction() as session:
            for statement in statements.split("; "):
                await session.execute(text(statement))
            figures.append(await checks.check_one(session, equation))
            raise Undone
    return figures[0]


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
async def test_b9_a_wall_that_the_owner_took_down_is_seen(owner: Database, opened: str) -> None:
    """torkiv-labs/Nexuq#429, heypinchy/pinchy#826, CopilotKit/OpenBot#138, djrobstep/migra#172."""
    assert await figure_after(owner, opened, "walls_open") >= 1
    assert await figure_after(owner, "SELECT 1", "walls_open") == 0


async def test_b9_a_rewritten_column_passes_every_trigger_and_no_equation(
    accounting: Accounting, owner: Database
) -> None:
    """pgaudit/pgaudit#288, heypinchy/pinchy#826: statements that no trigger of rows or statements sees."""
    person = await accounting.citizen()
    await accounting.post(person.bus())
    rewritten = "ALTER TABLE accounting.posting ALTER COLUMN amount_mg TYPE bigint USING amount_mg * 2"
    assert await figure_after(owner, rewritten, "balances_differing") == 2
    assert await figure_after(owner, rewritten, "credited_differing") == 1


async def test_b9_operators_and_metrics_see_an_open_wall(accounting: Accounting, accounting_dsns: Dsns) -> None:
    """2ndQuadrant/audit-trigger#34: nobody sees which tables are guarded."""
    connection = await asyncpg.connect(accounting_dsns.owner("accounting"))
    try:
        await connection.execute("ALTER TABLE accounting.approval DISABLE TRIGGER refuse_change")
        found: Any = await accounting.check()
        assert (found["ok"], [one["name"] for one in found["equations"] if one["figure"]]) == (False, ["walls_open"])
    finally:
        await connection.execute("ALTER TABLE accounting.approval ENABLE TRIGGER refuse_change")
        await connection.close()

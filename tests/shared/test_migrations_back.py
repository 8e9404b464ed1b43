"""The newest migrations of each service can be taken back, and applied again to the same schema."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from shared import migrations
from tests.databases import Dsns, make_database

BACK = 3  # revisions
# Everything that a migration makes: as text, so that a difference is readable.
_SCHEMA = """
SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod)
    || CASE WHEN attnotnull THEN ' not null' ELSE '' END || coalesce(' ' || pg_get_expr(adbin, adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = $1::regnamespace AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = $1::regnamespace
UNION ALL SELECT pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = $1::regnamespace
UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace AND prokind = 'f'
UNION ALL SELECT pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = $1::regnamespace AND NOT tgisinternal
UNION ALL SELECT 'right ' || relname || ' ' || acl
FROM pg_class, unnest(relacl) acl(acl) WHERE relnamespace = $1::regnamespace
ORDER BY 1
"""


async def schema_of(dsns: Dsns, service: str) -> list[str]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        return [row[0] for row in await connection.fetch(_SCHEMA, service)]
    finally:
        await connection.close()


async def move(dsns: Dsns, service: str, step: Callable[[Config, str], Any], revision: str) -> None:
    await asyncio.to_thread(step, migrations.config_for(service, dsns.owner(service)), revision)


@pytest.mark.parametrize("service", migrations.SERVICES)
async def test_the_newest_migrations_can_be_taken_back_and_applied_again(postgres_admin_dsn: str, service: str) -> None:
    dsns = make_database(postgres_admin_dsn, f"test_back_{service}", [service])
    newest = await schema_of(dsns, service)
    for back in range(1, BACK + 1):
        await move(dsns, service, command.downgrade, f"-{back}")
        await move(dsns, service, command.upgrade, "head")
        again = await schema_of(dsns, service)
        assert (set(newest) - set(again), set(again) - set(newest)) == (set(), set()), f"{back} back"
    assert any("column" in line for line in newest)

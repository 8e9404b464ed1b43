"""The search for traces finds a string in every type of column and every spelling. Else its silence proves nothing."""

from pathlib import Path

import asyncpg
import pytest

from tests.databases import in_own_loop
from tests.e2e import traces

CANARY = "外婆-canary-7"
COLUMNS = {
    "a text": ("text", CANARY),
    "within a text": ("text", f"before {CANARY} behind"),
    "a document": ("jsonb", f'{{"name": "{CANARY}"}}'),
    "an escaped document": ("json", '{"name": "\\u5916\\u5a46-canary-7"}'),
    "a list": ("text[]", f'{{"{CANARY}"}}'),
    "bytes": ("bytea", "\\x" + f"\x01{CANARY}\x02".encode().hex()),
    "bytes of an escaped document": ("bytea", "\\x" + b'{"name":"\\u5916\\u5a46-canary-7"}'.hex()),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_string_is_found_in_every_type_of_column(column: str, postgres_admin_dsn: str) -> None:
    kind, value = COLUMNS[column]

    async def search() -> traces.Found:
        connection = await asyncpg.connect(postgres_admin_dsn)
        try:
            await connection.execute("DROP SCHEMA IF EXISTS hiding CASCADE; CREATE SCHEMA hiding")
            await connection.execute(f"CREATE TABLE hiding.place (id int, kept {kind})")
            empty = traces.tables_with(await traces.read_tables(connection), {"it": CANARY})
            assert empty == {}
            await connection.execute(f"INSERT INTO hiding.place VALUES (1, NULL), (2, '{value}')")
            found = traces.tables_with(await traces.read_tables(connection), {"it": CANARY, "other": "not there"})
            await connection.execute("DROP SCHEMA hiding CASCADE")
        finally:
            await connection.close()
        return found

    assert in_own_loop(search) == {"it": frozenset({"hiding.place"})}


def test_a_string_is_found_in_files_of_every_depth(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "one.log").write_bytes(b"\xff\x00" + CANARY.encode())
    (tmp_path / "escaped.json").write_text('{"name": "\\u5916\\u5a46-canary-7"}')
    (tmp_path / "clean").write_text("外婆")
    found = traces.files_with([tmp_path], {"it": CANARY, "other": "not there"})
    assert found == {"it": frozenset({"one.log", "escaped.json"})}

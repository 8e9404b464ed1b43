"""Looks for strings wherever a stack keeps anything: in every column of every table, topics included, and in files.

Tables and columns come from the catalogue of the database, so that a new one is searched on the day of its migration.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import asyncpg

from deploy.local.postgres import PostgresServer
from deploy.local.state import RunDirectory

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Found = Mapping[str, frozenset[str]]
_TABLES = """SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY 1, 2"""


def spellings(text: str) -> tuple[str, ...]:
    """A string as it may stand in a row: as it is, escaped in JSON, and both as the hexadecimal digits of bytes."""
    escaped = json.dumps(text)[1:-1]
    doubled = escaped.replace("\\", "\\\\")
    return (text, escaped, doubled, text.encode().hex(), escaped.encode().hex())


async def read_tables(connection: Connection) -> dict[str, str]:
    """Return every table of the database, the topics of the embedded log included, as text. Bytes are hexadecimal."""
    found = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for schema, table in await connection.fetch(_TABLES):
            rows = await connection.fetch(f'SELECT t::text FROM "{schema}"."{table}" t')
            found[f"{schema}.{table}"] = "\n".join(row[0] for row in rows)
    return found


def tables_with(tables: Mapping[str, str], wanted: Mapping[str, str]) -> Found:
    """Return the tables that hold each of the wanted strings, by its name. A string that is nowhere is left out."""
    found = {
        name: frozenset(table for table, text in tables.items() if any(one in text for one in spellings(canary)))
        for name, canary in wanted.items()
    }
    return {name: places for name, places in found.items() if places}


def directories_of(run_dir: Path) -> list[Path]:
    """The run directory, and that of the database server, which lies elsewhere if root started the stack."""
    return [run_dir, PostgresServer(RunDirectory(run_dir).postgres).cluster]


def files_with(directories: list[Path], wanted: Mapping[str, str]) -> Found:
    """Return the names of the files that hold each of the wanted strings: logs, the database's files, all others."""
    needles = {name: [one.encode() for one in spellings(canary)] for name, canary in wanted.items()}
    found: dict[str, set[str]] = {}
    for path in {path.resolve() for directory in directories for path in directory.rglob("*")}:
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:  # the database removes its temporary files
            continue
        for name, spelled in needles.items():
            if any(one in content for one in spelled):
                found.setdefault(name, set()).add(path.name)
    return {name: frozenset(places) for name, places in found.items()}

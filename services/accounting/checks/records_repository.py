"""SQL that reads the records of operators in time order: publications, approvals, factors, and the audit log.

Columns are listed one by one: a column that a later release adds must not change the text of older records.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import asyncpg

from shared.db import Connection

_SOURCES = (  # table, time, key, columns
    ("audit_log", "at", "entry_id::text", "entry_id at subject action object reason before after"),
    ("factor", "registered_at", "factor_id || ' ' || vintage", "factor_id vintage document sha256"),
    (
        "methodology_version",
        "published_at",
        "code || ' v' || version",
        "code version region effective_from document sha256",
    ),
    (
        "library_journal",
        "at",
        "entry_id::text",
        "entry_id kind name version sha256 document ends_on retired proposed_by approved_by",
    ),
    (
        "methodology_draft",
        "published_at",
        "draft_id::text",
        "draft_id code version text sha256 authors published_by",
    ),
    (
        "approval",
        "proposed_at",
        "'proposed ' || proposal_id",
        "proposal_id kind subject content reason proposed_by",
    ),
    ("approval", "decided_at", "'decided ' || proposal_id", "proposal_id status decided_by"),
)


def _object(columns: str) -> str:
    pairs = ", ".join(f"'{name}', {name}" for name in columns.split())
    return f"jsonb_build_object({pairs})"


_BETWEEN = (
    " UNION ALL ".join(
        f"SELECT {at} AS at, '{table}' AS \"table\", {key} AS key, {_object(columns)}::text AS record"
        f" FROM accounting.{table} WHERE {at} >= $1 AND {at} < $2"
        for table, at, key, columns in _SOURCES
    )
    + ' ORDER BY at, "table", key'
)
_FIRST = (
    "SELECT min(at) FROM ("
    + " UNION ALL ".join(f"SELECT min({at}) AS at FROM accounting.{table}" for table, at, _, _ in _SOURCES)
    + ") moments"
)


async def records_between(
    connection: Connection, begin: datetime, end: datetime, batch: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Yield batches of (at, table, key, record as JSON text) with begin <= at < end, in canonical order."""
    cursor = await connection.cursor(_BETWEEN, begin, end)
    while rows := await cursor.fetch(batch):
        yield rows


async def first_recorded_at(connection: Connection) -> datetime | None:
    found: datetime | None = await connection.fetchval(_FIRST)
    return found

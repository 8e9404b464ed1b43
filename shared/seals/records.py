"""SQL that reads the records of operators of one service in time order, for its seals.

Columns are listed one by one: a column that a later release adds must not change the text of older records. A source
that a later release adds must have no rows before that release, or sealed days would get new leaves.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import driver

_BATCH = 500


class Source(NamedTuple):
    """A table of records. `at` and `key` are SQL expressions, `columns` the sealed ones, separated by spaces."""

    table: str
    at: str
    key: str
    columns: str


class Records:
    """The records of one service: rows of its sources, ordered by time, table and key."""

    def __init__(self, schema: str, sources: Sequence[Source]) -> None:
        self._between = (
            " UNION ALL ".join(
                f"SELECT {source.at} AS at, '{source.table}' AS \"table\", {source.key} AS key,"
                f" {_object(source.columns)}::text AS record"
                f" FROM {schema}.{source.table} WHERE {source.at} >= $1 AND {source.at} < $2"
                for source in sources
            )
            + ' ORDER BY at, "table", key'
        )
        moments = " UNION ALL ".join(f"SELECT min({one.at}) AS at FROM {schema}.{one.table}" for one in sources)
        self._first = f"SELECT min(at) FROM ({moments}) moments"

    async def between(self, session: AsyncSession, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
        """Yield batches of (at, table, key, record as JSON text) with begin <= at < end, in canonical order."""
        connection = await driver(session)
        cursor = await connection.cursor(self._between, begin, end)
        while rows := await cursor.fetch(_BATCH):
            yield rows

    async def first_at(self, session: AsyncSession) -> datetime | None:
        """Return the time of the earliest record. Reads all of them: for the first sealed day only."""
        found: datetime | None = await (await driver(session)).fetchval(self._first)
        return found


def _object(columns: str) -> str:
    pairs = ", ".join(f"'{name}', {name}" for name in columns.split())
    return f"jsonb_build_object({pairs})"

"""SQL of totals."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.db import Connection


async def counted_before(connection: Connection) -> datetime | None:
    moment: datetime | None = await connection.fetchval("SELECT counted_before FROM accounting.credit_count_state")
    return moment


async def add_counts(connection: Connection, acts: Mapping[uuid.UUID, int], upto: datetime) -> None:
    """Add counted acts by issuance account. Everything before `upto` is counted now."""
    await connection.execute(
        "INSERT INTO accounting.credit_count AS c (account_id, acts) SELECT * FROM unnest($1::uuid[], $2::bigint[])"
        " ON CONFLICT (account_id) DO UPDATE SET acts = c.acts + EXCLUDED.acts",
        list(acts),
        list(acts.values()),
    )
    await connection.execute(
        "INSERT INTO accounting.credit_count_state (counted_before) VALUES ($1)"
        " ON CONFLICT (id) DO UPDATE SET counted_before = EXCLUDED.counted_before",
        upto,
    )


async def credit_counts(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = await connection.fetch(
        "SELECT account_id, acts FROM accounting.credit_count WHERE account_id = ANY($1::uuid[])", list(account_ids)
    )
    return {row[0]: row[1] for row in rows}

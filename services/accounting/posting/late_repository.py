"""SQL of acts that were decided before their binding was known."""

from collections.abc import Sequence
from typing import Any

from services.accounting.bindings.service import LateChange
from shared.db import Connection

# Receipt precedes an act by some minutes at most: clocks of partners run ahead.
_MARGIN_S = 3600


async def decided_since(
    connection: Connection, changes: Sequence[LateChange], refusals: Sequence[str]
) -> Sequence[Any]:
    """Return the credits, and the refusals for these reasons, that were received since then. Locked, in order."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.* FROM unnest($1::text[], $2::uuid[], $3::timestamptz[]) AS k(partner_id, account_id, since)"
        # OFFSET 0 forces one index search per person, also while the statistics say that the table is small.
        " CROSS JOIN LATERAL (SELECT * FROM accounting.activity a WHERE a.account_id = k.account_id"
        " AND a.partner_id = k.partner_id AND a.received_at >= k.since - make_interval(secs => $5)"
        " AND (a.status IN ('credited', 'pending') OR a.status = 'refused' AND a.reason_code = ANY($4::text[])"
        " AND a.act IS NOT NULL) OFFSET 0 FOR UPDATE) a ORDER BY a.occurred_at, a.activity_id",
        [change.partner_id for change in changes],
        [change.account_id for change in changes],
        [change.since for change in changes],
        list(refusals),
        _MARGIN_S,
    )
    return rows

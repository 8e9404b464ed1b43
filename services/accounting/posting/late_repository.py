"""SQL of acts that were decided before their binding was known."""

from collections.abc import Sequence
from typing import Any

from services.accounting.bindings.service import LateChange
from shared.db import Connection

# Receipt precedes an act by some minutes at most: clocks of partners run ahead.
_MARGIN_S = 3600


async def decided_since(connection: Connection, change: LateChange, refusals: Sequence[str]) -> Sequence[Any]:
    """Return the credits, and the refusals for these reasons, that were received since then. Locked, in order."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT * FROM accounting.activity WHERE account_id = $2 AND partner_id = $1"
        " AND received_at >= $3::timestamptz - make_interval(secs => $5)"
        " AND (status IN ('credited', 'pending') OR status = 'refused' AND reason_code = ANY($4::text[])"
        " AND act IS NOT NULL) ORDER BY occurred_at, activity_id FOR UPDATE",
        change.partner_id,
        change.account_id,
        change.since,
        list(refusals),
        _MARGIN_S,
    )
    return rows

"""SQL of the inbox. Activities and corrections share it: an event id is used once, by one or the other."""

import uuid
from collections.abc import Sequence

from services.accounting.posting.domain import KnownEvent
from shared.db import UNPLANNED_IDS, Connection


async def known_events(connection: Connection, event_keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, KnownEvent]:
    """Return the events that came before. One statement reads both tables, so the keys are encoded once."""
    rows = await connection.fetch(
        "SELECT activity_id, fingerprint, receipt_id, receipt_index FROM accounting.activity"
        f" WHERE activity_id = ANY({UNPLANNED_IDS})"
        " UNION ALL SELECT event_key, fingerprint, receipt_id, receipt_index FROM accounting.correction"
        f" WHERE event_key = ANY({UNPLANNED_IDS})",
        event_keys,
    )
    return {row[0]: KnownEvent(row[1], row[2], row[3]) for row in rows}

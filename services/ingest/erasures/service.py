"""Consumer of `accounting.erasures.v1`. Only accounting knows which events were a person's.

Its records about one person stay in order: first the events, in portions of 500, then its answer. The archive clears
each portion in the transaction of the poll, and answers after the last one.
"""

from typing import Final

from services.ingest.database import SCHEMA
from services.ingest.personal_data import TABLES
from shared import erasing
from shared.contracts.erasures_v1 import EVENTS_MAX, ErasureMessage, EventsErased
from shared.db import Session
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

_ROWS: Final = PersonalRows(SCHEMA, TABLES)
# Copies of an event have rows of their own.
_ROWS_MAX: Final = 100 * EVENTS_MAX


async def handle_erasures(session: Session, items: Items[ErasureMessage], *, topic: str) -> None:
    """Clear the content of events, and pass on the answers. A repeated record changes nothing."""
    for _, message in items:
        if isinstance(message, EventsErased):
            await _ROWS.erase(session, PersonIds(events=message.event_keys), at_most=_ROWS_MAX)
        else:
            await erasing.answer(
                session,
                SCHEMA,
                erasure_id=message.erasure_id,
                account_id=message.account_id,
                rows=message.rows,
                topic=topic,
                source="/ingest",
            )

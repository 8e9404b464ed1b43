"""The announcement of a sealed day: the record of the topic, and the same content as a line of the file."""

from typing import Any

import msgspec

from shared.contracts.digests_v1 import DAY_SEALED_TYPE, Chain, DaySealed
from shared.contracts.envelope import event_headers
from shared.eventlog import Record


def sealed_day(chain: Chain, row: Any) -> DaySealed:
    """Return the announcement of a stored digest."""
    return DaySealed(
        chain=chain,
        day=row.day,
        statement=row.statement,
        sha256=row.sha256,
        public_key=row.public_key,
        signature=row.signature,
        sealed_at=row.sealed_at,
    )


def announcement(sealed: DaySealed, *, source: str) -> Record:
    headers = event_headers(
        f"{sealed.chain}:{sealed.day}", source=source, event_type=DAY_SEALED_TYPE, at=sealed.sealed_at
    )
    return Record(key=sealed.chain.encode(), value=msgspec.json.encode(sealed), headers=headers)

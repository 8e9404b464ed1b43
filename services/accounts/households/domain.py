"""Rules of households: how long a person waits between two households."""

import uuid
from datetime import datetime, timedelta
from typing import Final

# A month, so that nobody uses two households' monthly limits by moving back and forth. A family that really moves waits
# once. Yearly limits need no wait: the ledger counts a person who moved in both households.
MOVE_WAIT: Final = timedelta(days=30)


def earliest_move(
    former: tuple[uuid.UUID, datetime] | None, household_id: uuid.UUID | None, now: datetime
) -> datetime | None:
    """Return when a person may join `household_id` (None: open a new one), or None when that is allowed now.

    `former`: the household that the person left last, and when. Returning to it needs no wait, because its limits are
    the same.
    """
    if former is None or former[0] == household_id:
        return None
    moment = former[1] + MOVE_WAIT
    return moment if now < moment else None

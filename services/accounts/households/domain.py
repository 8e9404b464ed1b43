"""Rules of households: when somebody who left one may enter another."""

import uuid
from datetime import datetime, timedelta
from typing import Final

# A month: nobody counts in two households' monthly limits by moving back and forth, and a family that really moves
# waits once. What is counted in the year is kept apart by the ledger, which counts a mover in both households.
MOVE_WAIT: Final = timedelta(days=30)


def earliest_move(
    former: tuple[uuid.UUID, datetime] | None, household_id: uuid.UUID | None, now: datetime
) -> datetime | None:
    """The moment from which a person may enter `household_id` (None: a new one), None when it is now.

    `former`: the household left last, and when. Back into that one the way is open: its limits are the same ones.
    """
    if former is None or former[0] == household_id:
        return None
    moment = former[1] + MOVE_WAIT
    return moment if now < moment else None

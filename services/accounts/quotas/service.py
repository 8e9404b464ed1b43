"""Limits per person, counted in the database so that they hold across processes and restarts."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from services.accounts.quotas import repository
from services.accounts.quotas.errors import QuotaExceeded
from shared import clock
from shared.db import Session
from shared.wording import span


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `at_most` uses in each window of `window_s` seconds. Windows begin at multiples of `window_s`."""

    purpose: str
    at_most: int
    window_s: int


async def count_use(session: Session, *, user_id: uuid.UUID, quota: Quota) -> None:
    """Count one use in the current window. Raises QuotaExceeded with the seconds until the window ends."""
    at = clock.now()
    ends_at_s = (int(at.timestamp()) // quota.window_s + 1) * quota.window_s
    window_ends_at = datetime.fromtimestamp(ends_at_s, UTC)
    used = await repository.add_one(session, user_id=user_id, purpose=quota.purpose, window_ends_at=window_ends_at)
    if used > quota.at_most:
        raise QuotaExceeded(
            at_most=quota.at_most,
            window=span(quota.window_s),
            retry_after_s=max(int((window_ends_at - at).total_seconds()), 1),
        )


async def purge_past(session: Session, *, at_most: int) -> None:
    """Delete counts of past windows, at most `at_most`."""
    await repository.delete_past_windows(session, before=clock.now(), at_most=at_most)
